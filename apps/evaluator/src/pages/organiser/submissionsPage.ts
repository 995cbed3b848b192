/** All submissions of a challenge: how far each is, what it got, what failed and why; and all results to download. */
import { Hono } from 'hono';
import { html } from 'hono/html';
import { guard } from '../../auth/access.ts';
import { summaryOf } from '../../results/submissionView.ts';
import type { Env } from '../../services.ts';
import { listCases } from '../../store/challenges.ts';
import { type CaseResult, caseResults } from '../../store/results.ts';
import { listSubmissions, type Submission } from '../../store/submissions.ts';
import { type Html, page, scrolling, time } from '../layout.ts';
import { organiserHead } from './frame.ts';

export const submissionsPages = new Hono<Env>();

/** How often a page with scripts looks for what is new, in seconds: while something is scored, and else. */
const WAITING_S = 3;
const RESTING_S = 20;

/** A submission with what its row shows. */
interface Row {
  readonly submission: Submission;
  readonly summary: ReturnType<typeof summaryOf>;
  readonly results: readonly CaseResult[];
}

submissionsPages.get('/challenges/:challenge/submissions', guard('organiser'), async (c) => {
  const { db } = c.get('services');
  const challenge = c.get('challenge');
  const { length: cases } = await listCases(db, challenge.id);
  const bySubmission = Map.groupBy(await caseResults(db, challenge.id), ({ submissionId }) => submissionId);
  const rows = (await listSubmissions(db, challenge.id)).map((submission) => {
    const results = bySubmission.get(submission.id) ?? [];
    return { submission, results, summary: summaryOf(submission, results) };
  });
  const isWaiting = rows.some(({ summary: { state } }) => state === 'queued' || state === 'scoring');
  const all = `/v1/challenges/${challenge.id}/results`;
  const body = html`${organiserHead(challenge, '/submissions')}
<p>All results, with the scores of every case: <a href="${all}.csv">CSV</a> · <a href="${all}">JSON</a></p>
<div id="submissions" data-poll="${isWaiting ? WAITING_S : RESTING_S}">${rows.length === 0 ? html`<p>There is no submission yet.</p>` : table(rows, cases)}</div>`;
  // Without scripts the page asks again by itself.
  const head = isWaiting ? html`<noscript><meta http-equiv="refresh" content="5"></noscript>` : html``;
  return page(c, { title: `Submissions: ${challenge.name}`, body, head });
});

function table(rows: readonly Row[], cases: number): Html {
  const lines = rows.map(({ submission: { id, team, createdAt }, summary, results }) => {
    const isScored = summary.state === 'scored';
    // A case that is missing or failed scores 0.
    const mean = (metric: 'dsc' | 'nsd') =>
      isScored ? (results.reduce((sum, result) => sum + (result[metric] ?? 0), 0) / cases).toFixed(4) : '–';
    return html`<tr><th scope="row" class="name"><a href="/submissions/${id}">${team}</a></th>
<td class="name"><span class="tag${isScored ? ' good' : ''}">${summary.state}</span></td><td>${summary.progress.done} / ${summary.progress.total}</td>
<td>${mean('dsc')}</td><td>${mean('nsd')}</td><td class="name">${time(createdAt)}</td><td class="note">${notes(results, isScored ? cases - results.length : 0)}</td></tr>`;
  });
  return scrolling(
    'Submissions',
    html`<table class="pinned"><thead><tr><th scope="col" class="name">Team</th><th scope="col" class="name">State</th><th scope="col">Scored</th>
<th scope="col">DSC</th><th scope="col">NSD</th><th scope="col" class="name">Received</th><th scope="col" class="name">Notes</th></tr></thead><tbody>${lines}</tbody></table>`,
  );
}

/** As many failed cases as a row names. */
const NAMED = 3;

function notes(results: readonly CaseResult[], missing: number): Html {
  const failed = results.filter(({ state }) => state === 'failed');
  return html`${missing > 0 ? html`<span class="tag bad">${missing} missing</span> ` : ''}${
    failed.length > 0 ? html`<span class="tag bad">${failed.length} failed</span> ` : ''
  }${failed.slice(0, NAMED).map(({ name, error }) => html`<br>${name}: ${error}`)}${failed.length > NAMED ? html`<br>and ${failed.length - NAMED} more` : ''}`;
}
