/**
 * Solids given by signed distances in the atlas: mm, negative inside, about true near the surface and never
 * growing much faster than the distance itself, so that the voxeliser may skip what is far away.
 */
import { cross, dot, normalised } from '../volume/vectors.ts';
import { type Xyz, xyz } from '../volume/volume.ts';
import { mix, smoothMax, smoothMin } from './functions.ts';
import type { Place } from './place.ts';

/** A signed distance in mm, negative inside. */
export type Distance = (p: Place) => number;

/** A box in mm, in the frame of the atlas or of the table. */
export interface Extent {
  readonly min: Xyz;
  readonly max: Xyz;
}

/** A solid in the atlas. */
export interface Solid {
  /** A box in the atlas that holds all of it. */
  readonly bounds: Extent;
  readonly distance: Distance;
}

/** The bounds of solids that have none. */
export const EVERYWHERE: Extent = {
  min: [-Infinity, -Infinity, -Infinity],
  max: [Infinity, Infinity, Infinity],
};

/** Three orthonormal rows: the local axes of a solid in the atlas. */
export type Axes = readonly [Xyz, Xyz, Xyz];

const UPRIGHT: Axes = [
  [1, 0, 0],
  [0, 1, 0],
  [0, 0, 1],
];

/** Local axes whose third runs along `long`, and whose first is as near to `side` as it can be. */
export function axesAlong(long: Xyz, side: Xyz): Axes {
  const w = normalised(long);
  const overlap = dot(side, w);
  const u = normalised([side[0] - overlap * w[0], side[1] - overlap * w[1], side[2] - overlap * w[2]]);
  return [u, cross(w, u), w];
}

/**
 * An ellipsoid with semi-axes `radii` along `axes`. `bend` curves it: its ends move by that many mm along the
 * first axis, like a bean's.
 * Distance: k₀(k₀−1)/k₁, k₀ = |p/r|, k₁ = |p/r²| (first order at the surface).
 */
export function ellipsoid(centre: Xyz, radii: Xyz, axes: Axes = UPRIGHT, bend = 0): Solid {
  const [u, v, w] = axes;
  const [cx, cy, cz] = centre;
  const [a, b, c] = radii;
  const least = Math.min(a, b, c);
  return {
    bounds: around(centre, Math.max(a + Math.abs(bend), b, c)),
    distance: (p) => {
      const x = p.x - cx;
      const y = p.y - cy;
      const z = p.z - cz;
      const lengthwise = (w[0] * x + w[1] * y + w[2] * z) / c;
      const sideways = (u[0] * x + u[1] * y + u[2] * z - bend * lengthwise * lengthwise) / a;
      const across = (v[0] * x + v[1] * y + v[2] * z) / b;
      const k0 = Math.sqrt(sideways * sideways + across * across + lengthwise * lengthwise);
      const k1 = Math.sqrt((sideways / a) ** 2 + (across / b) ** 2 + (lengthwise / c) ** 2);
      return k1 < 1e-9 ? -least : (k0 * (k0 - 1)) / k1;
    },
  };
}

/** A rounded rectangular plate: centre, half lengths along its first and third axis, half its thickness. */
export function plate(centre: Xyz, half: readonly [number, number], radius: number, axes: Axes): Solid {
  const [u, v, w] = axes;
  return {
    bounds: around(centre, Math.hypot(half[0], half[1]) + radius),
    distance: (p) => {
      const x = p.x - centre[0];
      const y = p.y - centre[1];
      const z = p.z - centre[2];
      const beyondU = Math.max(Math.abs(u[0] * x + u[1] * y + u[2] * z) - half[0], 0);
      const beyondW = Math.max(Math.abs(w[0] * x + w[1] * y + w[2] * z) - half[1], 0);
      return Math.hypot(beyondU, v[0] * x + v[1] * y + v[2] * z, beyondW) - radius;
    },
  };
}

/** A point of a tube's axis and the radius there. */
export type Knot = readonly [x: number, y: number, z: number, radius: number];

/**
 * A tube along a smooth curve through `knots`, its radius varying with it. `flatten` > 1 makes it shallower in
 * y by that factor. Writes `along` and `above` into the place.
 */
