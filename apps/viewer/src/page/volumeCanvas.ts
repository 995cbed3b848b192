/**
 * NiiVue on a canvas, for scans of many voxels: the GPU is given what has changed alone, and the page does not wait for
 * it, which on a processor that plays GPU takes long.
 */
import { Niivue, NVImage } from '@niivue/niivue';

/** The time between two looks at whether the GPU is done. */
const LOOK_MS = 20;

/** The most bytes of a volume that the GPU is given before the page answers again. */
const PORTION_BYTES = 4 * 2 ** 20;

/** The longest wait for a picture to be shown. */
const MOST_FRAME_MS = 1000;

/** A volume whose range of values is given: NiiVue would count all of them for it. */
export class RangedImage extends NVImage {
  readonly #range: readonly [number, number];

  constructor(range: readonly [number, number]) {
    super();
    this.#range = range;
  }

  override calMinMax(): number[] {
    const [low, high] = this.#range;
    Object.assign(this, { cal_min: low, cal_max: high, robust_min: low, robust_max: high });
    Object.assign(this, { global_min: low, global_max: high });
    return [low, high, low, high];
  }
}

export class VolumeCanvas extends Niivue {
  /** Whether voxels are away: the GPU goes on drawing what it has. */
  areVoxelsAway = false;
  /** The looks that the GPU has, of the scan and of what lies over it. */
  #scan: readonly unknown[] = [];
  #overlays: readonly unknown[] = [];
  #isNewScan = false;
  #areNewOverlays = false;
  #isStale = false;
  #update: Promise<void> | undefined;
  /** Voxels that the GPU has been given in buffers. */
  readonly #given = new Map<unknown, WebGLBuffer>();

  override async attachToCanvas(canvas: HTMLCanvasElement): Promise<this> {
    await super.attachToCanvas(canvas);
    // Asked for each plane of gradients; for the answer the page waits until the GPU has come to it.
    this.gl.checkFramebufferStatus = () => this.gl.FRAMEBUFFER_COMPLETE;
    this.#takeFromBuffers(this.gl);
    return this;
  }

  /** Shows volumes in place of those before: a scan, and what lies over it. Settles when they are drawn. */
  showVolumes(volumes: NVImage[]): Promise<void> {
    this.volumes = volumes;
    this.back = volumes[0] ?? null;
    this.overlays = volumes.slice(1);
    this.updateGLVolume();
    return this.drawn;
  }

  /** Settles when all that is to be seen is drawn. */
  get drawn(): Promise<void> {
    return this.#update ?? Promise.resolve();
  }

  /** Gives the GPU what has changed, and draws when it has it. */
  override updateGLVolume(): void {
    this.#isStale = true;
    this.#update ??= this.#updateAll();
  }

  async #updateAll(): Promise<void> {
    try {
      while (this.#isStale) {
        await frameShown();
        this.#isStale = false;
        if (!this.areVoxelsAway) {
          this.#compare();
          await this.#giveNew();
        }
        super.updateGLVolume();
        for (const buffer of this.#given.values()) this.gl.deleteBuffer(buffer);
        this.#given.clear();
        await this.#gpuDone();
      }
    } finally {
      this.#update = undefined;
    }
    this.drawScene();
  }

