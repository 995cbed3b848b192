/** Painting by blocks against painting every voxel. */
import { expect, test } from 'vitest';
import { Random } from '../random.ts';
import { affineFromRows, apply } from '../volume/affine.ts';
import type { Xyz } from '../volume/volume.ts';
import { anatomyOf } from './anatomy/anatomy.ts';
import { AIR_HU, coverage, type Part } from './parts.ts';
import { samplePatient } from './patient.ts';
import { newPlace, type Place } from './place.ts';
import { trunkOf } from './trunk.ts';
import { type Scene, voxelise } from './voxelise.ts';

function sceneOf(seed: number): Scene {
  const random = new Random(seed);
  const patient = samplePatient(random);
  const originMm: Xyz = [5, -10, 20];
  return { ...anatomyOf(patient, random), locateInTrunk: trunkOf(patient), originMm };
}

/** Every part painted, none passed over. */
function paint(parts: readonly Part[], place: Place): [number, number] {
  let value = AIR_HU;
  let label = 0;
  for (const part of parts) {
    const distance = part.solid.distance(place);
    const share = coverage(distance, place.voxelMm);
    if (share > 0) value += share * (part.hu(place, distance) - value);
    if (distance < 0) label = part.label;
  }
  return [value, label];
}

test.each([
  [1, 7],
  [2, 3.5],
])('skipping what is far away changes nothing (seed %i, %f mm)', (seed, spacing) => {
  const scene = sceneOf(seed);
  const shape: Xyz = [Math.ceil(400 / spacing), Math.ceil(300 / spacing), Math.ceil(330 / spacing)];
  const affine = affineFromRows([
    [-spacing, 0, 0, 205],
    [0, spacing, 0, -140],
    [0, 0, spacing, -130],
  ]);
  const { hu, labels } = voxelise(scene, { shape, affine });

  const random = new Random(seed, 99);
  const place = newPlace(Math.cbrt(spacing ** 3));
  for (let n = 0; n < 15_000; n++) {
    const voxel: Xyz = [random.int(shape[0]), random.int(shape[1]), random.int(shape[2])];
    const [x, y, z] = apply(affine, voxel);
    scene.deformation.locate(x - scene.originMm[0], y - scene.originMm[1], z - scene.originMm[2], place);
    scene.locateInTrunk(place);
    const [value, label] = paint(scene.parts, place);
    const index = voxel[0] + shape[0] * (voxel[1] + shape[1] * voxel[2]);
    expect([labels[index], Math.round(hu[index])], `voxel ${voxel}`).toEqual([label, Math.round(value)]);
  }
});
