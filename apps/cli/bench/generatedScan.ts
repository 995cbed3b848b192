/** Scans of any size, generated in no time. */
import { Random } from '@organseg/core/random.ts';
import { scaleAndShift } from '@organseg/core/volume/affine.ts';
import type { Volume, Xyz } from '@organseg/core/volume/volume.ts';

/** An ellipse of soft tissue in air, with noise, so that gzip has something to do. */
export function generatedScan(shape: Xyz, spacingMm: Xyz): Volume<Int16Array> {
  const [nx, ny, nz] = shape;
  const data = new Int16Array(nx * ny * nz);
  const noise = new Random(7);
  const grain = Int16Array.from({ length: 65536 }, () => Math.round(12 * noise.normal()));
  for (let z = 0, i = 0; z < nz; z++)
    for (let y = 0; y < ny; y++)
      for (let x = 0; x < nx; x++, i++) {
        const r = ((x - nx / 2) / (0.44 * nx)) ** 2 + ((y - ny / 2) / (0.32 * ny)) ** 2;
        const tissue = 60 * Math.sin(x / 31) * Math.sin(y / 27) * Math.sin(z / 23);
        data[i] = (r < 1 ? 40 + tissue : -1000) + grain[(i * 2654435761) & 65535];
      }
  return { shape, affine: scaleAndShift(spacingMm, [0, 0, 0]), data };
}

/** The box that the generated body lies in. */
export const bodyBox = ([nx, ny, nz]: Xyz) => ({
  min: [Math.ceil(0.06 * nx), Math.ceil(0.18 * ny), 0] as const,
  max: [Math.floor(0.94 * nx), Math.floor(0.82 * ny), nz] as const,
});
