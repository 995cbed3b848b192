/** A launch's parameters. */
import { expect, test } from 'vitest';
import { onDevice } from '../test/harness.ts';
import { discard, f32, prepare, setParams, submit, u32 } from './kernel.ts';
import { downloadF32, release } from './tensor.ts';

onDevice('parameters', {}, (kit) => {
  test('are set by their names, in any order; the others keep their values', async () => {
    const { gpu } = kit;
    const y = kit.output([4]);
    const launch = prepare(gpu, {
      name: 'line',
      read: {},
      write: { y },
      params: { slope: f32(1), offset: f32(2), count: u32(4) },
      code: `@compute @workgroup_size(64) fn main(id: Id) {
        let i = invocation(id);
        if (i < p.count) { y[i] = f32(i) * p.slope + p.offset; }
      }`,
      invocations: 4,
    });
    submit(gpu, [launch]);
    expect([...(await downloadF32(gpu, y))]).toEqual([2, 3, 4, 5]);
    setParams(gpu, launch, { offset: f32(-1), slope: f32(3) });
    submit(gpu, [launch]);
    expect([...(await downloadF32(gpu, y))]).toEqual([-1, 2, 5, 8]);
    setParams(gpu, launch, { offset: f32(0) });
    submit(gpu, [launch]);
    expect([...(await downloadF32(gpu, y))]).toEqual([0, 3, 6, 9]);
    expect(() => setParams(gpu, launch, { scale: f32(1) })).toThrow('line: has no parameter scale: f32');
    expect(() => setParams(gpu, launch, { slope: u32(1) })).toThrow('line: has no parameter slope: u32');
    discard(gpu, [launch]);
    release(gpu, y);
  });
});
