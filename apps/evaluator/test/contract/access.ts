/** The contract: who may call what, and how often. */
import { describe, expect, onTestFinished, test } from 'vitest';
import { Client, challengeWith, type Json } from '../client.ts';
import { mask } from '../masks.ts';
import type { Server, Settings } from '../servers.ts';
import { problem, type Service } from './service.ts';

export function access(service: Service, start: (settings: Settings) => Promise<Server>): void {
  describe('who may call', () => {
    /** Callers besides the author: without a key, with one that does not count, of another challenge or team. */
    const CALLERS = [
      'none',
      'wrong',
      'revoked',
      'expired',
      'otherOrganiser',
      'otherSubmitter',
      'otherTeam',
    ] as const;

    test('no route lets in who may not', async () => {
      const here = await challengeWith(service.owner, { one: mask() });
      const elsewhere = await challengeWith(service.owner, { one: mask() });
      const author = await here.team('A');
      const opened = await author.client.post(`/v1/challenges/${here.id}/submissions/open`);
      const [revoked, expired] = [
        await here.team('A'),
        await here.team('A', { expiresAt: '2020-01-01T00:00:00Z' }),
      ];
      const gone = `/v1/challenges/${here.id}/keys/${revoked.keyId}`;
      expect(await here.organiser.call('DELETE', gone)).toMatchObject({ status: 204 });
      const keys: Record<(typeof CALLERS)[number], string | undefined> = {
        none: undefined,
        wrong: author.client.key!.replace(/.{4}$/, (end) => (end === 'AAAA' ? 'BBBB' : 'AAAA')),
        revoked: revoked.client.key,
        expired: expired.client.key,
        otherOrganiser: elsewhere.organiser.key,
        otherSubmitter: (await elsewhere.team('A')).client.key,
        otherTeam: (await here.team('B')).client.key,
      };
      const outsiders = {
        anyone: 200,
        owner: 403,
        organiser: 403,
        member: 403,
        submitter: 403,
        team: 404,
        author: 404,
      };

      const { body: description } = await service.anyone.get('/openapi.json');
      const routes = Object.entries<Json>(description.paths).flatMap(([path, methods]) =>
        Object.entries<Json>(methods).map(([method, each]) => ({ path, method, access: each['x-access'] })),
      );
      expect(routes.length).toBeGreaterThan(18);
      for (const { path, method, access } of routes) {
        expect(Object.keys(outsiders), `${method} ${path}`).toContain(access);
        const filled = path
          .replace('{challenge}', here.id)
          .replace('{submission}', opened.body.id)
          .replace('{case}', 'one')
          .replace('{key}', author.keyId);
        for (const caller of CALLERS) {
          const { status } = await service.anyone.as(keys[caller]).call(method.toUpperCase(), filled);
          const isTeammate = caller === 'otherTeam' && ['member', 'submitter'].includes(access);
          const expected = ['wrong', 'revoked', 'expired'].includes(caller)
            ? path === '/health'
              ? 200
              : 401
            : caller === 'none' && access !== 'anyone'
              ? 401
              : outsiders[access as keyof typeof outsiders];
          const what = `${caller}: ${method} ${path}`;
          // Let in, a request without content may still be wrong.
          if (access === 'anyone' && expected !== 401)
            expect(status, what).not.toBeOneOf([401, 403, 404, 500]);
          else if (isTeammate) expect(status, what).not.toBeOneOf([401, 403, 404, 500]);
          else expect(status, what).toBe(expected);
        }
      }
      expect((await author.client.get(`/v1/submissions/${opened.body.id}`)).status).toBe(200);
      expect((await here.organiser.get(`/v1/submissions/${opened.body.id}`)).status).toBe(200);
    });

    test('a reference is given to nobody, and keys are listed without their secrets', async () => {
      const { id, organiser, team } = await challengeWith(service.owner, { one: mask() });
      await team('A');
      expect((await organiser.get(`/v1/challenges/${id}/cases/one`)).status).toBe(404);
      const { body, text } = await organiser.get(`/v1/challenges/${id}/keys`);
      expect(body).toMatchObject([{ role: 'organiser' }, { role: 'submitter', team: 'A' }]);
      expect(text).not.toMatch(/hash|ose_/);
    });

    test('a caller makes so many requests a minute', async () => {
      const strict = await start({ EVALUATOR_REQUESTS_PER_MINUTE: '1' });
      onTestFinished(() => strict.close());
      const hasty = new Client(strict);
      // Of so many one at least shares its minute with another.
      const answers = await Promise.all(Array.from({ length: 20 }, () => hasty.get('/v1/challenges')));
      const statuses = answers.map(({ status }) => status);
      expect(new Set(statuses)).toEqual(new Set([200, 429]));
      const refused = answers.find(({ status }) => status === 429)!;
      expect(refused).toMatchObject(problem(429, /^too many requests; try again in \d+ s$/));
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
      expect((await hasty.as(strict.ownerKey).get('/v1/challenges')).status).toBe(200);
    });
  });
}
