/** The pictures: three planes of a scan with its organs, and the organs in 3D. */
import { Niivue, NVImage, SHOW_RENDER, SLICE_TYPE } from '@niivue/niivue';
import { readHeader } from 'nifti-reader-js';
import type { LabelPictures, NiftiParts, ShownOrgan } from '../protocol.ts';
import { Pen } from './pen.ts';

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
  /** Undefined while the view has let go of its voxels, as is the label. */
  readonly hu: number | undefined;
  /** Undefined without labels. */
  readonly label: number | undefined;
}

/** The part of what NiiVue tells that is used here. */
interface Location {
  readonly mm: ArrayLike<number>;
  readonly values: readonly { readonly value: number }[];
}

/** NiiVue has no keys of its own, which the page would hear too. */
const NO_KEYS = { clipPlaneHotKey: '', cycleClipPlaneHotKey: '', viewModeHotKey: '' } as const;
const COMMON = { logLevel: 'error', loadingText: '', isColorbar: false, ...NO_KEYS } as const;

/** The size of the organs in 3D, as a share of what NiiVue takes. */
const SOLID_SCALE = 0.8;

/** Label 1 in a colour that no organ has. */
const DIFFERENCES = { R: [0, 255], G: [0, 0], B: [0, 255], A: [0, 255], I: [0, 1], labels: ['', 'differs'] };

export class View {
  readonly #slices: Niivue;
  readonly #solid: Niivue;
  /** The slices with the labels of a second prediction; undefined until there is one. */
  #second: Niivue | undefined;
  #plane: PlaneName = 'all planes';
  #organs: readonly ShownOrgan[] = [];
  #hidden: ReadonlySet<number> = new Set();
  #opacity = 0.5;
  /** Whether it has let go of its voxels. */
  #isAway = false;

  static async open(
    slices: HTMLCanvasElement,
    solid: HTMLCanvasElement,
    onPlace: (place: Place) => void,
  ): Promise<View> {
    const planes = newSlices();
    const render = new Niivue({
      ...COMMON,
      dragAndDropEnabled: false,
      show3Dcrosshair: false,
      isOrientCube: true,
    });
    const view = new View(planes, render);
    planes.onLocationChange = (told) => {
      const { mm, values } = told as Location;
      onPlace({
        mm: Array.from(mm).slice(0, 3),
        hu: view.#isAway ? undefined : values[0]?.value,
        label: view.#isAway ? undefined : values[1]?.value,
      });
    };
    await planes.attachToCanvas(slices);
    await render.attachToCanvas(solid);
    planes.setSliceType(SLICE_TYPE.MULTIPLANAR);
    render.setSliceType(SLICE_TYPE.RENDER);
    render.setScale(SOLID_SCALE);
    return view;
  }

  private constructor(slices: Niivue, solid: Niivue) {
    this.#slices = slices;
    this.#solid = solid;
  }

  /** Shows another scan, without labels. */
  showScan(nifti: NiftiParts, [low, high]: readonly [number, number]): void {
    this.clear();
    const scan = imageOf(nifti, 'scan', 1);
    scan.cal_min = low;
    scan.cal_max = high;
    this.#slices.addVolume(scan);
  }

