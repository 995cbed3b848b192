/** Bars on a terminal, and lines elsewhere. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { printAbove, progress } from './progress.ts';

const { stderr } = process;
const terminal = { isTTY: stderr.isTTY, columns: stderr.columns };
let written: string;

beforeEach(() => {
  written = '';
  vi.useFakeTimers();
  vi.stubEnv('TERM', 'xterm');
  vi.spyOn(stderr, 'write').mockImplementation((text) => {
    written += text;
    return true;
  });
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  Object.assign(stderr, terminal);
});

const pass = (seconds: number) => vi.advanceTimersByTime(1000 * seconds);

describe('in a log', () => {
  beforeEach(() => {
    stderr.isTTY = false;
  });

  it('prints a line every few seconds and the last one', () => {
    const training = progress('training', 600, 'epochs');
    for (let epoch = 1; epoch <= 120; epoch++) {
      pass(0.1);
      training.update(epoch, `loss ${(10 / epoch).toFixed(2)}`);
    }
    training.finish();
    training.finish();
    expect(written.split('\n')).toEqual([
      'training: 50/600 epochs, 10/s, 55 s left, loss 0.20',
      'training: 100/600 epochs, 10/s, 50 s left, loss 0.10',
      'training: 120/600 epochs in 12 s, loss 0.08',
      '',
    ]);
  });

  it('judges the rate of resumed work by what was done since', () => {
    const bar = progress('labelling', 1000, 'cases', 900);
    pass(50);
    bar.update(910);
    expect(written).toBe('labelling: 910/1000 cases, 5.0 s each, 7 min 30 s left\n');
  });

  it('forgets a slow start', () => {
    const bar = progress('training', 1000, 'steps');
    pass(300);
    bar.update(1);
    for (let step = 2; step <= 200; step++) {
      pass(1);
      bar.update(step);
    }
    expect(written).toMatch(/training: 19\d\/1000 steps, 1\.0\/s, 13 min \d+ s left\n$/);
  });
});

describe('on a terminal', () => {
  beforeEach(() => {
    stderr.isTTY = true;
    stderr.columns = 60;
  });

  /** What the terminal shows in the end: `ESC[nA` goes up n lines, `ESC[J` clears from there. */
  function screen(): string[] {
    const lines: string[] = [];
    for (const [i, part] of written.split('\u001b[J').entries()) {
      const [text, up] = part.split('\u001b[');
      lines.push(...text.split('\n').slice(0, -1));
      if (up) lines.splice(lines.length - Number.parseInt(up, 10));
      expect(text === '' || text.endsWith('\n'), `part ${i} ends its line`).toBe(true);
    }
    return lines;
  }

  it('draws one bar in place, no wider than the terminal', () => {
    const bar = progress('training', 8, 'epochs');
    for (let epoch = 1; epoch <= 4; epoch++) {
      pass(2);
      bar.update(epoch, 'a note that does not fit beside all the rest of the line');
    }
    const [line, ...others] = screen();
    expect(line).toMatch(/^training █{6}░{6} 50% {2}4\/8 epochs, 2\.0 s each/);
    expect(line.length).toBeLessThan(60);
    expect(others).toEqual([]);
    bar.finish();
  });

  it('keeps bars inside one another, and what is printed meanwhile, apart', () => {
    const outer = progress('cases', 2, 'cases');
    const inner = progress('windows', 10, 'windows');
    pass(1);
    inner.update(5);
    printAbove('case_1: 3 voxels were not finite');
    expect(screen()).toEqual([
      'case_1: 3 voxels were not finite',
      expect.stringMatching(/^cases ░/),
      expect.stringMatching(/^windows █{6}░/),
    ]);
    inner.finish();
    pass(1);
    outer.update(1);
    outer.finish();
    expect(screen()).toEqual([
      'case_1: 3 voxels were not finite',
      'windows: 5/10 windows in 1.0 s',
      'cases: 1/2 cases in 2.0 s',
    ]);
  });

  it('redraws at most ten times a second', () => {
    const bar = progress('windows', 1000, 'windows');
    for (let window = 1; window <= 1000; window++) {
      pass(0.001);
      bar.update(window);
    }
    expect(written.split('\n').length).toBeLessThan(14);
    bar.finish();
  });
});
