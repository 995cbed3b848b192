/**
 * Probabilities of a case: one .nii of as many volumes as classes, in 255ths, on the scan's grid turned to RAS+. Planes
 * are written where they belong as they come, so that no more than one is in memory.
 */
import { closeSync, fsyncSync, ftruncateSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import type { ProbabilityPlane } from '@organseg/core/inference/labelSlab.ts';
import type { CaseGeometry } from '@organseg/core/inference/preprocess.ts';
import { sharesHeader } from '@organseg/core/volume/niftiWrite.ts';

const CERTAIN = 255;

export class ProbabilityFile {
  readonly #path: string;
  readonly #file: number;
  readonly #geometry: CaseGeometry;
  readonly #classes: number;
  readonly #headerBytes: number;

  /** Everything is background until planes come. */
  constructor(path: string, geometry: CaseGeometry, classes: number) {
    this.#path = path;
    this.#geometry = geometry;
    this.#classes = classes;
    this.#file = openSync(this.#aside, 'w');
    const header = sharesHeader(geometry.ras, classes);
    this.#headerBytes = header.length;
    const [nx, ny, nz] = geometry.ras.shape;
    writeSync(this.#file, header, 0, header.length, 0);
    ftruncateSync(this.#file, header.length + classes * nx * ny * nz);
    const plane = new Uint8Array(nx * ny).fill(CERTAIN);
    for (let z = 0; z < nz; z++) this.#write(plane, 0, z, 0);
  }

  get #aside(): string {
    return `${this.#path}.part`;
  }

  #write(values: Uint8Array, label: number, z: number, at: number): void {
    const [nx, ny, nz] = this.#geometry.ras.shape;
    writeSync(this.#file, values, 0, values.length, this.#headerBytes + (label * nz + z) * nx * ny + at);
  }

  take({ plane, left, right, classStride, values }: ProbabilityPlane): void {
    const { box, cropped, ras } = this.#geometry;
    const [nx] = ras.shape;
    const width = right - left;
    const z = box.min[2] + plane;
    const isWhole = width === cropped.shape[0];
    for (let label = 0; label < this.#classes; label++) {
      const whole = new Uint8Array(isWhole ? nx * ras.shape[1] : 0).fill(label === 0 ? CERTAIN : 0);
      for (let y = 0; y < cropped.shape[1]; y++) {
        const from = label * classStride + y * width;
        const row = values.subarray(from, from + width);
        const at = (box.min[1] + y) * nx + box.min[0] + left;
        // Of a strip of columns a row at a time; the others have the rest.
        if (isWhole) whole.set(row, at);
        else this.#write(row, label, z, at);
      }
      if (isWhole) this.#write(whole, label, z, 0);
    }
  }

  /** The file appears under its name. */
  finish(): void {
    fsyncSync(this.#file);
    closeSync(this.#file);
    renameSync(this.#aside, this.#path);
  }

  discard(): void {
    closeSync(this.#file);
    rmSync(this.#aside, { force: true });
  }
}
