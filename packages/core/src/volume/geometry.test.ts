/** Affines, orientations, crops and changes of spacing. */
import { describe, expect, it } from 'vitest';
import { onGrid } from '../../test/onGrid.ts';
import { affineFromRows, apply, compose, invert, scaleAndShift, spacingOf } from './affine.ts';
import { crop, foregroundBox } from './crop.ts';
import { random } from './niftiFixture.ts';
import { axisCodes, toRas } from './orientation.ts';
import { axisMaps, gridAtSpacing, nearestIndices } from './resampleGrid.ts';
import { type Grid, type Volume, type Xyz, xyz } from './volume.ts';

/** Oblique, spacing 0.8 × 0.9 × 2.5, RAS+. */
const OBLIQUE = affineFromRows([
  [0.765043795, -0.257889361, 0.145213231, -100.5],
  [0.233897358, 0.843518123, -0.474971, 20.25],
  [0, 0.178802, 2.450165558, 333],
]);

/** A grid of [7, 5, 4] whose axis codes are these: OBLIQUE's axes permuted and flipped. */
function gridWithCodes(codes: string): Grid {
  const rows = [0, 4, 8].map((row) => [
    ...[...codes].map((code) => {
      const world = 'RAS'.indexOf(code);
      return world >= 0 ? OBLIQUE[row + world] : -OBLIQUE[row + 'LPI'.indexOf(code)];
    }),
    OBLIQUE[row + 3],
  ]);
  return { shape: [7, 5, 4], affine: affineFromRows(rows) };
}

const ALL_CODES = ['RAS', 'RSA', 'ARS', 'ASR', 'SRA', 'SAR'].flatMap((axes) =>
  [0, 1, 2, 3, 4, 5, 6, 7].map((flips) =>
    [...axes].map((code, i) => (flips & (1 << i) ? 'LPI'['RAS'.indexOf(code)] : code)).join(''),
  ),
);

function noise(grid: Grid, seed: number): Volume<Uint8Array> {
  const next = random(seed);
  const length = grid.shape[0] * grid.shape[1] * grid.shape[2];
  return { ...grid, data: Uint8Array.from({ length }, () => 14 * next()) };
}

const at = ({ data, shape }: Volume, [x, y, z]: Xyz) => data[x + shape[0] * (y + shape[1] * z)];

function voxelsOf({ shape }: Grid): Xyz[] {
  const indices: Xyz[] = [];
  for (let z = 0; z < shape[2]; z++) {
    for (let y = 0; y < shape[1]; y++) for (let x = 0; x < shape[0]; x++) indices.push([x, y, z]);
  }
  return indices;
}

const closeTo = (actual: ArrayLike<number>, expected: ArrayLike<number>, digits = 9) => {
  expect(actual.length).toBe(expected.length);
  for (let i = 0; i < actual.length; i++) expect(actual[i]).toBeCloseTo(expected[i], digits);
};

describe('affine', () => {
  it('applies, composes and inverts', () => {
    expect(apply(OBLIQUE, [0, 0, 0])).toEqual([-100.5, 20.25, 333]);
    const [voxel, other]: Xyz[] = [
      [3, -2, 5],
      [0.5, 8, 1],
    ];
    closeTo(apply(invert(OBLIQUE), apply(OBLIQUE, voxel)), voxel);
    const twice = compose(OBLIQUE, OBLIQUE);
    closeTo(apply(twice, other), apply(OBLIQUE, apply(OBLIQUE, other)));
    closeTo(spacingOf(OBLIQUE), [0.8, 0.9, 2.5], 3);
    expect(() =>
      invert(
        affineFromRows([
          [1, 2, 0, 0],
          [2, 4, 0, 0],
          [0, 0, 1, 0],
        ]),
      ),
    ).toThrow(/singular/);
  });
});

describe('orientation', () => {
  it('names the axes of all 48 orientations', () => {
    expect(new Set(ALL_CODES).size).toBe(48);
    for (const codes of ALL_CODES) expect(axisCodes(gridWithCodes(codes).affine)).toBe(codes);
  });

  it('names sheared axes as nibabel does, from the nearest rotation', () => {
    // In each, two voxel axes lean closest to the same world axis. The codes are those of nibabel 5.4.
    const cases: [string, number[][]][] = [
      [
        'PLI',
        [
          [2.04, -2.56, 0.42, 0],
          [-0.57, -0.45, -0.22, 0],
          [-2.02, -0.23, -0.87, 0],
        ],
      ],
      [
        'RSP',
        [
          [3.32, 0.23, -0.35, 0],
          [-0.28, -0.67, -1.06, 0],
          [-0.39, 0.48, -0.24, 0],
        ],
      ],
      [
        'RAS',
        [
          [0.96, -0.2, 0.02, 0],
          [1.55, 0.55, -0.51, 0],
          [-0.18, 0.54, 1.94, 0],
        ],
      ],
      [
        'PLS',
        [
          [-0.27, -0.24, 1, 0],
          [-0.89, -0.29, 0.88, 0],
          [0.58, 0.09, 0.67, 0],
        ],
      ],
      [
        'LIA',
        [
          [-2.83, 1.02, -0.96, 0],
          [-1.67, 0.28, 0.7, 0],
          [-0.44, -1.08, 0.03, 0],
        ],
      ],
      [
        'IAR',
        [
          [-0.05, 1.41, 0.75, 0],
          [0.19, 1.11, -0.21, 0],
          [-0.93, 0.58, 0.58, 0],
        ],
      ],
    ];
    for (const [codes, rows] of cases) expect(axisCodes(affineFromRows(rows))).toBe(codes);
  });

  it('turns to RAS+ without moving a voxel in the world, and exactly back, in all 48', () => {
    for (const [i, codes] of ALL_CODES.entries()) {
      const volume = noise(gridWithCodes(codes), i);
      const ras = toRas(volume);
      expect(axisCodes(ras.affine)).toBe('RAS');
      const toOriginal = compose(invert(volume.affine), ras.affine);
      for (const voxel of voxelsOf(ras)) {
        const place = apply(toOriginal, voxel);
        const original = xyz((axis) => Math.round(place[axis]));
        closeTo(apply(toOriginal, voxel), original);
        expect(at(ras, voxel)).toBe(at(volume, original));
      }
      expect(onGrid(ras, volume, 'background')).toEqual(volume);
    }
  });
});

