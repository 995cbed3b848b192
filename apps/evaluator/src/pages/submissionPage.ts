/** The page of a submission: its progress, then its scores and its efficiency. */
import { Hono } from 'hono';
import { html } from 'hono/html';
import { guard } from '../auth/access.ts';
import { type SubmissionDetail, submissionView } from '../results/submissionView.ts';
import type { Env } from '../services.ts';
import type { Challenge } from '../store/challenges.ts';
import { type EfficiencyLog, type LogSource, listLogs } from '../store/efficiencyLogs.ts';
import { boxPlot } from './boxPlot.ts';
import { efficiencyCurves } from './curves.ts';
import { caseName, type Html, page, scrolling, time } from './layout.ts';

export const submissionPages = new Hono<Env>();

submissionPages.get('/submissions/:submission', guard('team'), async (c) => {
  const { db } = c.get('services');
  const challenge = c.get('challenge');
  const view = await submissionView(db, challenge, c.get('submission'));
  const logs = await listLogs(db, view.id);
  const isAtOnce = c.get('submission').kind === 'zip';
  const isOrganiser = c.get('key')!.role !== 'submitter';
  const isWaiting = view.state === 'queued' || view.state === 'scoring';
  const body = html`<p class="quiet"><a href="/challenges/${challenge.id}">${challenge.name}</a></p>
<h1>${view.team}, ${time(view.createdAt)}</h1>
${isWaiting ? progress(view) : ''}
${view.state === 'receiving' ? html`<p>${isAtOnce ? 'It is being received.' : 'It takes masks until it is completed.'}</p>` : ''}
${view.state === 'scored' ? results(view, challenge, logs) : ''}
${isOrganiser ? html`<div class="actions"><a class="button second" href="/submissions/${view.id}/efficiency">Send measured efficiency</a></div>` : ''}
${view.passedOver.length > 0 ? passedOver(view.passedOver) : ''}`;
  // Without scripts the page asks again by itself.
  const head = isWaiting ? html`<noscript><meta http-equiv="refresh" content="5"></noscript>` : html``;
  return page(c, { title: `${view.team}: submission`, body, head });
});

const passedOver = (names: readonly string[]): Html =>
  html`<details><summary>Passed over, as neither mask nor log: ${names.length} ${names.length === 1 ? 'file' : 'files'}</summary><p>${names.join(', ')}</p></details>`;

function progress({ id, progress: { done, total } }: SubmissionDetail): Html {
  return html`<div data-events="/v1/submissions/${id}/events" aria-live="polite">
<label for="progress">Scoring</label>
<progress id="progress" max="${total}" value="${done}"></progress>
<p><output for="progress">${done} of ${total} cases scored</output></p></div>`;
}

function results(view: SubmissionDetail, challenge: Challenge, logs: readonly EfficiencyLog[]): Html {
  const mean = view.mean!;
  const failed = view.cases.filter(({ state }) => state === 'failed');
  return html`<dl class="facts"><div><dt>Mean DSC</dt><dd class="large">${mean.dsc.toFixed(4)}</dd></div>
<div><dt>Mean NSD</dt><dd class="large">${mean.nsd.toFixed(4)}</dd></div>
<div><dt>Cases</dt><dd class="large">${view.cases.length}</dd></div>
<div><dt>Missing</dt><dd class="large">${view.missing.length}</dd></div></dl>
${view.missing.length > 0 ? html`<p class="alert">Without a mask, and so scored 0: ${view.missing.join(', ')}</p>` : ''}
${failed.map(({ name, error }) => html`<p class="alert">${name} could not be scored and counts 0: ${error}</p>`)}
<h2>Organs</h2>
<div class="charts">${(['dsc', 'nsd'] as const).map((metric) =>
    boxPlot(
      metric.toUpperCase(),
      challenge.organs.map(({ name }) => ({
        name,
        values: view.cases.map(({ scores }) => scores!.organs[name][metric]),
      })),
    ),
  )}</div>
<details><summary>Means as a table</summary>${organTable(view)}</details>
<h2>Worst cases</h2>
${caseTable(worst(view), 'Worst cases')}
${view.cases.length > WORST ? html`<details><summary>All ${view.cases.length} cases</summary>${caseTable(view.cases, 'All cases')}</details>` : ''}
<h2>Efficiency</h2>
${logs.length === 0 ? html`<p>No efficiency log was sent.</p>` : ''}
${(['measured', 'claimed'] as const).map((source) => efficiency(view, logs, source))}`;
}

