/** The page behind another tab: its title tells how far the work is, and the status what that costs. */

const TITLE = document.title;
let wasHidden = false;

/** Tells how far the work is, from 0 to 1, in the title. Returns what there is to say of it besides. */
export function tellShare(share: number): string {
  document.title = `${Math.floor(100 * share)} % · ${TITLE}`;
  wasHidden ||= document.hidden;
  return wasHidden ? ' (browsers slow pages in the background: leave this one in front)' : '';
}

/** Tells that the work has ended, in the title until the page is looked at. */
export function tellEnd(): void {
  wasHidden = false;
  document.title = document.hidden ? `ended · ${TITLE}` : TITLE;
}

document.addEventListener('visibilitychange', () => {
  if (!document.hidden && document.title.startsWith('ended')) document.title = TITLE;
});
