/** The hidden references of a challenge: a list of its cases, and a form that takes many files at once. */
import { type Context, Hono } from 'hono';
import { html } from 'hono/html';
import { guard } from '../../auth/access.ts';
import type { Env } from '../../services.ts';
import { type ChallengeCase, listCases } from '../../store/challenges.ts';
import { listSubmissions } from '../../store/submissions.ts';
import { readReferenceName } from '../../upload/fileNames.ts';
import { receiveReference } from '../../upload/receive.ts';
import { caseName, type Html, page, scrolling } from '../layout.ts';
import { isWrong, outcome, type Received, receiveFiles } from './fileByFile.ts';
import { organiserHead } from './frame.ts';

export const referencesPages = new Hono<Env>();

referencesPages.get('/challenges/:challenge/references', guard('organiser'), (c) => references(c));

referencesPages.post('/challenges/:challenge/references', guard('organiser'), async (c) => {
  const received = await receiveFiles(c, {
    readName: readReferenceName,
    kind: 'mask',
    store: async (name, bytes) =>
      (await receiveReference(c.get('services'), c.get('challenge'), name, bytes)).replaced,
  });
  return references(c, received);
});

async function references(c: Context<Env>, received?: Received) {
  const { db } = c.get('services');
  const challenge = c.get('challenge');
  const cases = await listCases(db, challenge.id);
  const isSettled = (await listSubmissions(db, challenge.id)).length > 0;
  const hasFault = received !== undefined && isWrong(received);
  const upload = html`<form method="post" enctype="multipart/form-data" data-busy="Uploading…">
<label for="files">Reference label maps, as many files as you like</label>
<p class="hint" id="files-hint"><code>CASE.nii.gz</code> or <code>CASE.nii</code>, whose name becomes the case’s. A file of a case that is there
takes its place. Until the first submission; then references stay as they are.</p>
<input type="file" id="files" name="files" multiple required accept=".gz,.nii" aria-describedby="files-hint${hasFault ? ' refused' : ''}"${hasFault ? html` aria-invalid="true"` : ''}>
<div class="actions"><button>Upload</button></div>
</form>
<p class="quiet">References stay hidden: no page and no route gives one back.</p>`;
  const body = html`${organiserHead(challenge, '/references')}
${received ? outcome(received) : ''}
${isSettled ? html`<p>There are submissions: references stay as they are.</p>` : upload}
<h2>${cases.length === 1 ? '1 case' : `${cases.length} cases`}</h2>
${cases.length === 0 ? html`<p>None yet. Teams can submit when there is one.</p>` : table(challenge.id, cases, isSettled)}`;
  return page(c, { title: `References: ${challenge.name}`, body, status: hasFault ? 422 : 200 });
}

function table(challenge: string, cases: readonly ChallengeCase[], isSettled: boolean): Html {
  const rows = cases.map(
    ({ name, grid }) => html`<tr><th scope="row" class="name">${caseName(name)}</th>
${isSettled ? '' : html`<td class="name"><a href="/challenges/${challenge}/references/${name}/remove" aria-label="Remove ${name}">Remove</a></td>`}
<td>${grid.shape.join(' × ')}</td><td>${grid.spacingMm.map((mm) => Number(mm.toPrecision(4))).join(' × ')}</td></tr>`,
  );
  return scrolling(
    'Cases',
    html`<table class="pinned"><thead><tr><th scope="col" class="name">Case</th>
${isSettled ? '' : html`<th scope="col" class="name">Change</th>`}
<th scope="col">Voxels</th><th scope="col">Spacing, mm</th></tr></thead><tbody>${rows}</tbody></table>`,
  );
}
