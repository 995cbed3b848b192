/** The pictures: three planes of a scan with its organs, and the organs in 3D. */
import { DRAG_MODE, type NVImage, SHOW_RENDER, SLICE_TYPE } from '@niivue/niivue';
import { readHeader } from 'nifti-reader-js';
import type { LabelPictures, NiftiParts, ShownOrgan } from '../protocol.ts';
import { labelColours } from './labelColours.ts';
import { Pen } from './pen.ts';
import { RangedImage, VolumeCanvas } from './volumeCanvas.ts';

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

/** The planes in quarters: left, top, width, height as shares of the canvas. The page shows 3D in the fourth. */
const QUARTERS = [
  { sliceType: SLICE_TYPE.AXIAL, position: [0, 0, 0.5, 0.5] },
  { sliceType: SLICE_TYPE.CORONAL, position: [0.5, 0, 0.5, 0.5] },
  { sliceType: SLICE_TYPE.SAGITTAL, position: [0, 0.5, 0.5, 0.5] },
] satisfies Parameters<VolumeCanvas['setCustomLayout']>[0];

/** By how much slices can be magnified. */
const MOST_ZOOM = 10;

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
const SOLID_SCALE = 1.3;

/** Label 1 in a colour that no organ has. */
const DIFFERENCES = { R: [0, 255], G: [0, 0], B: [0, 255], A: [0, 255], I: [0, 1], labels: ['', 'differs'] };

export class View {
  readonly #slices: VolumeCanvas;
  readonly #solid: VolumeCanvas;
  /** The slices with the labels of a second prediction; undefined until there is one. */
  #second: VolumeCanvas | undefined;
  #plane: PlaneName = 'all planes';
  #organs: readonly ShownOrgan[] = [];
  #hidden: ReadonlySet<number> = new Set();
  #opacity = 0.5;