export function tube(knots: readonly Knot[], flatten = 1): Solid {
  const points = curve(knots);
  const count = points.length - 1;
  const widest = Math.max(...points.map((point) => point[3]));
  // Per segment: start (3), step (3), 1/|step|², start radius, radius change, arc length, length, half length.
  const STRIDE = 12;
  const segments = new Float64Array(count * STRIDE);
  let arc = 0;
  for (let i = 0; i < count; i++) {
    const [from, to] = [points[i], points[i + 1]];
    const step: Xyz = [to[0] - from[0], (to[1] - from[1]) * flatten, to[2] - from[2]];
    const length = Math.hypot(...step);
    segments.set(
      [from[0], from[1] * flatten, from[2], ...step, 1 / length ** 2, from[3], to[3] - from[3]],
      i * STRIDE,
    );
    segments.set([arc, length, length / 2], i * STRIDE + 9);
    arc += length;
  }
  return {
    bounds: {
      min: xyz((k) => Math.min(...points.map((q) => q[k])) - widest),
      max: xyz((k) => Math.max(...points.map((q) => q[k])) + widest),
    },
    distance: (p) => {
      const px = p.x;
      const py = p.y * flatten;
      const pz = p.z;
      let best = Infinity;
      for (let o = 0; o < segments.length; o += STRIDE) {
        const x = px - segments[o];
        const y = py - segments[o + 1];
        const z = pz - segments[o + 2];
        const sx = segments[o + 3];
        const sy = segments[o + 4];
        const sz = segments[o + 5];
        // The segment lies in a ball around its middle: skip it where the ball is farther than the best so far.
        const reach = best + widest + segments[o + 11];
        const mx = x - sx / 2;
        const my = y - sy / 2;
        const mz = z - sz / 2;
        if (mx * mx + my * my + mz * mz > reach * reach) continue;
        let t = (x * sx + y * sy + z * sz) * segments[o + 6];
        t = Math.max(0, Math.min(1, t));
        const dx = x - t * sx;
        const dy = y - t * sy;
        const dz = z - t * sz;
        const distance = Math.sqrt(dx * dx + dy * dy + dz * dz) - segments[o + 7] - t * segments[o + 8];
        if (distance < best) {
          best = distance;
          p.along = segments[o + 9] + t * segments[o + 10];
          p.above = dy / flatten;
        }
      }
      return best;
    },
  };
}

/** Points about 9 mm apart on the Catmull–Rom curve through the knots. */
function curve(knots: readonly Knot[]): Knot[] {
  const points: Knot[] = [knots[0]];
  for (let i = 0; i + 1 < knots.length; i++) {
    const [from, to] = [knots[i], knots[i + 1]];
    const before = knots[i - 1] ?? from;
    const after = knots[i + 2] ?? to;
    const parts = Math.max(1, Math.ceil(Math.hypot(to[0] - from[0], to[1] - from[1], to[2] - from[2]) / 9));
    for (let part = 1; part <= parts; part++) {
      const t = part / parts;
      const at = (k: 0 | 1 | 2): number => {
        const [a, b, c, d] = [before[k], from[k], to[k], after[k]];
        return b + (t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))) / 2;
      };
      points.push([at(0), at(1), at(2), mix(from[3], to[3], t)]);
    }
  }
  return points;
}

/** The union of solids, creases filled over `k` mm. */
export function union(k: number, ...solids: readonly Solid[]): Solid {
  return {
    bounds: {
      min: xyz((i) => Math.min(...solids.map((s) => s.bounds.min[i])) - k),
      max: xyz((i) => Math.max(...solids.map((s) => s.bounds.max[i])) + k),
    },
    distance: (p) => {
      let distance = solids[0].distance(p);
      for (let i = 1; i < solids.length; i++) distance = smoothMin(distance, solids[i].distance(p), k);
      return distance;
    },
  };
}

/** The part of `solid` where every limit is negative, edges rounded over `k` mm. */
export function within(k: number, solid: Solid, ...limits: readonly Distance[]): Solid {
  return {
    bounds: solid.bounds,
    distance: (p) => {
      let distance = solid.distance(p);
      for (const limit of limits) distance = smoothMax(distance, limit(p), k);
      return distance;
    },
  };
}

function around(centre: Xyz, reach: number): Extent {
  const [x, y, z] = centre;
  return { min: [x - reach, y - reach, z - reach], max: [x + reach, y + reach, z + reach] };
}
