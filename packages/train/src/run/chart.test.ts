/** The chart of a run. */
import { describe, expect, it } from 'vitest';
import { progressSvg } from './chart.ts';
import type { TrainingRecord } from './trainingRecords.ts';

const LABELS = ['background', 'liver', 'spleen', 'aorta'];
const [BLACK, BLUE, ORANGE, GREY] = ['#111', '#0072b2', '#d55e00', '#555'];

const epoch = (number: number): TrainingRecord => {
  const [dice, crossEntropy] = [0.5 / number, 1 / number];
  const loss = dice + crossEntropy;
  return {
    event: 'epoch',
    epoch: number,
    step: number,
    loss,
    dice,
    crossEntropy,
    learningRate: 1e-4,
    seconds: 1,
  };
};

const validation = (number: number, value: number, best: boolean): TrainingRecord => {
  const dsc = Object.fromEntries(LABELS.slice(1).map((name, i) => [name, value / (i + 1)]));
  return { event: 'validation', epoch: number, step: number, meanDsc: value, dsc, best, seconds: 1 };
};

const run = (epochs: number): TrainingRecord[] =>
  Array.from({ length: epochs }, (_, i) => i + 1).flatMap((number) =>
    number % 10 ? epoch(number) : [epoch(number), validation(number, 0.8 - 2 / number, number === 40)],
  );

/** Throws unless every element is closed; returns the text that is shown. */
function parse(svg: string): string[] {
  const open: string[] = [];
  const markup = svg.replaceAll(/<!\[CDATA\[.*?\]\]>/gs, '');
  for (const [, close, name, end] of markup.matchAll(/<(\/?)([a-zA-Z]+)(?:\s[^<>]*?)?(\/?)>/g)) {
    if (close) expect(open.pop()).toBe(name);
    else if (!end) open.push(name);
  }
  expect(open).toEqual([]);
  expect(markup.replaceAll(/<[^<>]*>/g, '')).not.toMatch(/[<>]/);
  expect(svg).not.toMatch(/NaN|undefined|Infinity/);
  return [...markup.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text]) => text);
}

/** Lines of this colour that are wider than an axis and longer than a legend's. */
const lines = (svg: string, colour: string): string[] =>
  [...svg.matchAll(/<path d="([^"]*)" fill="none"[^>]*stroke="([^"]*)"/g)]
    .filter(([, d, stroke]) => stroke === colour && d.length > 60)
    .map(([, d]) => d);

describe('progressSvg', () => {
  it('draws the losses, the mean, each organ and the learning rate', () => {
    const svg = progressSvg(run(60), LABELS);
    const texts = parse(svg);
    expect([BLUE, ORANGE, GREY].map((colour) => lines(svg, colour).length)).toEqual([1, 1, 1]);
    expect(lines(svg, BLACK)).toHaveLength(2);
    expect(svg.match(/<path d="[^"]{30,}" fill="none"[^>]*stroke="rgb\(/g)).toHaveLength(3);
    for (const text of ['training loss', 'validation DSC, 0 to 1', 'learning rate', 'epoch'])
      expect(texts).toContain(text);
    expect(texts).toEqual(expect.arrayContaining(['total  0.025', 'mean  0.767', 'best  0.750, epoch 40']));
    expect(texts).toEqual(expect.arrayContaining(['liver  0.767', 'spleen  0.383', 'learning rate  1.0e-4']));
  });

  it('draws a run that has not validated, one epoch, and nothing at all', () => {
    expect(parse(progressSvg([], LABELS))).toContain('no validation yet');
    const svg = progressSvg([epoch(1)], LABELS);
    expect(parse(svg)).toContain('no validation yet');
    expect(parse(progressSvg([epoch(1), validation(1, 0.5, true)], LABELS))).not.toContain(
      'no validation yet',
    );
  });

  it('draws the distance to a mean teacher where there is one', () => {
    const texts = (record: TrainingRecord) => parse(progressSvg([record], LABELS)).join();
    expect(texts(epoch(1))).not.toContain('consistency');
    expect(texts({ ...epoch(1), consistency: 0.0123 } as TrainingRecord)).toContain('consistency  0.012');
  });

  it('draws no more points than can be seen', () => {
    const svg = progressSvg(run(100_000), LABELS);
    parse(svg);
    const [path] = lines(svg, BLUE);
    expect(path.match(/[ML ]/g)!.length).toBeLessThan(2000);
    expect(svg.length).toBeLessThan(150_000);
  });

  it('escapes label names, and keeps an organ apart that is called like a loss', () => {
    const labels = ['background', '<script>"&', 'total'];
    const dsc = { '<script>"&': 0.25, total: 0.125 };
    const record: TrainingRecord = {
      event: 'validation',
      epoch: 1,
      step: 1,
      meanDsc: 0.2,
      dsc,
      best: true,
      seconds: 1,
    };
    const texts = parse(progressSvg([epoch(1), record], labels));
    expect(texts).toEqual(expect.arrayContaining(['total  1.500', 'total  0.125']));
    expect(texts.find((text) => text.endsWith('0.250'))).toBe('&lt;script&gt;&quot;&amp;  0.250');
  });

  it('shows the mean alone where there are more organs than the legend has room for', () => {
    const labels = ['background', ...Array.from({ length: 100 }, (_, i) => `organ ${i}`)];
    expect(parse(progressSvg(run(20), labels)).filter((text) => text.startsWith('organ'))).toEqual([]);
  });
});
