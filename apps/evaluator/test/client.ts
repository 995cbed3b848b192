/** A caller of the service, with a key. */
import type { Server } from './servers.ts';

// biome-ignore lint/suspicious/noExplicitAny: what an answer holds is what the tests find out.
export type Json = Record<string, any>;

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Json;
  readonly text: string;
}

export class Client {
  readonly url: string;
  readonly key: string | undefined;

  constructor(server: Pick<Server, 'url'>, key?: string) {
    this.url = server.url;
    this.key = key;
  }

  as(key: string | undefined): Client {
    return new Client(this, key);
  }

  async call(method: string, path: string, body?: BodyInit, type?: string): Promise<Answer> {
    const response = await fetch(this.url + path, {
      method,
      ...(body !== undefined && { body }),
      redirect: 'manual',
      headers: {
        ...(this.key !== undefined && { authorization: `Bearer ${this.key}` }),
        ...(type !== undefined && { 'content-type': type }),
      },
    });
    const text = await response.text();
    const isJson = /json/.test(response.headers.get('content-type') ?? '');
    return { status: response.status, headers: response.headers, text, body: isJson ? JSON.parse(text) : {} };
  }

  get(path: string): Promise<Answer> {
    return this.call('GET', path);
  }

  post(path: string, body: object = {}): Promise<Answer> {
    return this.call('POST', path, JSON.stringify(body), 'application/json');
  }

  put(path: string, bytes: Uint8Array<ArrayBuffer> | string): Promise<Answer> {
    return this.call('PUT', path, bytes, 'application/octet-stream');
  }

  submit(challenge: string, bytes: Uint8Array<ArrayBuffer>): Promise<Answer> {
    return this.call('POST', `/v1/challenges/${challenge}/submissions`, bytes, 'application/zip');
  }

  score(files: Readonly<Record<string, Uint8Array<ArrayBuffer> | string>>): Promise<Answer> {
    const form = new FormData();
    for (const [name, content] of Object.entries(files)) {
      if (typeof content === 'string') form.append(name, content);
      else form.append(name, new Blob([content]), `${name}.nii.gz`);
    }
    return this.call('POST', '/v1/score', form);
  }

  /** The events of a submission, to the end of the stream. */
  async watch(submission: string): Promise<{ event: string; data: Json }[]> {
    const { text } = await this.get(`/v1/submissions/${submission}/events`);
    return [...text.matchAll(/event: (.*)\ndata: (.*)\n/g)].map(([, event, data]) => ({
      event,
      data: JSON.parse(data),
    }));
  }
}

/** A challenge with references for `cases`, as its owner makes it. */
export async function challengeWith(
  owner: Client,
  references: Readonly<Record<string, Uint8Array<ArrayBuffer>>>,
  settings: object = {},
) {
  const made = await owner.post('/v1/challenges', { name: 'Abdomen', ...settings });
  if (made.status !== 201) throw new Error(made.text);
  const { id } = made.body;
  const organiser = owner.as(made.body.organiser.key);
  for (const [name, bytes] of Object.entries(references)) {
    const put = await organiser.put(`/v1/challenges/${id}/cases/${name}`, bytes);
    if (put.status !== 201) throw new Error(put.text);
  }
  const team = async (name: string, more: object = {}) => {
    const issued = await organiser.post(`/v1/challenges/${id}/keys`, {
      role: 'submitter',
      team: name,
      ...more,
    });
    if (issued.status !== 201) throw new Error(issued.text);
    return { client: owner.as(issued.body.key), keyId: issued.body.id as string };
  };
  return { id: id as string, organiser, team };
}
