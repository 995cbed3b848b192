/** Reading and writing a scan where it lies equals turning, cropping and resampling it step by step. */
import { dhw } from '@organseg/kernels/axes.ts';
import { describe, expect, test } from 'vitest';
import { onGrid } from '../../test/onGrid.ts';
import { affineFromRows } from '../volume/affine.ts';
import { crop } from '../volume/crop.ts';
import { toRas } from '../volume/orientation.ts';
import { type Volume, type Xyz, xyz } from '../volume/volume.ts';
import { dhwOf } from './axes.ts';
import { prepareLabels } from './prepareLabels.ts';
import { bodyOf, ScanLabels, ScanStream } from './scanStream.ts';

const INTENSITY = { intensity: { low: -300, high: 300, outside: 'clip' as const } };
const SPACINGS: Xyz = [1, 2, 3];

const ORIENTATIONS = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
].flatMap((axes) =>
  Array.from({ length: 8 }, (_, bits) => [axes, [0, 1, 2].map((i) => ((bits >> i) & 1 ? -1 : 1))]),
);

/** A CT whose body's voxels are all different, in air, with the axes of its affine permuted and flipped. */
function scanOf(axes: number[], flips: number[]): Volume<Int16Array> {
  const shape: Xyz = [7, 9, 8];
  const rows = [0, 1, 2].map((world) => {
    const axis = axes.indexOf(world);
    const row = [0, 0, 0, 10 * world];
    row[axis] = flips[axis] * SPACINGS[axis];
    return row;
  });
  const data = Int16Array.from({ length: 504 }, (_, i) => {
    const [x, y, z] = [i % 7, Math.floor(i / 7) % 9, Math.floor(i / 63)];
    return x > 0 && x < 6 && y > 1 && z < 6 ? ((i * 37) % 599) - 299 : -1000;
  });
  return { shape, affine: affineFromRows(rows), data };
}

describe('a scan in slabs, in all 48 orientations', () => {
  test('is read as the turned and cropped volume; labels go back to their places', () => {
    for (const [axes, flips] of ORIENTATIONS) {
      const scan = scanOf(axes, flips);
      for (const spacingMm of [
        [1.3, 1.7, 2.2],
        [4, 1, 3],
      ] as Xyz[]) {
        const stream = new ScanStream(scan, bodyOf(scan, INTENSITY).rows, spacingMm);
        const { box, cropped, network } = stream.geometry;
        const whole = crop(toRas(scan), box);
        expect(whole.shape).toEqual(cropped.shape);
        const [D, H, W] = dhwOf(cropped.shape);
        const slab = new Float32Array(2 * H * W);
        stream.readPlanes(D - 2, D, slab, 0);
        expect([...slab]).toEqual([...whole.data.subarray((D - 2) * H * W)]);

        // Labels of the network's grid come in two strips and blocks of three planes.
        const [d, h, w] = dhwOf(network.shape);
        const labels = { ...network, data: Uint8Array.from({ length: d * h * w }, (_, i) => (i * 7) % 14) };
        const sink = new ScanLabels(stream.geometry, 'labels');
        const half = Math.floor(w / 2);
        for (const [left, right] of [
          [0, half],
          [half, w],
        ] as const)
          for (let from = 0; from < d; from += 3) {
            const to = Math.min(d, from + 3);
            const rows = labels.data.subarray(from * h * w, to * h * w);
            const block = rows.filter((_, i) => i % w >= left && i % w < right);
            sink.network({ from, to, left, right, planeStride: h * (right - left), labels: block });
          }
        const expected = onGrid(onGrid(labels, cropped, 'edge'), scan, 'background');
        expect(sink.volume.data, `${axes} ${flips}`).toEqual(expected.data);
        expect(sink.volume.affine).toEqual(scan.affine);
        expect(sink.voxels.reduce((a, b) => a + b)).toBe(d * h * w);
      }
    }
  });

  test('its labels go to the network as those of the turned and cropped volume', () => {
    for (const [axes, flips] of ORIENTATIONS) {
      const scan = scanOf(axes, flips);
      const data = Uint8Array.from(scan.data, (_, i) => (i * 7) % 14);
      const { geometry } = new ScanStream(scan, bodyOf(scan, INTENSITY).rows, [1.3, 4, 2.2]);
      const { cropped, network } = geometry;
      const expected = onGrid(onGrid({ ...scan, data }, cropped, 'background'), network, 'edge');
      expect(prepareLabels({ ...scan, data }, geometry, 'nearest'), `${axes} ${flips}`).toEqual(expected);
    }
  });

  test('at equal spacing labels there and back are the same', () => {
    for (const [axes, flips] of ORIENTATIONS) {
      const scan = scanOf(axes, flips);
      const spacingMm = xyz((world) => SPACINGS[axes.indexOf(world)]);
      const { geometry } = new ScanStream(scan, bodyOf(scan, INTENSITY).rows, spacingMm);
      const data = Uint8Array.from(scan.data, (hu, i) => (hu > -300 ? 1 + (i % 13) : 0));
      const there = prepareLabels({ ...scan, data }, geometry, 'nearest');
      const [D, H, W] = dhwOf(there.shape);
      const sink = new ScanLabels(geometry, 'labels');
      sink.network({ from: 0, to: D, left: 0, right: W, planeStride: H * W, labels: there.data });
      expect(sink.volume.data, `${axes} ${flips}`).toEqual(data);
    }
  });

  test('a box of air beside the body is known', () => {
    for (const [axes, flips] of ORIENTATIONS) {
      const scan = scanOf(axes, flips);
      // A corner of the body is cut away, so that the box around it holds air.
      for (let i = 0; i < 504; i++)
        if (Math.floor(i / 63) < 3 && Math.floor(i / 7) % 9 < 5) scan.data[i] = -1000;
      const spacingMm = xyz((world) => SPACINGS[axes.indexOf(world)]);
      const stream = new ScanStream(scan, bodyOf(scan, INTENSITY).rows, spacingMm);
      const { network } = stream.geometry;
      const body = crop(toRas(scan), stream.geometry.box).data;
      const [D, H, W] = dhwOf(network.shape);
      for (let z = 0; z < D; z++)
        for (let y = 0; y < H; y++)
          for (let x = 0; x < W; x++)
            if (body[(z * H + y) * W + x] > -300)
              expect(stream.hasBody([z, y, x], [z + 1, y + 1, x + 1]), `${axes} ${flips} ${[x, y, z]}`).toBe(
                true,
              );
      expect(
        Array.from({ length: 8 }, (_, corner) => [0, 1, 2].map((axis) => (corner >> axis) & 1)).filter(
          (at) => {
            const from = dhw((axis) => (at[axis] ? [D, H, W][axis] - 1 : 0));
            return !stream.hasBody(
              from,
              dhw((axis) => from[axis] + 1),
            );
          },
        ).length,
      ).toBeGreaterThan(0);
    }
  });
});
