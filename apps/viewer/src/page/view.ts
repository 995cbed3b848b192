/** The pictures: three planes of a scan with its organs, and the organs in 3D. */
import { Niivue, NVImage, SHOW_RENDER, SLICE_TYPE } from '@niivue/niivue';
import type { ShownOrgan } from '../protocol.ts';

/** The intensities, in HU, between which a scan is shown from black to white. */
export const WINDOWS = {
  'soft tissue': [-160, 240],
  liver: [-45, 105],
  lung: [-1350, 150],
  bone: [-500, 1300],
} as const satisfies Record<string, readonly [number, number]>;
export type WindowName = keyof typeof WINDOWS;

export const PLANES = {
  'all planes': SLICE_TYPE.MULTIPLANAR,
  axial: SLICE_TYPE.AXIAL,
  coronal: SLICE_TYPE.CORONAL,
  sagittal: SLICE_TYPE.SAGITTAL,
} as const;
export type PlaneName = keyof typeof PLANES;

/** What lies under the crosshair. */
export interface Place {
  readonly mm: readonly number[];
  readonly hu: number;
  /** Undefined without labels. */
  readonly label: number | undefined;
}

/** The part of what NiiVue tells that is used here. */
interface Location {
  readonly mm: ArrayLike<number>;
  readonly values: readonly { readonly value: number }[];
}

const COMMON = { logLevel: 'error', loadingText: '', isColorbar: false } as const;

/** The size of the organs in 3D, as a share of what NiiVue takes. */
const SOLID_SCALE = 0.8;

export class View {
  readonly #slices: Niivue;
  readonly #solid: Niivue;
  #organs: readonly ShownOrgan[] = [];
  #hidden: ReadonlySet<number> = new Set();
  #opacity = 0.5;

  static async open(
    slices: HTMLCanvasElement,
    solid: HTMLCanvasElement,
    onPlace: (place: Place) => void,
  ): Promise<View> {
    const planes = new Niivue({
      ...COMMON,
      dragAndDropEnabled: false,
      multiplanarShowRender: SHOW_RENDER.NEVER,
      isOrientationTextVisible: true,
      crosshairWidth: 1,
      crosshairWidthUnit: 'mm',
      isRadiologicalConvention: true,
    });
    const render = new Niivue({
      ...COMMON,
      dragAndDropEnabled: false,
      show3Dcrosshair: false,
      isOrientCube: true,
    });
    planes.onLocationChange = (told) => {
      const { mm, values } = told as Location;
      onPlace({
        mm: Array.from(mm).slice(0, 3),
        hu: values[0]?.value ?? Number.NaN,
        label: values[1]?.value,
      });
    };
    await planes.attachToCanvas(slices);
    await render.attachToCanvas(solid);
    planes.setSliceType(SLICE_TYPE.MULTIPLANAR);
    render.setSliceType(SLICE_TYPE.RENDER);
    render.setScale(SOLID_SCALE);
    return new View(planes, render);
  }

  private constructor(slices: Niivue, solid: Niivue) {
    this.#slices = slices;
    this.#solid = solid;
  }

  /** Shows another scan, without labels. */
  async showScan(nifti: ArrayBuffer, [low, high]: readonly [number, number]): Promise<void> {
    this.clear();
    const scan = await imageOf(nifti, 'scan.nii', 1);
    scan.cal_min = low;
    scan.cal_max = high;
    this.#slices.addVolume(scan);
    this.#slices.updateGLVolume();
  }

  /** Shows the labels of the scan, in place of those before. */
  async showLabels(nifti: ArrayBuffer, coarse: ArrayBuffer, organs: readonly ShownOrgan[]): Promise<void> {
    this.#organs = organs;
    this.#hidden = new Set();
    this.clearLabels();
    const labels = await imageOf(nifti, 'labels.nii', this.#opacity);
    labels.setColormapLabel(this.#colours());
    this.#slices.addVolume(labels);
    const solid = await imageOf(coarse, 'organs.nii', 1);
    solid.setColormapLabel(this.#colours());
    this.#solid.addVolume(solid);
    this.#solid.setRenderAzimuthElevation(160, 10);
  }

  clear(): void {
    this.clearLabels();
    for (const volume of [...this.#slices.volumes]) this.#slices.removeVolume(volume);
  }

  clearLabels(): void {
    for (const volume of this.#slices.volumes.slice(1)) this.#slices.removeVolume(volume);
    for (const volume of [...this.#solid.volumes]) this.#solid.removeVolume(volume);
  }

  set window([low, high]: readonly [number, number]) {
    const [scan] = this.#slices.volumes;
    if (!scan) return;
    scan.cal_min = low;
    scan.cal_max = high;
    this.#slices.updateGLVolume();
  }

  set plane(plane: PlaneName) {
    this.#slices.setSliceType(PLANES[plane]);
  }

  /** 0 to 1. */
  set opacity(opacity: number) {
    this.#opacity = opacity;
    if (this.#slices.volumes.length > 1) this.#slices.setOpacity(1, opacity);
  }

  /** The labels that are not shown. */
  set hidden(labels: ReadonlySet<number>) {
    this.#hidden = labels;
    for (const viewer of [this.#slices, this.#solid]) {
      const volume = viewer === this.#slices ? viewer.volumes[1] : viewer.volumes[0];
      if (!volume) continue;
      volume.setColormapLabel(this.#colours());
      viewer.updateGLVolume();
    }
  }

  /** Moves the crosshair by voxels. */
  move(x: number, y: number, z: number): void {
    if (this.#slices.volumes.length) this.#slices.moveCrosshairInVox(x, y, z);
  }

  /** Both pictures side by side. */
  async png(): Promise<Blob> {
    const views = [this.#slices, this.#solid].filter(({ volumes }) => volumes.length);
    const canvases = views.map(({ canvas }) => canvas!);
    const picture = document.createElement('canvas');
    picture.width = canvases.reduce((sum, { width }) => sum + width, 0);
    picture.height = Math.max(...canvases.map(({ height }) => height));
    const context = picture.getContext('2d')!;
    let left = 0;
    for (const [i, view] of views.entries()) {
      view.drawScene(); // what was drawn earlier is gone
      context.drawImage(canvases[i]!, left, 0);
      left += canvases[i]!.width;
    }
    return new Promise((resolve, reject) =>
      picture.toBlob(
        (blob) => (blob ? resolve(blob) : reject(new Error('no picture could be made'))),
        'image/png',
      ),
    );
  }

  #colours() {
    const last = Math.max(0, ...this.#organs.map(({ label }) => label));
    const [R, G, B, A] = Array.from({ length: 4 }, () => new Array<number>(last + 1).fill(0));
    const labels = new Array<string>(last + 1).fill('');
    for (const { label, colour, name } of this.#organs) {
      [R![label], G![label], B![label]] = colour;
      A![label] = this.#hidden.has(label) ? 0 : 255;
      labels[label] = name;
    }
    return { R: R!, G: G!, B: B!, A: A!, I: labels.map((_, label) => label), labels };
  }
}

const imageOf = (nifti: ArrayBuffer, name: string, opacity: number): Promise<NVImage> =>
  NVImage.loadFromUrl({ url: name, name, buffer: nifti, colormap: 'gray', opacity });
