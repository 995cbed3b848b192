/** The pen, by which labels are corrected on slices: a brush as wide as so many voxels in the plane that it is drawn in. */
import { cmapper, type Niivue } from '@niivue/niivue';

/** The strokes that can be taken back. */
const MOST_UNDONE = 32;

/** The bytes of a .nii before its voxels. */
const HEADER_BYTES = 352;

type Colours = Parameters<typeof cmapper.makeDrawLut>[0];

export class Pen {
  readonly #viewer: Niivue;
  #opacity: number;

  /** Begins with the labels that the viewer shows over its scan. */
  constructor(viewer: Niivue, colours: Colours, opacity: number) {
    this.#viewer = viewer;
    this.#opacity = opacity;
    viewer.opts.maxDrawUndoBitmaps = MOST_UNDONE;
    viewer.drawLut = cmapper.makeDrawLut(colours);
    viewer.loadDrawing(viewer.volumes[1]!);
    viewer.setOpacity(1, 0);
    viewer.setDrawOpacity(opacity);
    viewer.setDrawingEnabled(true);
  }

  /** `label` 0 erases. */
  choose(label: number, voxels: number): void {
    this.#viewer.opts.penSize = voxels;
    this.#viewer.setPenValue(label);
  }

  /** 0 to 1. */
  set opacity(opacity: number) {
    this.#opacity = opacity;
    this.#viewer.setDrawOpacity(opacity);
  }

  /** Paints at the crosshair, in the axial plane. */
  paint(): void {
    const viewer = this.#viewer;
    const [x, y, z] = viewer.frac2vox(viewer.scene.crosshairPos) as [number, number, number];
    viewer.drawPenAxCorSag = 0;
    viewer.drawPt(x, y, z, viewer.opts.penValue);
    viewer.drawPenAxCorSag = -1;
    viewer.drawAddUndoBitmap();
    viewer.refreshDrawing();
  }

  undo(): void {
    this.#viewer.drawUndo();
  }

  /** The labels as they are now, in the order of the scan's voxels. */
  labels(): Uint8Array {
    const { volumes, drawBitmap } = this.#viewer;
    return volumes[0]!.toUint8Array(drawBitmap).subarray(HEADER_BYTES);
  }

  /** Puts the pen away: the viewer shows the labels as they were. */
  close(): void {
    this.#viewer.setDrawingEnabled(false);
    this.#viewer.closeDrawing();
    this.#viewer.setOpacity(1, this.#opacity);
  }
}