  /** Shows the labels of the scan, in place of those before. */
  showLabels({ nifti, coarse }: LabelPictures, organs: readonly ShownOrgan[]): void {
    this.#organs = organs;
    this.#hidden = new Set();
    this.clearLabels();
    const labels = imageOf(nifti, 'labels', this.#opacity);
    labels.setColormapLabel(this.#colours());
    this.#slices.addVolume(labels);
    const solid = imageOf(coarse, 'organs', 1);
    solid.setColormapLabel(this.#colours());
    this.#solid.addVolume(solid);
    this.#solid.setRenderAzimuthElevation(160, 10);
  }

  /** Shows the labels of a second prediction in slices of their own, and in both slices where they differ. */
  async showSecond(canvas: HTMLCanvasElement, nifti: NiftiParts, differences: NiftiParts): Promise<void> {
    this.hideSecond();
    this.#second ??= await this.#openSecond(canvas);
    const labels = imageOf(nifti, 'second', this.#opacity);
    labels.setColormapLabel(this.#colours());
    const marks = imageOf(differences, 'differences', 1);
    marks.setColormapLabel(DIFFERENCES);
    for (const volume of [this.#slices.volumes[0]!, labels, marks]) this.#second.addVolume(volume);
    this.#slices.addVolume(marks);
    this.#second.setSliceType(PLANES[this.#plane]);
    this.#second.scene.crosshairPos = this.#slices.scene.crosshairPos;
    dispatchEvent(new Event('resize')); // the slices are smaller than they were
  }

  /** The slices of a second prediction. The crosshair of either slices is the other's; NiiVue links those in focus alone. */
  async #openSecond(canvas: HTMLCanvasElement): Promise<Niivue> {
    const second = newSlices();
    await second.attachToCanvas(canvas);
    const first = this.#slices;
    const onFirst = first.onLocationChange;
    first.onLocationChange = (told) => {
      onFirst(told);
      if (second.volumes.length) follow(second, first);
    };
    second.onLocationChange = () => {
      follow(first, second);
      first.createOnLocationChange();
    };
    return second;
  }

  /** Marks, or no longer, where two predictions differ. */
  markDifferences(isMarked: boolean): void {
    for (const viewer of this.#planes) if (viewer.volumes[2]) viewer.setOpacity(2, isMarked ? 1 : 0);
  }

  hideSecond(): void {
    for (const volume of this.#slices.volumes.slice(2)) this.#slices.removeVolume(volume);
    for (const volume of [...(this.#second?.volumes ?? [])]) this.#second?.removeVolume(volume);
    dispatchEvent(new Event('resize'));
  }

  /** A pen on the labels that are shown. Whoever opens it closes it. */
  openPen(): Pen {
    return new Pen(this.#slices, this.#colours(), this.#opacity);
  }

  get #planes(): Niivue[] {
    return this.#second?.volumes.length ? [this.#slices, this.#second] : [this.#slices];
  }

  /**
   * Lets go of the voxels of the scan and its labels, without a second prediction. The GPU goes on drawing them as they
   * are: what is changed of how they look comes once they are taken back.
   */
  letGo(): void {
    this.#isAway = true;
    const viewer = this.#slices;
    for (const { img } of viewer.volumes) (img!.buffer as ArrayBuffer).transfer(0);
    viewer.refreshLayers = () => {};
    if (viewer.volumes.length) viewer.createOnLocationChange();
  }

  /** Takes back the voxels that it let go of, of the scan and of its labels; what is not given back is shown no longer. */
  takeBack(...voxels: readonly ArrayBuffer[]): void {
    const viewer = this.#slices;
    for (const volume of viewer.volumes.slice(voxels.length)) viewer.removeVolume(volume);
    viewer.volumes.forEach((volume, i) => {
      const type = volume.img!.constructor as new (buffer: ArrayBuffer) => NonNullable<NVImage['img']>;
      volume.img = new type(voxels[i]!);
    });
    this.#isAway = false;
    delete (viewer as Partial<Niivue>).refreshLayers; // that of its class is there again
    viewer.updateGLVolume();
    if (viewer.volumes.length) viewer.createOnLocationChange();
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
    for (const viewer of this.#planes) viewer.updateGLVolume();
  }

  set plane(plane: PlaneName) {
    this.#plane = plane;
    for (const viewer of this.#planes) viewer.setSliceType(PLANES[plane]);
  }

  /** 0 to 1. */
  set opacity(opacity: number) {
    this.#opacity = opacity;
    for (const viewer of this.#planes) if (viewer.volumes[1]) viewer.setOpacity(1, opacity);
  }

  /** The labels that are not shown. */
  set hidden(labels: ReadonlySet<number>) {
    this.#hidden = labels;
    for (const viewer of [...this.#planes, this.#solid]) {
      const volume = viewer === this.#solid ? viewer.volumes[0] : viewer.volumes[1];
      if (!volume) continue;
      volume.setColormapLabel(this.#colours());
      viewer.updateGLVolume();
    }
  }

  /** Moves the crosshair by voxels, of the slices that have the focus and of the others with them. */
  move(x: number, y: number, z: number): void {
    const viewer = this.#planes.find(({ canvas }) => canvas === document.activeElement) ?? this.#slices;
    if (viewer.volumes.length) viewer.moveCrosshairInVox(x, y, z);
  }

  /** All pictures side by side. */
  async png(): Promise<Blob> {
    const views = [...this.#planes, this.#solid].filter(({ volumes }) => volumes.length);
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

function newSlices(): Niivue {
  return new Niivue({
    ...COMMON,
    dragAndDropEnabled: false,
    multiplanarShowRender: SHOW_RENDER.NEVER,
    isOrientationTextVisible: true,
    crosshairWidth: 1,
    crosshairWidthUnit: 'mm',
    isRadiologicalConvention: true,
  });
}

/** Moves the crosshair of slices to that of others. */
function follow(slices: Niivue, { scene }: Niivue): void {
  slices.scene.crosshairPos = scene.crosshairPos;
  slices.scene.pan2Dxyzmm = scene.pan2Dxyzmm;
  slices.drawScene();
}

/** The place of the voxels among the arguments of NiiVue's `init`; those before it may be left out. */
const VOXELS_ARGUMENT = 19;

/** A volume for NiiVue, which holds on to the voxels as they are; what it reads itself, it copies. */
function imageOf({ header, voxels }: NiftiParts, name: string, opacity: number): NVImage {
  const image = new NVImage();
  image.hdr = readHeader(header);
  const args: unknown[] = [voxels, name, 'gray', opacity];
  args[VOXELS_ARGUMENT] = voxels;
  image.init(...(args as Parameters<NVImage['init']>));
  return image;
}
