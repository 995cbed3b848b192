/** A thread that asks /health over and over, so that what else its process does is not measured; ends on a message. */
import { parentPort, workerData } from 'node:worker_threads';

const latenciesMs: number[] = [];
let isOver = false;
parentPort!.once('message', () => {
  isOver = true;
});
while (!isOver) {
  const start = performance.now();
  const { status } = await fetch(`${workerData}/health`);
  if (status !== 200) throw new Error(`/health answered ${status}`);
  latenciesMs.push(performance.now() - start);
  await new Promise((resolve) => setTimeout(resolve, 10));
}
parentPort!.postMessage(latenciesMs);
