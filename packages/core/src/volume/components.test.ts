/** Connected parts and holes against flooding. */
import { describe, expect, test } from 'vitest';
import { Random } from '../random.ts';
import { affineFromRows } from './affine.ts';
import { fillHoles, keepLargestComponent } from './components.ts';
import type { Volume, Xyz } from './volume.ts';

const AFFINE = affineFromRows([
  [1, 0, 0, 0],
  [0, 1, 0, 0],
  [0, 0, 1, 0],
]);

/** Planes of rows of digits. */
function volume(...planes: string[][]): Volume<Uint8Array> {
  const shape: Xyz = [planes[0][0].length, planes[0].length, planes.length];
  return { shape, affine: AFFINE, data: Uint8Array.from(planes.flat().join(''), Number) };
}
const random = (shape: Xyz, labels: number, share: number): Volume<Uint8Array> => {
  const draw = new Random(3);
  const data = Uint8Array.from({ length: shape[0] * shape[1] * shape[2] }, () =>
    draw.uniform() < share ? 1 + draw.int(labels) : 0,
  );
  return { shape, affine: AFFINE, data };
};

/** Parts by flooding from voxel to voxel: what `isIn`, connected by the offsets. */
function flooded(
  { shape, data }: Volume<Uint8Array>,
  isIn: (v: number) => boolean,
  corners: boolean,
): number[][] {
  const seen = new Uint8Array(data.length);
  const found: number[][] = [];
  for (let seed = 0; seed < data.length; seed++) {
    if (seen[seed] || !isIn(data[seed])) continue;
    const part = [seed];
    seen[seed] = 1;
    for (const at of part) {
      const [x, y, z] = [
        at % shape[0],
        Math.floor(at / shape[0]) % shape[1],
        Math.floor(at / shape[0] / shape[1]),
      ];
      for (let n = 0; n < 27; n++) {
        const d = [(n % 3) - 1, (Math.floor(n / 3) % 3) - 1, Math.floor(n / 9) - 1];
        if (!corners && Math.abs(d[0]) + Math.abs(d[1]) + Math.abs(d[2]) !== 1) continue;
        const [a, b, c] = [x + d[0], y + d[1], z + d[2]];
        if (a < 0 || b < 0 || c < 0 || a >= shape[0] || b >= shape[1] || c >= shape[2]) continue;
        const to = a + shape[0] * (b + shape[1] * c);
        if (seen[to] || !isIn(data[to])) continue;
        seen[to] = 1;
        part.push(to);
      }
    }
    found.push(part);
  }
  return found;
}

describe('components', () => {
  test('the largest part of a label stays, parts that touch by a corner are one', () => {
    const map = volume(['1100200', '0010200', '0000000'], ['0000020', '0000001', '2000001']);
    expect(keepLargestComponent(map, [1, 2, 3])).toEqual(
      new Map([
        [1, 2],
        [2, 1],
      ]),
    );
    expect(map).toEqual(volume(['1100200', '0010200', '0000000'], ['0000020', '0000000', '0000000']));
  });

  test.each([
    [[17, 13, 9], 0.15],
    [[33, 5, 7], 0.3],
    [[1, 20, 20], 0.5],
  ] as [Xyz, number][])('of random maps of %j as flooding finds it', (shape, share) => {
    const map = random(shape, 2, share);
    const before = map.data.slice();
    keepLargestComponent(map, [1]);
    const found = flooded({ ...map, data: before }, (v) => v === 1, true);
    const most = Math.max(...found.map(({ length }) => length));
    const kept = [...map.data.keys()].filter((i) => map.data[i] === 1);
    expect(
      found.filter(({ length }) => length === most).map((part) => part.sort((a, b) => a - b)),
    ).toContainEqual(kept);
    expect(map.data.map((v) => (v === 2 ? 2 : 0))).toEqual(before.map((v) => (v === 2 ? 2 : 0)));
  });

  test('holes are filled where no face leads out; other labels inside stay', () => {
    const wall = ['11111', '11111', '11111', '11111'];
    const map = volume(wall, ['11111', '10021', '10001', '11111'], wall, [
      '00000',
      '01110',
      '01010',
      '01110',
    ]);
    expect(fillHoles(map, [1])).toEqual(new Map([[1, 5]]));
    expect(map).toEqual(
      volume(wall, ['11111', '11121', '11111', '11111'], wall, ['00000', '01110', '01010', '01110']),
    );
  });

  test('of a random map, the holes are what flooding from outside does not reach', () => {
    const map = random([15, 11, 12], 1, 0.75);
    const before = map.data.slice();
    fillHoles(map, [1]);
    const outer = flooded({ ...map, data: before }, (v) => v !== 1, false).filter((part) =>
      part.some((at) => {
        const [x, y, z] = [at % 15, Math.floor(at / 15) % 11, Math.floor(at / 165)];
        return x === 0 || y === 0 || z === 0 || x === 14 || y === 10 || z === 11;
      }),
    );
    const expected = new Uint8Array(before.length).fill(1);
    for (const at of outer.flat()) expected[at] = 0;
    expect(expected).not.toEqual(before);
    expect(map.data).toEqual(expected);
  });
});
