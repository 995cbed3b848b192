/** Forms that take many files, file by file: what is wrong with one does not keep the others from being stored. */
import type { Context } from 'hono';
import { html } from 'hono/html';
import { Problem, problemOf } from '../../http/problem.ts';
import type { Env } from '../../services.ts';
import { bodyOf } from '../../upload/body.ts';
import { type CaseFile, noteFile, printable, type SeenFiles } from '../../upload/fileNames.ts';
import { formParts, isFile } from '../../upload/multipart.ts';
import type { Html } from '../layout.ts';

/** What became of the files of a form. */
export interface Received {
  /** The cases of which a file was stored. */
  readonly stored: string[];
  /** Those of them of which it took the place of another. */
  readonly replaced: string[];
  /** A line for each file that was not stored, which names it. */
  readonly refused: string[];
  /** Why the form broke off, so that files may be missing. */
  fault?: string;
}

/** What a form takes. */
export interface Taken {
  /** The case that a file's name says; undefined for clutter. Throws Problem 422 for a file that is not taken. */
  readName(path: string): string | undefined;
  readonly kind: CaseFile['kind'];
  /** Stores a file, and tells whether it took the place of another. Throws Problem. */
  store(name: string, bytes: AsyncIterable<Uint8Array>): Promise<boolean>;
}

/** Stores the files of a form. */
export async function receiveFiles(c: Context<Env>, { readName, kind, store }: Taken): Promise<Received> {
  const { limits, logError } = c.get('services');
  const received: Received = { stored: [], replaced: [], refused: [] };
  const seen: SeenFiles = new Map();
  const faultOf = (error: unknown): string => {
    const problem = problemOf(error);
    if (problem.status === 500) logError(error);
    return problem.message;
  };
  try {
    for await (const part of formParts(c, bodyOf(c, limits.maxBodyBytes), limits.maxZipEntries)) {
      if (!isFile(part)) continue;
      const file = printable(part.filename);
      let name: string | undefined;
      try {
        name = readName(part.filename);
        if (name === undefined) continue;
        noteFile(seen, { kind, case: name }, file);
        const isReplaced = await store(name, part.bytes);
        received.stored.push(name);
        if (isReplaced) received.replaced.push(name);
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

/** Whether a file was refused, or may be missing. */
export const isWrong = ({ refused, fault }: Received): boolean => refused.length > 0 || fault !== undefined;

/** What became of the files, as a page tells it; what was refused has the id `refused`. */
export function outcome(received: Received): Html {
  const { stored, replaced, refused, fault } = received;
  const count = (files: readonly string[]) => (files.length === 1 ? '1 file' : `${files.length} files`);
  const instead =
    replaced.length > 0
      ? html`; ${replaced.length === stored.length ? '' : html`${replaced.join(', ')} `}in place of ${replaced.length === 1 ? 'the one' : 'those'} before`
      : '';
  const kept = html`<p class="done" role="status"><b>${count(stored)} stored:</b> ${stored.join(', ')}${instead}</p>`;
  const wrong = html`<div class="alert" role="alert" id="refused">
${refused.length > 0 ? html`<p><b>${count(refused)} refused:</b></p><ul>${refused.map((line) => html`<li>${line}</li>`)}</ul>` : ''}
${fault === undefined ? '' : html`<p><b>${stored.length + refused.length > 0 ? 'The upload broke off.' : 'Nothing was stored.'}</b> ${fault}</p>`}</div>`;
  return html`${isWrong(received) ? wrong : ''}${stored.length > 0 ? kept : ''}`;
}
