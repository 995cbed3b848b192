/** The stage of what is at work, its rate, and the time that it will still take, in words. */
import type { News } from '../protocol.ts';
import { duration } from './words.ts';

/** The share below which a rate says nothing yet. */
const LEAST_SHARE = 0.02;

export class Progress {
  #stage = '';
  #startedMs = 0;

  /** A line about news that came at a time. */
  line({ stage, share, whole }: News, nowMs: number): string {
    if (stage !== this.#stage) {
      this.#stage = stage;
      this.#startedMs = nowMs;
    }
    const seconds = (nowMs - this.#startedMs) / 1000;
    if (share < LEAST_SHARE || seconds < 0.5) return `${stage}…`;
    const rate = whole && `${short((share * whole.amount) / seconds)} ${whole.unit}/s`;
    const left = `${duration((seconds * (1 - share)) / share)} left`;
    return [`${stage}: ${Math.floor(100 * share)} %`, rate, left].filter(Boolean).join(', ');
  }
}

const short = (value: number): string => Number(value.toPrecision(2)).toString();
