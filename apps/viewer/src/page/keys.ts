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

/** Chooses the next entry of a list. */
export function chooseNext(list: HTMLSelectElement): void {
  list.selectedIndex = (list.selectedIndex + 1) % list.options.length;
  list.dispatchEvent(new Event('change'));
}
