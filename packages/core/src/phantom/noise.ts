/** Smooth random textures. */
import type { Random } from '../random.ts';

const SIZE = 32;
const MASK = SIZE - 1;

/**
 * Smooth noise in space: random values on a lattice that repeats every 32 cells, smoothly interpolated.
 * Values lie about in [−1, 1], with mean 0 and a deviation of about 0.35.
 */
export class Noise {
  private readonly lattice = new Float64Array(SIZE ** 3);

  constructor(random: Random) {
    for (let i = 0; i < this.lattice.length; i++) this.lattice[i] = random.uniform(-1, 1);
  }

  /** The value at a position in lattice cells: mm over the wanted grain. */
  at(x: number, y: number, z: number): number {
    const { lattice } = this;
    const fx = Math.floor(x);
    const fy = Math.floor(y);
    const fz = Math.floor(z);
    const tx = ease(x - fx);
    const ty = ease(y - fy);
    const tz = ease(z - fz);
    const x0 = fx & MASK;
    const x1 = (fx + 1) & MASK;
    const y0 = (fy & MASK) * SIZE;
    const y1 = ((fy + 1) & MASK) * SIZE;
    const z0 = (fz & MASK) * SIZE * SIZE;
    const z1 = ((fz + 1) & MASK) * SIZE * SIZE;
    const a = lattice[x0 + y0 + z0] + tx * (lattice[x1 + y0 + z0] - lattice[x0 + y0 + z0]);
    const b = lattice[x0 + y1 + z0] + tx * (lattice[x1 + y1 + z0] - lattice[x0 + y1 + z0]);
    const c = lattice[x0 + y0 + z1] + tx * (lattice[x1 + y0 + z1] - lattice[x0 + y0 + z1]);
    const d = lattice[x0 + y1 + z1] + tx * (lattice[x1 + y1 + z1] - lattice[x0 + y1 + z1]);
    const front = a + ty * (b - a);
    return front + tz * (c + ty * (d - c) - front);
  }
}

const ease = (t: number): number => t * t * (3 - 2 * t);
