/**
 * The file of a case's probabilities: one .nii with a volume for each label, or each region, in 255ths, on the scan's own
 * grid where its third axis is the one along which planes come, which is the body's, else turned so that it is. Planes
 * are written where they belong as they come, so that no more than one is in memory.
 */
import { closeSync, fsyncSync, ftruncateSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { type CroppedView, viewOfBox } from '@organseg/core/inference/caseGeometry.ts';
import type { ProbabilityPlane } from '@organseg/core/inference/labelSlab.ts';
import { type NiftiSpace, spaceOfAffine } from '@organseg/core/volume/niftiSpace.ts';
import { sharesHeader } from '@organseg/core/volume/niftiWrite.ts';
import { asideOf } from '@organseg/files/aside.ts';
import { asInputError } from '@organseg/files/errors.ts';
import { renameOver } from '@organseg/files/rename.ts';
import type { ProbabilityForm } from './predictor.ts';

const CERTAIN = 255;

export class ProbabilityFile {
  readonly #path: string;
  readonly #aside: string;
  readonly #file: number;
  /** Places, in each volume, of the voxels that are segmented. */
  readonly #view: CroppedView;
  readonly #channels: number;
  /** The probability outside: of the background, where there is one, it is certain. */
  readonly #outside: (channel: number) => number;
  readonly #headerBytes: number;
  /** One plane of one class, as the file has it. */
  readonly #plane: Uint8Array;
  readonly #planes: number;
  #isOpen = true;

  /**
   * A file in which everything is background, or no region, until planes come. `space` is the scan's. Throws InputError
   * where it cannot be written, and leaves none.
   */
  constructor(path: string, { scan, turned, box, channels, areRegions }: ProbabilityForm, space: NiftiSpace) {
    const isOwn = turned.from[2] === 2;
    const grid = isOwn ? scan : turned;
    const [nx, ny, nz] = grid.shape;
    this.#path = path;
    this.#aside = asideOf(path);
    this.#view = viewOfBox(isOwn ? turned : { ...turned, start: 0, steps: [1, nx, nx * ny] }, box);
    this.#channels = channels;
    this.#outside = (channel) => (channel === 0 && !areRegions ? CERTAIN : 0);
    const header = sharesHeader(grid, channels, isOwn ? space : spaceOfAffine(turned.affine));
    this.#headerBytes = header.length;
    this.#planes = nz;
    this.#plane = new Uint8Array(nx * ny).fill(this.#outside(0));
    this.#file = this.#named(() => openSync(this.#aside, 'wx+'));
    try {
      this.#write(header, 0);
      this.#named(() => ftruncateSync(this.#file, header.length + channels * nx * ny * nz));
      for (let z = 0; z < nz; z++) this.#write(this.#plane, this.#placeOf(0, z));
    } catch (error) {
      this.discard();
      throw error;
    }
  }

  #placeOf(channel: number, z: number): number {
    return this.#headerBytes + (channel * this.#planes + z) * this.#plane.length;
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
    const { start, steps, shape } = this.#view;
    const size = this.#plane.length;
    const first = start + plane * steps[2];
    const z = Math.floor(first / size);
    const corner = (first % size) + left * steps[0];
    const isWhole = right - left === shape[0];
    for (let channel = 0; channel < this.#channels; channel++) {
      const place = this.#placeOf(channel, z);
      // What other strips of columns wrote is there already.
      if (isWhole) this.#plane.fill(this.#outside(channel));
      else readSync(this.#file, this.#plane, 0, size, place);
      let from = channel * classStride;
      for (let y = 0; y < shape[1]; y++) {
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
