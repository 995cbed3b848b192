/**
 * The file of a case's probabilities: one .nii of as many volumes as classes, in 255ths, on the scan's own grid where
 * its third axis runs along the body, else turned to RAS+. Planes are written where they belong as they come, so that
 * no more than one is in memory.
 */
import { closeSync, fsyncSync, ftruncateSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import type { CaseGeometry } from '@organseg/core/inference/caseGeometry.ts';
import type { ProbabilityPlane } from '@organseg/core/inference/labelSlab.ts';
import { type NiftiSpace, spaceOfAffine } from '@organseg/core/volume/niftiSpace.ts';
import { sharesHeader } from '@organseg/core/volume/niftiWrite.ts';
import { rasView } from '@organseg/core/volume/orientation.ts';
import { asideOf } from '@organseg/files/aside.ts';
import { asInputError } from '@organseg/files/errors.ts';
import { renameOver } from '@organseg/files/rename.ts';

const CERTAIN = 255;

export class ProbabilityFile {
  readonly #path: string;
  readonly #aside: string;
  readonly #file: number;
  readonly #geometry: CaseGeometry;
  /** Places, in each volume, of the voxels of the scan in RAS+. */
  readonly #view: ReturnType<typeof rasView>;
  readonly #classes: number;
  readonly #headerBytes: number;
  /** One plane of one class, as the file has it. */
  readonly #plane: Uint8Array;
  readonly #planes: number;
  #isOpen = true;

  /**
   * A file in which everything is background until planes come. `space` is the scan's. Throws InputError where it
   * cannot be written, and leaves none.
   */
  constructor(path: string, geometry: CaseGeometry, classes: number, space: NiftiSpace) {
    const { scan, ras } = geometry;
    const isOwn = ras.from[2] === 2;
    const grid = isOwn ? scan : ras;
    const [nx, ny, nz] = grid.shape;
    this.#path = path;
    this.#aside = asideOf(path);
    this.#geometry = geometry;
    this.#view = isOwn ? ras : rasView(ras);
    this.#classes = classes;
    const header = sharesHeader(grid, classes, isOwn ? space : spaceOfAffine(ras.affine));
    this.#headerBytes = header.length;
    this.#planes = nz;
    this.#plane = new Uint8Array(nx * ny).fill(CERTAIN);
    this.#file = this.#named(() => openSync(this.#aside, 'wx+'));
    try {
      this.#write(header, 0);
      this.#named(() => ftruncateSync(this.#file, header.length + classes * nx * ny * nz));
      for (let z = 0; z < nz; z++) this.#write(this.#plane, this.#placeOf(0, z));
    } catch (error) {
      this.discard();
      throw error;
    }
  }

  #placeOf(label: number, z: number): number {
    return this.#headerBytes + (label * this.#planes + z) * this.#plane.length;
  }

  /** The answer of the operating system; what it refuses is thrown as an InputError that names the file. */
  #named<T>(ask: () => T): T {
    try {
      return ask();
    } catch (error) {
      throw asInputError(error, this.#path);
    }
  }

  #write(bytes: Uint8Array, place: number): void {
    for (let done = 0; done < bytes.length; )
      done += this.#named(() => writeSync(this.#file, bytes, done, bytes.length - done, place + done));
  }

  /** Writes a plane. Throws InputError where the disk is full. */
  take({ plane, left, right, classStride, values }: ProbabilityPlane): void {
    const { box, cropped } = this.#geometry;
    const { start, steps } = this.#view;
    const size = this.#plane.length;
    const first = start + (box.min[2] + plane) * steps[2];
    const z = Math.floor(first / size);
    const corner = (first % size) + box.min[1] * steps[1] + (box.min[0] + left) * steps[0];
    const isWhole = right - left === cropped.shape[0];
    for (let label = 0; label < this.#classes; label++) {
      const place = this.#placeOf(label, z);
      // Outside the body is background; what other strips of columns wrote is there already.
      if (isWhole) this.#plane.fill(label === 0 ? CERTAIN : 0);
      else readSync(this.#file, this.#plane, 0, size, place);
      let from = label * classStride;
      for (let y = 0; y < cropped.shape[1]; y++) {
        let at = corner + y * steps[1];
        for (let x = left; x < right; x++, at += steps[0]) this.#plane[at] = values[from++]!;
      }
      this.#write(this.#plane, place);
    }
  }

  /** Finishes the file, which appears under its name. Throws InputError where that cannot be. */
  finish(): void {
    this.#named(() => {
      fsyncSync(this.#file);
      this.#close();
      renameOver(this.#aside, this.#path);
    });
  }

  #close(): void {
    if (this.#isOpen) closeSync(this.#file);
    this.#isOpen = false;
  }

  discard(): void {
    this.#close();
    rmSync(this.#aside, { force: true });
  }
}
