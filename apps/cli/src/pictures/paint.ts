/** Colours over a grey picture. */
import { labelColour } from '@organseg/core/organs.ts';
import { IGNORED } from '@organseg/kernels/codedLabels.ts';
import { encode } from 'fast-png';
import type { Raster } from './planes.ts';

/** Red, green and blue, 0 to 255. */
export type Colour = readonly [number, number, number];

/** Opacity of an organ, and of its contour. */
const [FILL, CONTOUR] = [0.3, 0.95];

export interface Paint {
  readonly colour: Colour;
  readonly opacity: number;
}

/** The paint of a pixel of a label map; null for background and what is ignored. A pixel beside another label is part of the contour. */
export function organPaint({ width, height, data }: Raster, i: number): Paint | null {
  const label = data[i];
  if (label === 0 || label === IGNORED) return null;
  const [x, y] = [i % width, Math.floor(i / width)];
  const isEdge =
    (x > 0 && data[i - 1] !== label) ||
    (x < width - 1 && data[i + 1] !== label) ||
    (y > 0 && data[i - width] !== label) ||
    (y < height - 1 && data[i + width] !== label);
  return { colour: labelColour(label), opacity: isEdge ? CONTOUR : FILL };
}

/** A grey picture, 0 to 255, with paint over it: red, green and blue of each pixel. */
export function rgbOf({ width, height, data }: Raster, paintAt: (pixel: number) => Paint | null): Uint8Array {
  const rgb = new Uint8Array(3 * width * height);
  for (let i = 0; i < width * height; i++) {
    const paint = paintAt(i);
    for (let channel = 0; channel < 3; channel++) {
      const over = paint ? paint.opacity * (paint.colour[channel] - data[i]) : 0;
      rgb[3 * i + channel] = Math.round(data[i] + over);
    }
  }
  return rgb;
}

export const encodePng = (width: number, height: number, rgb: Uint8Array): Uint8Array =>
  encode({ width, height, channels: 3, data: rgb }, { zlib: { level: 9 } });

export const png = (grey: Raster, paintAt: (pixel: number) => Paint | null): Uint8Array =>
  encodePng(grey.width, grey.height, rgbOf(grey, paintAt));
