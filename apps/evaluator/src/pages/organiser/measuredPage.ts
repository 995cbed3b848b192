/** The form with which an organiser sends the efficiency logs that they measured of a submission. */
import { type Context, Hono } from 'hono';
import { html } from 'hono/html';
import { guard } from '../../auth/access.ts';
import type { Env } from '../../services.ts';
import { readLogName } from '../../upload/fileNames.ts';
import { receiveLog } from '../../upload/receive.ts';
import { page, time } from '../layout.ts';
import { isWrong, outcome, type Received, receiveFiles } from './fileByFile.ts';

export const measuredPages = new Hono<Env>();

const PATH = '/submissions/:submission/efficiency';

measuredPages.get(PATH, guard('organiser'), (c) => form(c));

measuredPages.post(PATH, guard('organiser'), async (c) => {
  const received = await receiveFiles(c, {
    readName: readLogName,
    kind: 'log',
    store: async (name, bytes) => {
      const { replaced } = await receiveLog(
        c.get('services'),
        c.get('challenge'),
        c.get('submission'),
        name,
        'measured',
        bytes,
      );
      return replaced;
    },
  });
  return form(c, received);
});

function form(c: Context<Env>, received?: Received) {
  const { id, team, createdAt } = c.get('submission');
  const hasFault = received !== undefined && isWrong(received);
  const body = html`<p class="quiet"><a href="/submissions/${id}">${team}, ${time(createdAt)}</a></p>
<h1>Measured efficiency</h1>
${received ? outcome(received) : ''}
<form method="post" enctype="multipart/form-data" data-busy="Uploading…">
<label for="files">Efficiency logs, as many files as you like</label>
<p class="hint" id="files-hint"><code>CASE.jsonl</code>, as <code>pnpm cli measure</code> writes them. A log of a case that has one takes its
place. What the team claims stays beside it.</p>
<input type="file" id="files" name="files" multiple required accept=".jsonl" aria-describedby="files-hint${hasFault ? ' refused' : ''}"${hasFault ? html` aria-invalid="true"` : ''}>
<div class="actions"><button>Upload</button></div>
</form>`;
  return page(c, { title: `${team}: measured efficiency`, body, status: hasFault ? 422 : 200 });
}
