/** Forms with files, part by part as they arrive. */
import type { Context } from 'hono';
import { decodeField, type MultipartError, make, type PartInfo } from 'multipasta';
import { Problem } from '../http/problem.ts';

export type FormPart =
  | { readonly name: string; readonly value: string }
  /** The bytes must be read to their end, or given up by `return`, before the next part is asked for. */
  | { readonly name: string; readonly filename: string; readonly bytes: AsyncGenerator<Uint8Array> };

type Event =
  | { kind: 'field'; info: PartInfo; value: Uint8Array }
  | { kind: 'file'; info: PartInfo }
  | { kind: 'chunk'; bytes: Uint8Array }
  | { kind: 'fileEnd' };

/** Whether a part is a file: a browser sends an empty part where none was chosen. */
export const isFile = (part: FormPart): part is Extract<FormPart, { filename: string }> =>
  'filename' in part && part.filename !== '';

const MAX_FIELD_BYTES = 64 << 10;

/**
 * The parts of a form in their order. Throws Problem 415 for anything but multipart/form-data, 400 for a broken form: where
 * a file's bytes throw it, once more when the next part is asked for.
 */
export async function* formParts(
  c: Context,
  body: AsyncIterable<Uint8Array>,
  maxParts: number,
): AsyncGenerator<FormPart> {
  const type = c.req.header('content-type') ?? '';
  if (!/^multipart\/form-data\b/i.test(type)) {
    throw new Problem(415, `the content type is ${type || 'not given'}; expected multipart/form-data`);
  }
  let fault: { error: unknown } | undefined;
  const events = noting(parsed(body, type, maxParts), (error) => {
    fault = { error };
  });
  try {
    for (let next = await events.next(); !next.done; next = await events.next()) {
      const event = next.value;
      if (event.kind === 'field') {
        yield { name: event.info.name, value: decodeField(event.info, event.value) };
      } else if (event.kind === 'file') {
        const bytes = fileBytes(events);
        yield { name: event.info.name, filename: event.info.filename ?? '', bytes };
        // The bytes that the consumer left are skipped.
        for await (const _ of bytes);
        if (fault) throw fault.error;
      }
    }
  } finally {
    await events.return(undefined);
  }
}

/** The same items; `note` hears what they throw. */
async function* noting<T>(items: AsyncIterable<T>, note: (error: unknown) => void): AsyncGenerator<T> {
  try {
    yield* items;
  } catch (error) {
    note(error);
    throw error;
  }
}

/** The bytes of the current file, to its end. */
async function* fileBytes(events: AsyncGenerator<Event>): AsyncGenerator<Uint8Array> {
  for (let next = await events.next(); !next.done; next = await events.next()) {
    if (next.value.kind === 'fileEnd') return;
    if (next.value.kind === 'chunk') yield next.value.bytes;
  }
}

async function* parsed(
  body: AsyncIterable<Uint8Array>,
  contentType: string,
  maxParts: number,
): AsyncGenerator<Event> {
  let events: Event[] = [];
  let fault: MultipartError | undefined;
  const parser = make({
    headers: { 'content-type': contentType },
    maxParts,
    maxFieldSize: MAX_FIELD_BYTES,
    // A part that breaks off in its header has no info, whatever the types say.
    onField: (info: PartInfo | undefined, value) => {
      if (info) events.push({ kind: 'field', info, value });
      else fault ??= { _tag: 'InvalidDisposition' };
    },
    onFile: (info) => {
      events.push({ kind: 'file', info });
      return (bytes) => events.push(bytes ? { kind: 'chunk', bytes } : { kind: 'fileEnd' });
    },
    onError: (error) => {
      fault ??= error;
    },
    onDone: () => {},
  });
  const taken = function* () {
    const ready = events;
    events = [];
    yield* ready;
    if (fault) throw faultOf(fault);
  };
  if (fault) throw faultOf(fault);
  for await (const chunk of body) {
    try {
      parser.write(chunk);
    } catch {
      throw new Problem(400, 'the form is broken (a part’s header)');
    }
    yield* taken();
  }
  parser.end();
  yield* taken();
}

function faultOf(fault: MultipartError): Problem {
  if (fault._tag === 'ReachedLimit') return new Problem(413, `the form is too large (${fault.limit})`);
  return new Problem(400, `the form is broken (${fault._tag})`);
}