  static async open(
    slices: HTMLCanvasElement,
    solid: HTMLCanvasElement,
    onPlace: (place: Place) => void,
  ): Promise<View> {
    const planes = newSlices();
    const render = new VolumeCanvas({
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
        hu: planes.areVoxelsAway ? undefined : values[0]?.value,
        label: planes.areVoxelsAway ? undefined : values[1]?.value,
      });
    };
    await planes.attachToCanvas(slices);
    await render.attachToCanvas(solid);
    view.#layOut();
    render.setSliceType(SLICE_TYPE.RENDER);
    render.setScale(SOLID_SCALE);
    return view;
  }

  private constructor(slices: VolumeCanvas, solid: VolumeCanvas) {
    this.#slices = slices;
    this.#solid = solid;
  }

  /** Shows another scan, without labels. Settles, as all that shows volumes, when they are drawn. */
  async showScan(nifti: NiftiParts, window: readonly [number, number]): Promise<void> {
    await this.#slices.showVolumes([imageOf(nifti, 'scan', 1, window)]);
    await this.#solid.showVolumes([]);
  }

  /** Shows the labels of the scan, in place of those before. */
  async showLabels({ nifti, coarse }: LabelPictures, organs: readonly ShownOrgan[]): Promise<void> {
    this.#organs = organs;
    this.#hidden = new Set();
    const labels = imageOf(nifti, 'labels', this.#opacity);
    labels.setColormapLabel(this.#colours());
    const solid = imageOf(coarse, 'organs', 1);
    solid.setColormapLabel(this.#colours());
    await this.#slices.showVolumes([this.#slices.volumes[0]!, labels]);
    this.#solid.setRenderAzimuthElevation(160, 10);
    await this.#solid.showVolumes([solid]);
  }

  /** Shows the labels of a second prediction in slices of their own, and in both slices where they differ. */
  async showSecond(canvas: HTMLCanvasElement, nifti: NiftiParts, differences: NiftiParts): Promise<void> {
    this.hideSecond();
    this.#second ??= await this.#openSecond(canvas);
    const labels = imageOf(nifti, 'second', this.#opacity);
    labels.setColormapLabel(this.#colours());
    const marks = imageOf(differences, 'differences', 1);
    marks.setColormapLabel(DIFFERENCES);
    const [scan, first] = this.#slices.volumes;
    await this.#second.showVolumes([scan!, labels, marks]);
    await this.#slices.showVolumes([scan!, first!, marks]);
    const { crosshairPos, pan2Dxyzmm } = this.#slices.scene;
    this.#second.scene.crosshairPos = crosshairPos;
    this.#second.scene.pan2Dxyzmm = copyOf(pan2Dxyzmm);
    this.#layOut();
    dispatchEvent(new Event('resize')); // the slices are smaller than they were
  }

  /**
   * The slices of a second prediction. Crosshair, zoom and place of either are the other's; NiiVue links those in focus
   * alone.
   */
  async #openSecond(canvas: HTMLCanvasElement): Promise<VolumeCanvas> {
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
    zoomTogether(first, second);
    zoomTogether(second, first);
    return second;
  }

  /** Marks, or no longer, where two predictions differ. */
  markDifferences(isMarked: boolean): void {
    for (const viewer of this.#planes) if (viewer.volumes[2]) viewer.setOpacity(2, isMarked ? 1 : 0);
  }

  hideSecond(): void {
    if (this.#second?.volumes.length) {
      this.#slices.showVolumes(this.#slices.volumes.slice(0, 2));
      this.#second.showVolumes([]);
    }
    this.#layOut();
    dispatchEvent(new Event('resize'));
  }

  /** A pen on the labels that are shown. Whoever opens it closes it. */
  openPen(): Pen {
    return new Pen(this.#slices, this.#colours(), this.#opacity);
  }

  get #planes(): VolumeCanvas[] {
    return this.#second?.volumes.length ? [this.#slices, this.#second] : [this.#slices];
  }

  /**
   * Lets go of the voxels of the scan and its labels, without a second prediction. The GPU goes on drawing them as they
   * are: what is changed of how they look comes once they are taken back.
   */
  async letGo(): Promise<void> {
    const viewer = this.#slices;
    await viewer.drawn;
    for (const { img } of viewer.volumes) (img!.buffer as ArrayBuffer).transfer(0);
    viewer.areVoxelsAway = true;
    if (viewer.volumes.length) viewer.createOnLocationChange();
  }

  /** Takes back the voxels that it let go of, of the scan and of its labels; what is not given back is shown no longer. */
  async takeBack(...voxels: readonly ArrayBuffer[]): Promise<void> {
    const viewer = this.#slices;
    const volumes = viewer.volumes.slice(0, voxels.length);
    volumes.forEach((volume, i) => {
      const type = volume.img!.constructor as new (buffer: ArrayBuffer) => NonNullable<NVImage['img']>;
      volume.img = new type(voxels[i]!);
    });
    viewer.areVoxelsAway = false;
    await viewer.showVolumes(volumes);
    if (viewer.volumes.length) viewer.createOnLocationChange();
  }

  clear(): void {
    for (const viewer of [this.#slices, this.#solid]) viewer.showVolumes([]);
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
    this.#layOut();
  }

  /** Two predictions have NiiVue's own layout of planes, for which there is less room. */
  #layOut(): void {
    const planes = this.#planes;
    const isInQuarters = this.#plane === 'all planes' && planes.length === 1;
    for (const viewer of planes) {
      if (isInQuarters) viewer.setCustomLayout(QUARTERS);
      else viewer.clearCustomLayout();
      viewer.setSliceType(PLANES[this.#plane]);
    }
  }

  /** 0 to 1. */
  set opacity(opacity: number) {
    this.#opacity = opacity;
    for (const viewer of this.#planes) if (viewer.volumes[1]) viewer.setOpacity(1, opacity);
  }

  /** The labels of the organs that are not shown. */
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
    const viewer = this.#focused;
    if (viewer.volumes.length) viewer.moveCrosshairInVox(x, y, z);
  }

  /** Magnifies the slices about the crosshair, or shows all of them again where `factor` is 0. */
  zoom(factor: number): void {
    const { scene } = this.#focused;
    const [x, y, z, before] = scene.pan2Dxyzmm;
    const after = factor === 0 ? 1 : Math.min(MOST_ZOOM, Math.max(1, before! * factor));
    const at = this.#focused.frac2mm(scene.crosshairPos);
    const moved = (was: number, axis: number) => (after === 1 ? 0 : was + (before! - after) * at[axis]!);
    this.#focused.setPan2Dxyzmm([moved(x!, 0), moved(y!, 1), moved(z!, 2), after]);
  }

  get #focused(): VolumeCanvas {
    return this.#planes.find(({ canvas }) => canvas === document.activeElement) ?? this.#slices;
  }

  /** All pictures, as they lie on the page. */
  async png(): Promise<Blob> {
    const views = [...this.#planes, this.#solid].filter(({ volumes }) => volumes.length);
    const rects = views.map(({ canvas }) => canvas!.getBoundingClientRect());
    const left = Math.min(...rects.map((rect) => rect.left));
    const top = Math.min(...rects.map((rect) => rect.top));
    const picture = document.createElement('canvas');
    const scale = views[0]!.canvas!.width / rects[0]!.width;
    picture.width = scale * (Math.max(...rects.map(({ right }) => right)) - left);
    picture.height = scale * (Math.max(...rects.map(({ bottom }) => bottom)) - top);
    const context = picture.getContext('2d')!;
    await Promise.all(views.map((view) => view.drawn));
    for (const [i, view] of views.entries()) {
      view.drawScene(); // what was drawn earlier is gone
      context.drawImage(view.canvas!, scale * (rects[i]!.left - left), scale * (rects[i]!.top - top));
    }
    return new Promise((resolve, reject) =>
      picture.toBlob(
        (blob) => (blob ? resolve(blob) : reject(new Error('no picture could be made'))),
        'image/png',
      ),
    );
  }

  #colours() {
    return labelColours(this.#organs, this.#hidden);
  }
}

function newSlices(): VolumeCanvas {
  return new VolumeCanvas({
    ...COMMON,
    dragAndDropEnabled: false,
    dragMode: DRAG_MODE.slicer3D, // the right button zooms, the middle one moves
    multiplanarShowRender: SHOW_RENDER.NEVER,
    isOrientationTextVisible: true,
    crosshairWidth: 0.5,
    crosshairWidthUnit: 'percent',
    isRadiologicalConvention: true,
  });
}

/** Moves the crosshair of slices to that of others. */
function follow(slices: VolumeCanvas, { scene }: VolumeCanvas): void {
  slices.scene.crosshairPos = scene.crosshairPos;
  slices.drawScene();
}

type Pan = VolumeCanvas['scene']['pan2Dxyzmm'];

const copyOf = (pan: Pan): Pan => [pan[0]!, pan[1]!, pan[2]!, pan[3]!];

/** Has slices drawn at the zoom and the place of others whenever those are drawn at another. */
function zoomTogether(first: VolumeCanvas, second: VolumeCanvas): void {
  const draw = first.drawScene.bind(first);
  first.drawScene = () => {
    const drawn = draw();
    const [from, to] = [first.scene.pan2Dxyzmm, second.scene.pan2Dxyzmm];
    if (first.volumes.length && second.volumes.length && [0, 1, 2, 3].some((i) => from[i] !== to[i])) {
      second.scene.pan2Dxyzmm = copyOf(from);
      second.drawScene();
    }
    return drawn;
  };
}

const ALL_LABELS = [0, 255] as const;

/** The place of the voxels among the arguments of NiiVue's `init`; those before it may be left out. */
const VOXELS_ARGUMENT = 19;

/** A volume for NiiVue, which holds on to the voxels as they are; what it reads itself, it copies. */
function imageOf(
  { header, voxels }: NiftiParts,
  name: string,
  opacity: number,
  range: readonly [number, number] = ALL_LABELS,
): NVImage {
  const image = new RangedImage(range);
  image.hdr = readHeader(header);
  const args: unknown[] = [voxels, name, 'gray', opacity];
  args[VOXELS_ARGUMENT] = voxels;
  image.init(...(args as Parameters<NVImage['init']>));
  return image;
}
