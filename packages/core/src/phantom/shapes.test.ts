/** Signed distances of solids that are known exactly. */
import { expect, test } from 'vitest';
import { newPlace } from './place.ts';
import { axesAlong, ellipsoid, plate, type Solid, tube, union, within } from './shapes.ts';

const at = (solid: Solid, x: number, y: number, z: number): number =>
  solid.distance(Object.assign(newPlace(1), { x, y, z }));

test('an ellipsoid: exact along its axes, zero on its surface', () => {
  const solid = ellipsoid([1, 2, 3], [10, 20, 30]);
  expect(at(solid, 16, 2, 3)).toBeCloseTo(5);
  expect(at(solid, 1, 2, 23)).toBeCloseTo(-10);
  expect(at(solid, 1 + 10 * 0.6, 2 + 20 * 0.8, 3)).toBeCloseTo(0);
  expect(at(solid, 1, 2, 3)).toBe(-10);
});

test('axes follow the long direction; a bend moves the ends sideways', () => {
  const axes = axesAlong([0, 2, 0], [0, 0, 1]);
  expect(axes).toEqual([
    [0, 0, 1],
    [1, 0, 0],
    [0, 1, 0],
  ]);
  const bent = ellipsoid([0, 0, 0], [5, 5, 20], axes, 6);
  expect(at(bent, 0, 20, 6)).toBeCloseTo(0);
  expect(at(bent, 0, -20, 6)).toBeCloseTo(0);
});

test('a plate: thick by twice its radius, rounded at its edges', () => {
  const solid = plate([0, 0, 0], [10, 15], 2, axesAlong([0, 0, 1], [1, 0, 0]));
  expect(at(solid, 9, 5, 14)).toBeCloseTo(3);
  expect(at(solid, 16, 0, 0)).toBeCloseTo(4);
});

test('a tube: distance to the axis less the radius, which changes along it; the arc length is left behind', () => {
  const solid = tube([
    [0, 0, 0, 2],
    [0, 0, 40, 6],
  ]);
  const place = Object.assign(newPlace(1), { x: 10, y: 0, z: 20 });
  expect(solid.distance(place)).toBeCloseTo(6);
  expect(place.along).toBeCloseTo(20);
  expect(at(solid, 0, 0, 49)).toBeCloseTo(3);
  expect(solid.bounds).toEqual({ min: [-6, -6, -6], max: [6, 6, 46] });
});

test('a flattened tube is as wide and less deep', () => {
  const solid = tube(
    [
      [0, 0, 0, 6],
      [0, 0, 40, 6],
    ],
    1.5,
  );
  expect(at(solid, 6, 0, 20)).toBeCloseTo(0);
  expect(at(solid, 0, 4, 20)).toBeCloseTo(0);
});

test('union and limit', () => {
  const balls = union(1, ellipsoid([-10, 0, 0], [5, 5, 5]), ellipsoid([10, 0, 0], [5, 5, 5]));
  expect(at(balls, -10, 0, 0)).toBe(-5);
  expect(at(balls, 10, 7, 0)).toBeCloseTo(2);
  const half = within(1, balls, (p) => p.x);
  expect(at(half, 10, 0, 0)).toBeCloseTo(10);
  expect(at(half, -10, 0, 0)).toBe(-5);
});
