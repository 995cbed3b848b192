/** `pnpm evaluator:fuzz [--seed 1] [--count 20000]`: sends broken NIfTI, zips, logs, forms and JSON to the node entry. */
import { parseArgs } from 'node:util';
import { fuzz } from '../test/fuzzing.ts';
import { startNode } from '../test/servers.ts';

const { values } = parseArgs({
  options: { seed: { type: 'string', default: '1' }, count: { type: 'string', default: '20000' } },
});
const server = await startNode({ EVALUATOR_REQUESTS_PER_MINUTE: '1000000000' });
try {
  const report = await fuzz(server, Number(values.seed), Number(values.count));
  for (const [kind, statuses] of Object.entries(report)) {
    const counts = Object.entries(statuses).map(([status, count]) => `${status}: ${count}`);
    process.stdout.write(`${kind.padEnd(20)} ${counts.join('  ')}\n`);
  }
} finally {
  await server.close();
}
