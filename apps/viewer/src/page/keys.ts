/** The keyboard. */

/** Calls what belongs to a key wherever it is pressed but in a field. */
export function listenToKeys(keys: Readonly<Record<string, () => unknown>>): void {
  addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement) return;
    keys[event.key]?.();
  });
}

/** Voxels by which a key moves the crosshair, x y z. */
const STEPS: Readonly<Record<string, readonly [number, number, number]>> = {
  ArrowLeft: [-1, 0, 0],
  ArrowRight: [1, 0, 0],
  ArrowUp: [0, 1, 0],
  ArrowDown: [0, -1, 0],
  PageUp: [0, 0, 1],
  PageDown: [0, 0, -1],
};

/** Has the crosshair moved by the keys that are pressed on slices. */
export function moveByKeys(slices: HTMLElement, move: (x: number, y: number, z: number) => void): void {
  slices.addEventListener('keydown', (event) => {
    const step = STEPS[event.key];
    if (!step) return;
    event.preventDefault();
    move(...step);
  });
}

/** By how much a key magnifies; 0 ends that. */
const ZOOMS: Readonly<Record<string, number>> = { '+': 1.25, '=': 1.25, '-': 0.8, '0': 0 };

/** Has slices magnified by the keys that are pressed on them. */
export function zoomByKeys(slices: HTMLElement, zoom: (factor: number) => void): void {
  slices.addEventListener('keydown', ({ key, ctrlKey, metaKey }) => {
    const factor = ZOOMS[key];
    if (factor !== undefined && !ctrlKey && !metaKey) zoom(factor);
  });
}

/** Chooses the next entry of a list. */
export function chooseNext(list: HTMLSelectElement): void {
  list.selectedIndex = (list.selectedIndex + 1) % list.options.length;
  list.dispatchEvent(new Event('change'));
}