const WORST = 5;

const worst = ({ cases }: SubmissionDetail) =>
  cases.toSorted((a, b) => a.scores!.mean.dsc - b.scores!.mean.dsc).slice(0, WORST);

function organTable({ organs }: SubmissionDetail): Html {
  const rows = Object.entries(organs).map(
    ([name, { dsc, nsd }]) =>
      html`<tr><th scope="row" class="name">${name}</th><td>${dsc.toFixed(4)}</td><td>${nsd.toFixed(4)}</td></tr>`,
  );
  return scrolling(
    'Organs',
    html`<table><thead><tr><th scope="col" class="name">Organ</th><th scope="col">DSC</th><th scope="col">NSD</th></tr></thead><tbody>${rows}</tbody></table>`,
  );
}

function caseTable(cases: SubmissionDetail['cases'], label: string): Html {
  const rows = cases.map(({ name, state, scores }) => {
    const { organs, mean } = scores!;
    const lowest = Object.entries(organs)
      .toSorted(([, a], [, b]) => a.dsc - b.dsc)
      .slice(0, 3);
    return html`<tr><th scope="row" class="name">${caseName(name)}</th><td>${mean.dsc.toFixed(4)}</td><td>${mean.nsd.toFixed(4)}</td>
<td class="note">${state === 'missing' ? 'no mask' : lowest.map(([organ, { dsc }]) => `${organ} ${dsc.toFixed(2)}`).join(', ')}</td></tr>`;
  });
  return scrolling(
    label,
    html`<table class="pinned"><thead><tr><th scope="col" class="name">Case</th><th scope="col">DSC</th><th scope="col">NSD</th>
<th scope="col" class="name">Lowest DSC</th></tr></thead><tbody>${rows}</tbody></table>`,
  );
}

function efficiency(
  view: SubmissionDetail,
  logs: readonly EfficiencyLog[],
  source: LogSource,
): Html | string {
  const own = logs.filter((log) => log.source === source);
  if (own.length === 0) return '';
  const rows = own.map(
    ({
      name,
      figures,
    }) => html`<tr><th scope="row" class="name">${caseName(name)}${figures.isStuck ? html` <span class="tag bad">stuck</span>` : ''}</th>
<td>${figures.timeS.toFixed(1)}</td><td>${Math.round(figures.peakGpuMemoryMb)}</td><td>${Math.round(figures.gpuAucMbS.official)}</td>
<td>${Math.round(figures.gpuAucAbove2GbMbS.official)}</td><td>${Math.round(figures.cpuAucPercentS.official)}</td></tr>`,
  );
  const curves = own.filter(({ curve }) => curve.length > 1);
  return html`<h3>${source === 'measured' ? 'Measured by the organiser' : 'Claimed by the team'},
${own.length} of ${view.cases.length} cases</h3>
${curves.length > 0 ? efficiencyCurves(curves) : ''}
<details${own.length <= WORST ? html` open` : ''}><summary>Figures of each case</summary>${scrolling(
    `Efficiency, ${source}`,
    html`<table class="pinned"><thead><tr><th scope="col" class="name">Case</th><th scope="col">Time, s</th><th scope="col">Peak GPU, MB</th>
<th scope="col">GPU, MB·s</th><th scope="col">above 2 GB, MB·s</th><th scope="col">CPU, %·s</th></tr></thead><tbody>${rows}</tbody></table>`,
  )}</details>`;
}
