/** The hidden references of a challenge: a list of its cases, and a form that takes many files at once. */
import { type Context, Hono } from 'hono';
import { html } from 'hono/html';
import { guard } from '../../auth/access.ts';
import { Problem, problemOf } from '../../http/problem.ts';
import type { Env } from '../../services.ts';
import { type ChallengeCase, listCases } from '../../store/challenges.ts';
import { listSubmissions } from '../../store/submissions.ts';
import { bodyOf } from '../../upload/body.ts';
import { noteFile, printable, readReferenceName, type SeenFiles } from '../../upload/fileNames.ts';
import { formParts, isFile } from '../../upload/multipart.ts';
import { receiveReference } from '../../upload/receive.ts';
import { caseName, type Html, page, scrolling } from '../layout.ts';
import { organiserHead } from './frame.ts';

export const referencesPages = new Hono<Env>();

/** What became of the files of a form. */
interface Received {
  /** The cases whose reference was stored. */
  readonly stored: string[];
  /** A line for each file that was not, which names it. */
  readonly refused: string[];
  /** Why the form broke off, so that files may be missing. */
  fault?: string;
}

referencesPages.get('/challenges/:challenge/references', guard('organiser'), (c) => references(c));

referencesPages.post('/challenges/:challenge/references', guard('organiser'), async (c) =>
  references(c, await receiveFiles(c)),
);

/** Stores file by file: what is wrong with one does not keep the others from being stored. */
async function receiveFiles(c: Context<Env>): Promise<Received> {
  const services = c.get('services');
  const { limits } = services;
  const challenge = c.get('challenge');
  const received: Received = { stored: [], refused: [] };
  const seen: SeenFiles = new Map();
  const faultOf = (error: unknown): string => {
    const problem = problemOf(error);
    if (problem.status === 500) services.logError(error);
    return problem.message;
  };
  try {
    for await (const part of formParts(c, bodyOf(c, limits.maxBodyBytes), limits.maxZipEntries)) {
      if (!isFile(part)) continue;
      const file = printable(part.filename);
      let name: string | undefined;
      try {
        name = readReferenceName(part.filename);
        if (name === undefined) continue;
        noteFile(seen, { kind: 'mask', case: name }, file);
        await receiveReference(services, challenge, name, part.bytes);
        received.stored.push(name);
      } catch (error) {
        const fault = faultOf(error);
        const told = fault.startsWith(`${name}: `) ? fault.slice(`${name}: `.length) : fault;
        received.refused.push(told.startsWith(file) ? told : `${file}: ${told}`);
      }
    }
    if (seen.size === 0 && received.refused.length === 0) throw new Problem(422, 'no file was chosen');
  } catch (error) {
    received.fault = faultOf(error);
  }
  return received;
}

async function references(c: Context<Env>, received?: Received) {
  const { db } = c.get('services');
  const challenge = c.get('challenge');
  const cases = await listCases(db, challenge.id);
  const isSettled = (await listSubmissions(db, challenge.id)).length > 0;
  const isWrong = received !== undefined && (received.refused.length > 0 || received.fault !== undefined);
  const upload = html`<form method="post" enctype="multipart/form-data" data-busy="Uploading…">
<label for="files">Reference label maps, as many files as you like</label>
<p class="hint" id="files-hint"><code>CASE.nii.gz</code> or <code>CASE.nii</code>, whose name becomes the case’s. A file of a case that is there
takes its place. Until the first submission; then references stay as they are.</p>
<input type="file" id="files" name="files" multiple required accept=".gz,.nii" aria-describedby="files-hint${isWrong ? ' refused' : ''}"${isWrong ? html` aria-invalid="true"` : ''}>
<div class="actions"><button>Upload</button></div>
</form>
<p class="quiet">References stay hidden: no page and no route gives one back.</p>`;
  const body = html`${organiserHead(challenge, '/references')}
${received ? outcome(received) : ''}
${isSettled ? html`<p>There are submissions: references stay as they are.</p>` : upload}
<h2>${cases.length === 1 ? '1 case' : `${cases.length} cases`}</h2>
${cases.length === 0 ? html`<p>None yet. Teams can submit when there is one.</p>` : table(challenge.id, cases, isSettled)}`;
  return page(c, { title: `References: ${challenge.name}`, body, status: isWrong ? 422 : 200 });
}

function outcome({ stored, refused, fault }: Received): Html {
  const count = (files: readonly string[]) => (files.length === 1 ? '1 file' : `${files.length} files`);
  const kept = html`<p class="done" role="status"><b>${count(stored)} stored:</b> ${stored.join(', ')}</p>`;
  const wrong = html`<div class="alert" role="alert" id="refused">
${refused.length > 0 ? html`<p><b>${count(refused)} refused:</b></p><ul>${refused.map((line) => html`<li>${line}</li>`)}</ul>` : ''}
${fault === undefined ? '' : html`<p><b>${stored.length + refused.length > 0 ? 'The upload broke off.' : 'Nothing was stored.'}</b> ${fault}</p>`}</div>`;
  return html`${refused.length > 0 || fault !== undefined ? wrong : ''}${stored.length > 0 ? kept : ''}`;
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
