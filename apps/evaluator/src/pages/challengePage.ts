/** The list of challenges, and the page of one: its settings, its leaderboard and its submissions. */
import { Hono } from 'hono';
import { html } from 'hono/html';
import type { Kysely } from 'kysely';
import { guard } from '../auth/access.ts';
import { leaderboardOf } from '../results/leaderboard.ts';
import { summaryOf } from '../results/submissionView.ts';
import { EfficiencySource, type LeaderboardView } from '../schema/leaderboard.ts';
import type { Env } from '../services.ts';
import { type Challenge, listCases, listChallenges } from '../store/challenges.ts';
import { listSubmissionCases, listSubmissions, type Submission } from '../store/submissions.ts';
import type { Tables } from '../store/tables.ts';
import { type Html, page, scrolling, time } from './layout.ts';
import { organiserLinks } from './organiser/frame.ts';
import { rankInterval } from './rankInterval.ts';

export const challengePages = new Hono<Env>();

challengePages.get('/', async (c) => {
  const challenges = await listChallenges(c.get('services').db);
  const cards = challenges.map(
    ({ id, name, deadline, organs }) => html`<li><a href="/challenges/${id}"><b>${name}</b>
${organs.length} ${organs.length === 1 ? 'organ' : 'organs'}<br><span class="quiet">${deadlineText(deadline)}</span></a></li>`,
  );
  const isOwner = c.get('key')?.role === 'owner';
  const body = html`<h1>Challenges</h1>
${isOwner ? html`<div class="actions"><a class="button" href="/new-challenge">New challenge</a></div>` : ''}
${challenges.length > 0 ? html`<ul class="cards">${cards}</ul>` : html`<p>There is none yet.${isOwner ? '' : ' The service’s owner signs in to create one.'}</p>`}`;
  return page(c, { title: 'Challenges', body });
});

challengePages.get('/challenges/:challenge', guard('anyone'), async (c) => {
  const { db } = c.get('services');
  const challenge = c.get('challenge');
  const source = EfficiencySource.catch('measured').parse(c.req.query('efficiency'));
  const board = await leaderboardOf(db, challenge, source);
  const cases = await listCases(db, challenge.id);
  const key = c.get('key');
  const isMember = key?.role === 'owner' || key?.challengeId === challenge.id;
  const isOrganiser = isMember && key.role !== 'submitter';
  const submissions = isMember ? await listSubmissions(db, challenge.id, key.team ?? undefined) : [];
  const body = html`<h1>${challenge.name}</h1>
${isOrganiser ? organiserLinks(challenge, '') : ''}
${facts(challenge, cases.length)}
${isOrganiser ? '' : html`<div class="actions"><a class="button" href="/challenges/${challenge.id}/submit">Submit masks</a></div>`}
<h2>Leaderboard</h2>
${tabs(challenge.id, source)}
<p class="quiet">${explained(board)}</p>
${table(board, new Set(submissions.map(({ id }) => id)))}
<p><a href="/v1/challenges/${challenge.id}/leaderboard.csv?efficiency=${source}">CSV</a> ·
<a href="/v1/challenges/${challenge.id}/leaderboard?efficiency=${source}">JSON</a></p>
${isMember && !isOrganiser ? await submissionList(db, submissions) : ''}`;
  return page(c, { title: challenge.name, body });
});

const deadlineText = (deadline: string | null): Html | string => {
  if (deadline === null) return 'no deadline';
  return deadline > new Date().toISOString()
    ? html`open until ${time(deadline)}`
    : html`closed since ${time(deadline)}`;
};

function facts({ rules, deadline, submissionsPerDay, organs }: Challenge, cases: number): Html {
  return html`<dl class="facts"><div><dt>Cases</dt><dd>${cases}</dd></div>
<div><dt>Organs</dt><dd>${organs.length}</dd></div>
<div><dt>Rules</dt><dd>${rules}</dd></div>
<div><dt>Submissions a day</dt><dd>${submissionsPerDay}</dd></div>
<div><dt>Deadline</dt><dd>${deadlineText(deadline)}</dd></div></dl>`;
}

const SOURCES = { measured: 'Measured efficiency', claimed: 'Claimed efficiency', none: 'Accuracy alone' };

