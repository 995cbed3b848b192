/** Resizing of pictures: smooth for intensities, nearest for labels. */
import type { Raster } from './planes.ts';

interface Size {
  readonly width: number;
  readonly height: number;
}

/** The picture at another size by linear interpolation; where it shrinks, over as many pixels as fall into one. */
export function resizeSmooth(raster: Raster, { width, height }: Size): Raster<Float32Array> {
  const across = resampleRows(raster, width);
  const down = resampleRows(transposed(across), height);
  return transposed(down);
}

/** The label map at another size: each pixel has the label that its centre lies in. */
export function resizeNearest(raster: Raster, { width, height }: Size): Raster<Uint8Array> {
  const data = new Uint8Array(width * height);
  const source = (i: number, from: number, to: number) => Math.floor(((i + 0.5) * from) / to);
  for (let y = 0, at = 0; y < height; y++) {
    const row = raster.width * source(y, raster.height, height);
    for (let x = 0; x < width; x++) data[at++] = raster.data[row + source(x, raster.width, width)];
  }
  return { width, height, data };
}

/**
 * Rows at another width. Each pixel is the mean of its neighbours, weighted by a triangle whose half width is one pixel
 * of the picture before or after, whichever is larger.
 */
function resampleRows({ width, height, data }: Raster, targetWidth: number): Raster<Float32Array> {
  const out = new Float32Array(targetWidth * height);
  const scale = width / targetWidth;
  const reach = Math.max(1, scale);
  for (let x = 0; x < targetWidth; x++) {
    const centre = (x + 0.5) * scale - 0.5;
    const first = Math.max(0, Math.ceil(centre - reach));
    const last = Math.min(width - 1, Math.floor(centre + reach));
    let total = 0;
    for (let from = first; from <= last; from++) {
      const weight = 1 - Math.abs(from - centre) / reach;
      total += weight;
      for (let y = 0; y < height; y++) out[y * targetWidth + x] += weight * data[y * width + from];
    }
    for (let y = 0; y < height; y++) out[y * targetWidth + x] /= total;
  }
  return { width: targetWidth, height, data: out };
}

function transposed({ width, height, data }: Raster): Raster<Float32Array> {
  const out = new Float32Array(data.length);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) out[x * height + y] = data[y * width + x];
  return { width: height, height: width, data: out };
}
