/** The form that takes a submission, as one zip or as files. */
import { type Context, Hono } from 'hono';
import { html } from 'hono/html';
import { guard } from '../auth/access.ts';
import { Problem, problemOf } from '../http/problem.ts';
import type { Env } from '../services.ts';
import { listCases } from '../store/challenges.ts';
import type { Submission } from '../store/submissions.ts';
import { completeSubmission, discardSubmission, noMask, openSubmission } from '../submission/lifeCycle.ts';
import { bodyOf } from '../upload/body.ts';
import { noteFile, printable, readFileName, type SeenFiles } from '../upload/fileNames.ts';
import { formParts, isFile } from '../upload/multipart.ts';
import { receiveLog, receiveMask } from '../upload/receive.ts';
import { receiveZip } from '../upload/receiveZip.ts';
import { page } from './layout.ts';

export const submitPages = new Hono<Env>();

submitPages.get('/challenges/:challenge/submit', guard('submitter'), (c) => form(c));

submitPages.post('/challenges/:challenge/submit', guard('submitter'), async (c) => {
  try {
    const { id } = await receiveForm(c);
    return c.redirect(`/submissions/${id}`, 303);
  } catch (error) {
    const problem = problemOf(error);
    if (problem.status === 500) throw error;
    return form(c, problem);
  }
});

async function form(c: Context<Env>, problem?: Problem): Promise<Response> {
  const challenge = c.get('challenge');
  const cases = (await listCases(c.get('services').db, challenge.id)).map(({ name }) => name);
  const body = html`<p class="quiet"><a href="/challenges/${challenge.id}">${challenge.name}</a></p>
<h1>Submit masks</h1>
${problem ? html`<p class="alert" role="alert" id="fault"><b>Nothing was accepted.</b> ${problem.message}</p>` : ''}
<form method="post" enctype="multipart/form-data" data-busy="Uploading…">
<label for="files">One zip, or the files themselves</label>
<input type="file" id="files" name="files" multiple required accept=".zip,.gz,.nii,.jsonl"${problem ? html` aria-describedby="fault"` : ''}>
<div class="actions"><button>Submit</button></div>
</form>
<h2>What to send</h2>
<ul class="prose"><li><code>CASE.nii.gz</code> (or <code>CASE.nii</code>) for each case: a label map on the grid of its CT. A case without one scores 0.</li>
<li><code>CASE.jsonl</code>, if you like: the efficiency log of the case, shown as your claim.</li>
<li>Other files, such as <code>report.json</code> or nnU-Net’s <code>plans.json</code>, are passed over and listed.</li>
<li>All is read before anything is accepted. What is refused does not count among the ${challenge.submissionsPerDay} submissions of a day.</li></ul>
<details><summary>The ${cases.length} cases</summary><p>${cases.join(', ')}</p></details>`;
  return page(c, { title: 'Submit masks', body, status: problem?.status ?? 200 });
}

/** A zip alone, or masks and logs one after another; other files are passed over. Nothing is left where this throws. */
async function receiveForm(c: Context<Env>): Promise<Submission> {
  const services = c.get('services');
  const { limits } = services;
  const challenge = c.get('challenge');
  const cases = new Set((await listCases(services.db, challenge.id)).map(({ name }) => name));
  const passedOver: string[] = [];
  const seen: SeenFiles = new Map();
  let submission: Submission | undefined;
  let isZip = false;
  // In one request, as a zip is: where this process dies, what it has received is discarded.
  const begin = () => openSubmission(services, challenge, c.get('key')!.team!, 'zip');
  try {
    for await (const part of formParts(c, bodyOf(c, limits.maxBodyBytes), limits.maxZipEntries)) {
      if (!isFile(part)) continue;
      const { filename, bytes } = part;
      const isFirst = !submission && passedOver.length === 0;
      if (isZip || (/\.zip$/i.test(filename) && !isFirst)) {
        throw new Problem(422, 'send one zip, or the files themselves');
      }
      if (/\.zip$/i.test(filename)) {
        isZip = true;
        submission = await begin();
        passedOver.push(...(await receiveZip(services, challenge, submission, bytes)));
        continue;
      }
      const file = readFileName(filename, challenge.name, cases);
      if (file.kind === 'other') passedOver.push(printable(filename));
      if (!('case' in file)) continue;
      noteFile(seen, file, printable(filename));
      submission ??= await begin();
      if (file.kind === 'mask') await receiveMask(services, challenge, submission, file.case, bytes);
      else await receiveLog(services, challenge, submission, file.case, 'claimed', bytes);
    }
    if (submission) return await completeSubmission(services, submission, passedOver);
    throw passedOver.length > 0 ? noMask('the choice', passedOver) : new Problem(422, 'no file was chosen');
  } catch (error) {
    if (submission) await discardSubmission(services, submission.id);
    throw error;
  }
}
