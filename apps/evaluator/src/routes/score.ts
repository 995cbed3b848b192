/** The route that scores one pair of label maps and keeps nothing. */
import { z } from '@hono/zod-openapi';
import type { CaseScore } from '@organseg/core/metrics/score.ts';
import { FLARE22_ORGANS } from '@organseg/core/organs.ts';
import { api, faultLine } from '../http/api.ts';
import { Problem } from '../http/problem.ts';
import { json, route } from '../http/route.ts';
import { otherMetrics, ScoreFields, ScoreResult } from '../schema/score.ts';
import { newBlobKey } from '../store/blobs.ts';
import { bodyOf, limited } from '../upload/body.ts';
import { printable } from '../upload/fileNames.ts';
import { formParts } from '../upload/multipart.ts';

export const score = api();

const file = { type: 'string', format: 'binary', description: 'NIfTI, gzipped or not' } as const;
/** The form's other fields, described by the schema that validates them. */
const fields = z.toJSONSchema(ScoreFields, { io: 'input' }).properties as Record<string, { type: 'string' }>;

score.openapi(
  route({
    access: 'anyone',
    method: 'post',
    path: '/v1/score',
    operationId: 'score',
    summary: 'Score one label map against a reference',
    description: 'FLARE22’s 13 organs. Nothing of it is kept.',
    request: {
      body: {
        required: true,
        content: {
          'multipart/form-data': {
            schema: {
              type: 'object',
              required: ['reference', 'prediction'],
              properties: {
                reference: file,
                prediction: file,
                ...fields,
              },
            },
          },
        },
      },
    },
    responses: { 200: json(ScoreResult, 'The scores of each organ and their mean') },
  }),
  async (c) => {
    const { blobs, compute, limits } = c.get('services');
    const files = new Map<string, { key: string; name: string }>();
    const texts: Record<string, string> = {};
    try {
      for await (const part of formParts(c, bodyOf(c, limits.maxBodyBytes), 10)) {
        if ('value' in part) {
          texts[part.name] = part.value;
          continue;
        }
        if (part.name !== 'reference' && part.name !== 'prediction') {
          throw new Problem(422, `${printable(part.name)}: expected the files reference and prediction`);
        }
        if (files.has(part.name)) throw new Problem(422, `two files are called ${part.name}`);
        const name = `${part.name} ${printable(part.filename)}`.trim();
        const key = newBlobKey('scratch');
        files.set(part.name, { key, name });
        const tooLarge = () => new Problem(413, `${name}: has more than ${limits.maxMaskBytes} bytes`);
        await blobs.put(key, limited(part.bytes, limits.maxMaskBytes, tooLarge));
      }
      const asked = ScoreFields.safeParse(texts);
      if (!asked.success) throw new Problem(422, faultLine(asked.error));
      const { rules, metrics } = asked.data;
      const scores = await compute.score({
        reference: fileOf(files, 'reference'),
        prediction: fileOf(files, 'prediction'),
        organs: FLARE22_ORGANS,
        rules,
        others: { ...otherMetrics(metrics), maxDistanceVoxels: limits.maxDistanceVoxels },
        maxVoxels: limits.maxVoxels,
        maxDecompressedBytes: limits.maxDecompressedBytes,
      });
      return c.json(finite({ rules, ...scores }), 200);
    } finally {
      await blobs.delete([...files.values()].map(({ key }) => key));
    }
  },
);

function fileOf(files: Map<string, { key: string; name: string }>, name: string) {
  const found = files.get(name);
  if (!found) throw new Problem(422, `the form has no file ${name}`);
  return found;
}

/** The scores as JSON holds them: Infinity and NaN become null. */
const finite = (result: { rules: string } & CaseScore) =>
  JSON.parse(JSON.stringify(result)) as z.infer<typeof ScoreResult>;