  #compare(): void {
    const scan = looksOf(this.volumes.slice(0, 1));
    const overlays = looksOf(this.overlays);
    this.#isNewScan = !areSame(scan, this.#scan);
    this.#areNewOverlays = this.volumes[0] !== this.#scan[0] || !areSame(overlays, this.#overlays);
    this.#scan = scan;
    this.#overlays = overlays;
  }

  /** Gives the GPU the voxels of large volumes that have changed, portion by portion. */
  async #giveNew(): Promise<void> {
    const { gl } = this;
    const changed = [
      ...(this.#isNewScan ? this.volumes.slice(0, 1) : []),
      ...(this.#areNewOverlays ? this.overlays : []),
    ];
    for (const { img } of changed) {
      if (!img || img.byteLength <= PORTION_BYTES) continue;
      const bytes = new Uint8Array(img.buffer, img.byteOffset, img.byteLength);
      const buffer = gl.createBuffer();
      this.#given.set(img, buffer);
      for (let at = 0; at < bytes.length; at += PORTION_BYTES) {
        gl.bindBuffer(gl.PIXEL_UNPACK_BUFFER, buffer);
        if (at === 0) gl.bufferData(gl.PIXEL_UNPACK_BUFFER, bytes.length, gl.STREAM_DRAW);
        gl.bufferSubData(gl.PIXEL_UNPACK_BUFFER, at, bytes, at, Math.min(PORTION_BYTES, bytes.length - at));
        gl.bindBuffer(gl.PIXEL_UNPACK_BUFFER, null);
        await this.#gpuDone();
      }
    }
  }

  /** Has textures filled from the buffers of voxels that were given in them. */
  #takeFromBuffers(gl: WebGL2RenderingContext): void {
    const fill = (...args: unknown[]) =>
      WebGL2RenderingContext.prototype.texSubImage3D.apply(gl, args as Parameters<typeof gl.texSubImage3D>);
    gl.texSubImage3D = (...args: unknown[]) => {
      const buffer = this.#given.get(args.at(-1));
      if (!buffer) {
        fill(...args);
        return;
      }
      gl.bindBuffer(gl.PIXEL_UNPACK_BUFFER, buffer);
      fill(...args.slice(0, -1), 0);
      gl.bindBuffer(gl.PIXEL_UNPACK_BUFFER, null);
    };
  }

  override refreshLayers(image: NVImage, layer: number): void {
    if (this.areVoxelsAway) return;
    if (layer === 0 ? this.#isNewScan : this.#areNewOverlays) {
      super.refreshLayers(image, layer);
      return;
    }
    const { gl, overlays, sliceMMShader: shader } = this;
    shader!.use(gl);
    gl.uniform1f(shader!.uniforms.overlays!, overlays.length);
  }

  /** Waits until the GPU has done what it was given. To draw before that makes the page wait. */
  async #gpuDone(): Promise<void> {
    const { gl } = this;
    const done = gl.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0);
    if (!done) return; // the GPU was lost
    gl.flush();
    for (let wait = 0; gl.clientWaitSync(done, 0, 0) === gl.TIMEOUT_EXPIRED; wait = LOOK_MS)
      await new Promise((resolve) => setTimeout(resolve, wait));
    gl.deleteSync(done);
  }

  override drawScene(): ReturnType<Niivue['drawScene']> {
    return this.#update ? undefined : super.drawScene();
  }

  /** Gradients, which NiiVue makes and nothing here shows, take a voxel a plane. */
  override rgbaTex(
    texture: WebGLTexture | null,
    unit: number,
    dims: number[],
    isInit?: boolean,
  ): WebGLTexture | null {
    const isOfGradients = unit === this.gl.TEXTURE6 || unit === this.gl.TEXTURE8;
    return super.rgbaTex(texture, unit, isOfGradients ? [dims[0]!, 1, 1, dims[3]!] : dims, isInit);
  }
}

/** Waits until what is drawn is shown, which comes late once the GPU is at work; a hidden page shows nothing. */
const frameShown = (): Promise<void> =>
  new Promise((resolve) => {
    requestAnimationFrame(() => setTimeout(resolve));
    setTimeout(resolve, MOST_FRAME_MS);
  });

/** Volumes, and what makes them look otherwise. */
const looksOf = (volumes: readonly NVImage[]): unknown[] =>
  volumes.flatMap((image) => [image, image.cal_min, image.cal_max, image.opacity, image.colormapLabel]);

const areSame = (one: readonly unknown[], other: readonly unknown[]): boolean =>
  one.length === other.length && one.every((value, i) => value === other[i]);
