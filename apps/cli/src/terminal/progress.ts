/**
 * Progress of long work on stderr: on a terminal a bar that is redrawn in place, elsewhere (a log file, a build
 * server) plain lines, some seconds apart. Every bar leaves one line behind when its work is finished.
 */
import { duration } from './duration.ts';

export interface Progress {
  /** Tells how many units are done in all, a part of one too, and a note to show beside. */
  update(done: number, note?: string): void;
  /** Ends the bar, which leaves a line behind. */
  finish(): void;
}

const REDRAW_MS = 100;
const LINE_MS = 5000;

/** Rate and time left are judged by the reports of the last minute, and by at least so many. */
const RECENT_MS = 60_000;
const MIN_REPORTS = 6;

const BAR_CELLS = 12;

/** The bars on the terminal, the outermost first. */
const bars: Bar[] = [];
/** The number of lines that they take there. */
let drawnLines = 0;

/** Starts to show work of `total` units, of which `done` were finished before. */
export function progress(label: string, total: number, unit: string, done = 0): Progress {
  const bar = new Bar(label, total, unit, done);
  if (isTerminal()) {
    bars.push(bar);
    redraw();
  }
  return bar;
}

/** Prints a line on stderr, above the bars if there are any. */
export function printAbove(text: string): void {
  redraw(`${text}\n`);
}

const isTerminal = () => process.stderr.isTTY && process.env.TERM !== 'dumb';

/**
 * Replaces the bars by the text above and the bars as they are now. Their last line is complete, so that what others
 * print meanwhile, such as an error at the end, starts on a line of its own.
 */
function redraw(above = ''): void {
  const erase = drawnLines ? `\x1b[${drawnLines}A\x1b[J` : '';
  // A line that wraps would take two.
  const width = (process.stderr.columns || 80) - 1;
  process.stderr.write(erase + above + bars.map((bar) => `${bar.line().slice(0, width)}\n`).join(''));
  drawnLines = bars.length;
}

class Bar implements Progress {
  readonly #label: string;
  readonly #total: number;
  readonly #unit: string;
  readonly #startMs = performance.now();
  /** The recent reports: time in ms, units done. */
  readonly #reports: [number, number][];
  #done: number;
  #note = '';
  #isFinished = false;

  constructor(label: string, total: number, unit: string, done: number) {
    this.#label = label;
    this.#total = total;
    this.#unit = unit;
    this.#done = done;
    this.#reports = [[this.#startMs, done]];
  }

  update(done: number, note = ''): void {
    if (this.#isFinished) return;
    this.#done = done;
    this.#note = note;
    const now = performance.now();
    const isOnTerminal = bars.includes(this);
    if (now - this.#reports[this.#reports.length - 1][0] < (isOnTerminal ? REDRAW_MS : LINE_MS)) return;
    this.#reports.push([now, done]);
    while (this.#reports.length > MIN_REPORTS && this.#reports[0][0] < now - RECENT_MS) this.#reports.shift();
    if (isOnTerminal) redraw();
    else printAbove(`${this.#label}: ${this.#facts(this.#pace())}`);
  }

  finish(): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    if (bars.includes(this)) bars.splice(bars.indexOf(this), 1);
    const elapsed = duration((performance.now() - this.#startMs) / 1000);
    printAbove(`${this.#label}: ${this.#facts([], ` in ${elapsed}`)}`);
  }

  line(): string {
    const share = this.#total > 0 ? Math.min(1, this.#done / this.#total) : 1;
    const full = Math.floor(share * BAR_CELLS);
    const cells = '█'.repeat(full) + '░'.repeat(BAR_CELLS - full);
    const percent = `${Math.floor(100 * share)}%`.padStart(4);
    return `${this.#label} ${cells}${percent}  ${this.#facts(this.#pace())}`;
  }

  #facts(pace: readonly string[], elapsed = ''): string {
    const count = `${Math.floor(this.#done)}/${this.#total} ${this.#unit}${elapsed}`;
    return [count, ...pace, this.#note].filter(Boolean).join(', ');
  }

  /** Rate and time left, once there is a rate. */
  #pace(): string[] {
    const [[firstMs, firstDone], [lastMs, lastDone]] = [this.#reports[0], this.#reports.at(-1)!];
    const perSecond = (1000 * (lastDone - firstDone)) / (lastMs - firstMs);
    if (!(perSecond > 0)) return [];
    const rate =
      perSecond < 1 ? `${duration(1 / perSecond)} each` : `${perSecond.toFixed(perSecond < 10 ? 1 : 0)}/s`;
    const left = this.#total - this.#done;
    return left > 0 ? [rate, `${duration(left / perSecond)} left`] : [rate];
  }
}