describe('crop', () => {
  const volume = noise(gridWithCodes('RAS'), 5);

  it('finds the smallest box above the threshold', () => {
    const data = new Float32Array(140).fill(-1000);
    for (const [x, y, z] of [
      [2, 1, 1],
      [5, 3, 1],
      [3, 0, 2],
    ])
      data[x + 7 * (y + 5 * z)] = -299;
    data[0] = -300;
    data[139] = Number.NaN;
    expect(foregroundBox({ ...volume, data }, -300)).toEqual({ min: [2, 0, 1], max: [6, 4, 3] });
    expect(foregroundBox({ ...volume, data }, -299)).toBeNull();
  });

  it('keeps voxels in their place in the world', () => {
    const box = { min: [2, 1, 1], max: [6, 5, 3] } as const;
    const cut = crop(volume, box);
    expect(cut.shape).toEqual([4, 4, 2]);
    expect(at(cut, [0, 0, 0])).toBe(at(volume, [2, 1, 1]));
    expect(at(cut, [3, 3, 1])).toBe(at(volume, [5, 4, 2]));
    closeTo(apply(cut.affine, [3, 3, 1]), apply(volume.affine, [5, 4, 2]));
    expect(onGrid(volume, cut, 'background')).toEqual(cut);
  });

  it('refuses a box outside the volume', () => {
    expect(() => crop(volume, { min: [0, 0, 0], max: [8, 5, 4] })).toThrow(/does not lie in/);
    expect(() => crop(volume, { min: [3, 0, 0], max: [3, 5, 4] })).toThrow(/does not lie in/);
  });
});

describe('a change of spacing', () => {
  const grid: Grid = { shape: [30, 17, 9], affine: OBLIQUE };

  it('has the spacing asked for, the same centre, and the nearest size', () => {
    const fine = gridAtSpacing(grid, [1, 1, 1]);
    expect(fine.shape).toEqual([24, 15, 23]); // 30·0.8, 17·0.9 = 15.3, 9·2.5 = 22.5
    closeTo(spacingOf(fine.affine), [1, 1, 1], 12);
    closeTo(apply(fine.affine, [11.5, 7, 11]), apply(OBLIQUE, [14.5, 8, 4]));
    expect(gridAtSpacing({ shape: [1, 1, 1], affine: OBLIQUE }, [5, 5, 5]).shape).toEqual([1, 1, 1]);
  });

  it('maps indices as the affines do, both ways', () => {
    const fine = gridAtSpacing(grid, [1, 1.5, 0.7]);
    for (const [source, target] of [
      [grid, fine],
      [fine, grid],
    ]) {
      const maps = axisMaps(source, target);
      const exact = compose(invert(source.affine), target.affine);
      for (const voxel of [
        [0, 0, 0],
        [3, 5, 7],
      ] as const) {
        closeTo(
          maps.map(({ scale, offset }, axis) => scale * voxel[axis] + offset),
          apply(exact, voxel),
        );
      }
    }
  });

  it('takes the nearest voxel, halves upwards, and repeats the edge', () => {
    const row = (count: number, spacingMm: number, firstMm: number): Grid => ({
      shape: [count, 1, 1],
      affine: scaleAndShift([spacingMm, 1, 1], [firstMm, 0, 0]),
    });
    const nearest = (source: Grid, target: Grid) => [
      ...nearestIndices(axisMaps(source, target)[0], target.shape[0], source.shape[0]),
    ];
    const four = row(4, 1, 0);
    const at2mm = gridAtSpacing(four, [2, 1, 1]);
    expect(nearest(four, at2mm)).toEqual([1, 3]); // 0.5 and 2.5
    expect(nearest(at2mm, four)).toEqual([0, 0, 1, 1]);
    expect(nearest(four, gridAtSpacing(four, [1.3, 1, 1]))).toEqual([0, 2, 3]); // 0.2, 1.5, 2.8
    expect(nearest(four, row(8, 1, -2))).toEqual([0, 0, 0, 1, 2, 3, 3, 3]);
  });

  it('refuses grids that are turned or shifted against each other', () => {
    expect(() => axisMaps(grid, { ...grid, affine: gridWithCodes('RPS').affine })).toThrow(/axes/);
    const shifted = compose(OBLIQUE, scaleAndShift([1, 1, 1], [1, 0, 0]));
    expect(() => axisMaps(grid, { ...grid, affine: shifted })).toThrow(/centre/);
  });
});