function tabs(id: string, current: string): Html {
  const links = Object.entries(SOURCES).map(
    ([source, name]) =>
      html`<li><a href="/challenges/${id}?efficiency=${source}"${source === current ? html` aria-current="page"` : ''}>${name}</a></li>`,
  );
  return html`<ul class="tabs" aria-label="Efficiency figures that are ranked">${links}</ul>`;
}

function explained({ efficiency, entries }: LeaderboardView): string {
  const isRanked = entries.some(({ logs }) => logs > 0);
  const figures = `time, and GPU and CPU use at half weight, as ${
    efficiency === 'measured' ? 'the organiser measured them' : 'the teams claim them'
  }`;
  const measures = isRanked ? `DSC, NSD, ${figures}` : 'DSC and NSD';
  return `Each team counts with its newest scored submission. Its score is the mean of its ranks over all cases by ${measures}. Lower is better.`;
}

function table({ entries, cases, efficiency }: LeaderboardView, visible: ReadonlySet<string>): Html {
  if (entries.length === 0) return html`<p>No submission has been scored yet.</p>`;
  const hasFigures = entries.some(({ logs }) => logs > 0);
  const rows = entries.map((entry) => {
    const figures = entry.efficiency;
    const tags = [
      entry.missing > 0 && html`<span class="tag bad">${entry.missing} of ${cases} missing</span>`,
      entry.stuck > 0 && html`<span class="tag bad">${entry.stuck} stuck</span>`,
      hasFigures &&
        entry.logs < cases &&
        html`<span class="tag">${entry.logs} of ${cases} ${efficiency}</span>`,
    ].filter((tag) => tag !== false);
    return html`<tr><td class="rank">${entry.rank}</td>
<th scope="row" class="name">${visible.has(entry.submission) ? html`<a href="/submissions/${entry.submission}">${entry.team}</a>` : entry.team}</th>
<td>${entry.score.toFixed(3)}</td>
<td>${rankInterval(entry.rank, entry.rankInterval, entries.length)}</td>
<td>${entry.mean.dsc.toFixed(4)}</td><td>${entry.mean.nsd.toFixed(4)}</td>
${
  hasFigures
    ? html`<td>${figures ? figures.timeS.toFixed(1) : '–'}</td><td>${figures ? Math.round(figures.gpuAucMbS) : '–'}</td><td>${figures ? Math.round(figures.cpuAucPercentS) : '–'}</td>`
    : ''
}
<td class="tags">${tags.map((tag) => html`${tag} `)}</td></tr>`;
  });
  return scrolling(
    'Leaderboard',
    html`<table class="pinned"><thead><tr><th scope="col" class="rank">Rank</th><th scope="col" class="name">Team</th><th scope="col">Score</th>
<th scope="col">Rank, 95 %</th><th scope="col">DSC</th><th scope="col">NSD</th>
${hasFigures ? html`<th scope="col">Time, s</th><th scope="col">GPU, MB·s</th><th scope="col">CPU, %·s</th>` : ''}
<th scope="col" class="name">Notes</th></tr></thead><tbody>${rows}</tbody></table>`,
  );
}

async function submissionList(db: Kysely<Tables>, submissions: readonly Submission[]): Promise<Html> {
  const summaries = await Promise.all(
    submissions.map(async (each) => summaryOf(each, await listSubmissionCases(db, each.id))),
  );
  const rows = summaries.map(
    ({
      id,
      state,
      progress,
      createdAt,
    }) => html`<tr><td class="name"><a href="/submissions/${id}">${time(createdAt)}</a></td>
<td class="name"><span class="tag${state === 'scored' ? ' good' : ''}">${state}</span></td><td>${progress.done} / ${progress.total}</td></tr>`,
  );
  return html`<h2>Your submissions</h2>
${
  rows.length === 0
    ? html`<p>None yet.</p>`
    : scrolling(
        'Submissions',
        html`<table><thead><tr><th scope="col" class="name">Received</th><th scope="col" class="name">State</th><th scope="col">Cases scored</th></tr></thead><tbody>${rows}</tbody></table>`,
      )
}`;
}
