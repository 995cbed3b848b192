/** Philox against its published vectors; streams, forks and moments. */
import { describe, expect, test } from 'vitest';
import { philox4x32, Random } from './random.ts';

const hex = (block: Uint32Array) => [...block].map((word) => word.toString(16).padStart(8, '0')).join(' ');

describe('philox4x32', () => {
  // Random123's kat_vectors, "philox4x32 10".
  test.each([
    [[0, 0, 0, 0], [0, 0], '6627e8d5 e169c58d bc57ac4c 9b00dbd8'],
    [Array(4).fill(0xffffffff), Array(2).fill(0xffffffff), '408f276d 41c83b0e a20bc7c6 6d5451fd'],
    [
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      'd16cfe09 94fdcceb 5001e420 24126ea1',
    ],
  ])('known answer %#', (counter, key, answer) => {
    expect(hex(philox4x32(counter, key))).toBe(answer);
  });
});

describe('Random', () => {
  test('draws the blocks of its key and stream in order', () => {
    const random = new Random(0x299f31d0_a4093822n, 0x03707344_13198a2en);
    const drawn = Array.from({ length: 8 }, () => random.uint32());
    const key = [0xa4093822, 0x299f31d0];
    const expected = [0, 1].flatMap((block) => [...philox4x32([block, 0, 0x13198a2e, 0x03707344], key)]);
    expect(drawn).toEqual(expected);
  });

  test.each([0, 1, 2, 3, 4, 7])('resumes exactly after %i draws, through JSON', (draws) => {
    const random = new Random(7, 3);
    for (let i = 0; i < draws; i++) random.uint32();
    const resumed = Random.from(JSON.parse(JSON.stringify(random.state)));
    const next = (r: Random) => [r.normal(), r.uniform(2, 3), r.int(10), r.uint32()];
    expect(next(resumed)).toEqual(next(random));
  });

  test('counts past 2³² blocks', () => {
    const counter = 4 * (2 ** 32 + 5);
    const random = Random.from({ seed: '1', stream: '0', counter });
    expect(random.uint32()).toBe(philox4x32([5, 1, 0, 0], [1, 0])[0]);
    expect(random.state.counter).toBe(counter + 1);
  });

  test('forks do not depend on what was drawn, and differ by name, index and parent', () => {
    const parent = new Random(1);
    const early = parent.fork('a').uint32();
    parent.uint32();
    expect(parent.fork('a').uint32()).toBe(early);
    const others = [parent.fork('b'), parent.fork(1), parent.fork('1'), parent.fork('b').fork('a')];
    const firsts = [early, ...others.map((random) => random.uint32()), new Random(2).fork('a').uint32()];
    expect(new Set(firsts).size).toBe(firsts.length);
  });

  test('uniform and normal have their moments', () => {
    const random = new Random(42);
    const count = 50_000;
    const moments = (draw: () => number) => {
      const values = Array.from({ length: count }, draw);
      const mean = values.reduce((sum, value) => sum + value) / count;
      return { mean, variance: values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / count };
    };
    const uniform = moments(() => random.uniform(-1, 1));
    expect(uniform.mean).toBeCloseTo(0, 1.5);
    expect(uniform.variance).toBeCloseTo(1 / 3, 1.5);
    const normal = moments(() => random.normal(2, 3));
    expect(normal.mean).toBeCloseTo(2, 1);
    expect(normal.variance / 9).toBeCloseTo(1, 1);
  });

  test('int covers its range and shuffle permutes evenly', () => {
    const random = new Random(5);
    const seen = new Uint32Array(6);
    for (let i = 0; i < 6000; i++) seen[random.int(6)]++;
    expect(Math.min(...seen)).toBeGreaterThan(900);
    const orders = new Map<string, number>();
    for (let i = 0; i < 6000; i++) {
      const order = random.shuffle([1, 2, 3]).join('');
      orders.set(order, (orders.get(order) ?? 0) + 1);
    }
    expect(orders.size).toBe(6);
    expect(Math.min(...orders.values())).toBeGreaterThan(900);
  });
});
