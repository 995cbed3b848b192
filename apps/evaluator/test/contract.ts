/** What the service promises, whatever it runs on. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Client } from './client.ts';
import { access } from './contract/access.ts';
import { challenges } from './contract/challenges.ts';
import { scoring } from './contract/scoring.ts';
import { problem } from './contract/service.ts';
import type { Server, Settings } from './servers.ts';

/** Limits so small that the tests run into them. */
export const SETTINGS: Settings = {
  EVALUATOR_MAX_BODY_BYTES: '4000000',
  EVALUATOR_MAX_MASK_BYTES: '2000000',
  EVALUATOR_MAX_DECOMPRESSED_BYTES: '20000000',
  EVALUATOR_MAX_VOXELS: '4000000',
  EVALUATOR_MAX_ZIP_ENTRIES: '20',
  EVALUATOR_MAX_LOG_BYTES: '100000',
  EVALUATOR_MAX_DISTANCE_VOXELS: '1000000',
};

export function contract(start: (settings: Settings) => Promise<Server>): void {
  let server: Server;
  const service = {} as { anyone: Client; owner: Client };

  beforeAll(async () => {
    server = await start(SETTINGS);
    service.anyone = new Client(server);
    service.owner = service.anyone.as(server.ownerKey);
  });
  afterAll(() => server?.close());

  scoring(service);
  challenges(service);
  access(service, start);

  test('describes itself', async () => {
    const { body } = await service.anyone.get('/openapi.json');
    expect(body.openapi).toBe('3.1.0');
    expect(body.components.schemas.NewChallenge.properties.name).toMatchObject({ maxLength: 100 });
    expect(await service.anyone.get('/nowhere')).toMatchObject(problem(404, /^there is no GET \/nowhere$/));
    expect((await service.anyone.get('/health')).body).toEqual({ status: 'ok' });
  });
}
