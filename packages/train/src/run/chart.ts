/** The chart of a run: loss, validation DSC and learning rate under one another, over the epochs. */
import { labelColour } from '@organseg/core/organs.ts';
// One file: the library in pieces is six hundred, which take ten times as long to load.
import { init } from 'echarts/dist/echarts.esm.min.mjs';
import type { TrainingRecord } from './trainingRecords.ts';

type Epoch = Extract<TrainingRecord, { event: 'epoch' }>;
type Validation = Extract<TrainingRecord, { event: 'validation' }>;

interface Curve {
  readonly panel: number;
  readonly name: string;
  readonly colour: string;
  readonly width: number;
  readonly points: readonly Point[];
  /** Value of the last record; undefined before the first. */
  readonly last: number | undefined;
}
type Point = readonly [epoch: number, value: number];

// Lengths in pixels. The legends stand to the right of their panels.
const WIDTH = 900;
const LEFT = 76;
const RIGHT = 196;
const PANELS = [
  { top: 16, height: 180, name: 'training loss' },
  { top: 216, height: 268, name: 'validation DSC, 0 to 1' },
  { top: 504, height: 100, name: 'learning rate' },
] as const;
const HEIGHT = 660;
const [LOSS, DSC, RATE] = [0, 1, 2];

/** The number of points beyond which more do not show at this width. */
const MAX_POINTS = 600;
/** The number of points up to which each gets a dot, so that one alone is seen. */
const MAX_DOTS = 25;
/** The number of organs that the legend has room for; of more, the mean is drawn alone. */
const MAX_ORGANS = 14;

/** The chart as an SVG document. `labelNames` are those of the data set, background first. */
export function progressSvg(records: readonly TrainingRecord[], labelNames: readonly string[]): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height: HEIGHT });
  try {
    chart.setOption(options(records, labelNames));
    return chart.renderToSVGString();
  } finally {
    chart.dispose();
  }
}

function options(records: readonly TrainingRecord[], labelNames: readonly string[]) {
  const epochs = records.filter((record): record is Epoch => record.event === 'epoch');
  const validations = records.filter((record): record is Validation => record.event === 'validation');
  const curves = [...lossCurves(epochs), ...dscCurves(validations, labelNames), rateCurve(epochs)];
  const best = validations.findLast((validation) => validation.best);
  const lastEpoch = Math.max(1, records.at(-1)?.epoch ?? 1);
  return {
    animation: false,
    backgroundColor: '#fff',
    grid: PANELS.map(({ top, height }) => ({ left: LEFT, right: RIGHT, top, height })),
    xAxis: PANELS.map((_, panel) => epochAxis(panel, lastEpoch)),
    yAxis: [
      { ...valueAxis(LOSS), min: 0 },
      { ...valueAxis(DSC), min: 0, max: 1 },
      { ...valueAxis(RATE), ...decades(epochs.map(({ learningRate }) => learningRate)) },
    ],
    legend: PANELS.map((_, panel) => legend(panel, curves, best)),
    title: validations.length ? [] : [note('no validation yet', PANELS[DSC])],
    series: [...curves.map(series), ...(best ? [bestSeries(best)] : [])],
  };
}

function lossCurves(epochs: readonly Epoch[]): Curve[] {
  const curve = (name: string, colour: string, width: number, value: (epoch: Epoch) => number): Curve => {
    return { panel: LOSS, name, colour, width, ...course(epochs, value) };
  };
  const hasTeacher = epochs.some(({ consistency }) => consistency !== undefined);
  return [
    curve('total', '#111', 2, ({ loss }) => loss),
    curve('Dice', '#0072b2', 1.5, ({ dice }) => dice),
    curve('cross entropy', '#d55e00', 1.5, ({ crossEntropy }) => crossEntropy),
    ...(hasTeacher ? [curve('consistency', '#009e73', 1.5, ({ consistency = 0 }) => consistency)] : []),
  ];
}

function dscCurves(validations: readonly Validation[], labelNames: readonly string[]): Curve[] {
  const organs = labelNames.slice(1);
  const mean = { panel: DSC, name: 'mean', colour: '#111', width: 2.5 };
  return [
    { ...mean, ...course(validations, ({ meanDsc }) => meanDsc) },
    ...(organs.length <= MAX_ORGANS ? organs : []).map((name, i) => {
      return {
        panel: DSC,
        name,
        colour: organColour(i),
        width: 1,
        ...course(validations, ({ dsc }) => dsc[name]),
      };
    }),
  ];
}

const rateCurve = (epochs: readonly Epoch[]): Curve => ({
  panel: RATE,
  name: 'learning rate',
  colour: '#555',
  width: 1.5,
  ...course(epochs, ({ learningRate }) => learningRate),
});

/** An organ's colour in the organ table, dark enough for a line on white. */
function organColour(index: number): string {
  const [r, g, b] = labelColour(index + 1).map((c) => Math.round(0.78 * c));
  return `rgb(${r},${g},${b})`;
}

/** The points of a curve, each the mean over as many neighbours as it takes to leave MAX_POINTS, and its last value. */
function course<R extends TrainingRecord>(records: readonly R[], value: (record: R) => number) {
  const size = Math.ceil(records.length / MAX_POINTS);
  const points: Point[] = [];
  for (let start = 0; start < records.length; start += size) {
    const end = Math.min(start + size, records.length);
    let [epochs, values] = [0, 0];
    for (let i = start; i < end; i++) {
      epochs += records[i].epoch;
      values += value(records[i]);
    }
    points.push([epochs / (end - start), values / (end - start)]);
  }
  return { points, last: records.length ? value(records[records.length - 1]) : undefined };
}

const series = (curve: Curve) => ({
  type: 'line',
  name: key(curve),
  xAxisIndex: curve.panel,
  yAxisIndex: curve.panel,
  data: curve.points,
  silent: true,
  symbol: curve.points.length <= MAX_DOTS ? 'circle' : 'none',
  symbolSize: 3 + curve.width,
  lineStyle: { width: curve.width },
  color: curve.colour,
  z: 2 + curve.width,
});

/** A series' key. Series of one name would share an entry of the legends, and an organ may be called "total". */
const key = ({ panel, name }: Curve) => `${panel} ${name}`;

const BEST = 'best';

/** A ring around the validation whose checkpoint is kept. */
const bestSeries = (best: Validation) => ({
  type: 'line',
  name: BEST,
  xAxisIndex: DSC,
  yAxisIndex: DSC,
  data: [[best.epoch, best.meanDsc]],
  silent: true,
  symbol: 'circle',
  symbolSize: 9,
  lineStyle: { width: 0 },
  itemStyle: { color: '#fff', borderColor: '#111', borderWidth: 2 },
  z: 9,
});

const epochAxis = (panel: number, max: number) => ({
  type: 'value',
  gridIndex: panel,
  min: 0,
  max,
  minInterval: 1,
  axisLine: { onZero: false, lineStyle: { color: '#666' } },
  splitLine: { lineStyle: { color: '#eee' } },
  axisLabel: { show: panel === RATE, hideOverlap: true, color: '#333' },
  ...(panel === RATE && { name: 'epoch', nameLocation: 'middle', nameGap: 28, nameTextStyle: axisName }),
});

const axisName = { fontSize: 13, color: '#111' };

const valueAxis = (panel: number) => ({
  type: 'value',
  gridIndex: panel,
  name: PANELS[panel].name,
  nameLocation: 'middle',
  nameRotate: 90,
  nameGap: 46,
  nameTextStyle: axisName,
  splitLine: { lineStyle: { color: '#eee' } },
  axisLabel: { color: '#333' },
});

/** A log axis over the whole powers of ten around the values. */
function decades(values: readonly number[]) {
  const logs = values.filter((value) => value > 0).map(Math.log10);
  const low = Math.floor(logs.reduce((a, b) => Math.min(a, b), 0));
  const high = Math.max(low + 1, Math.ceil(logs.reduce((a, b) => Math.max(a, b), low)));
  const label = (value: number) => value.toExponential(0);
  return { type: 'log', min: 10 ** low, max: 10 ** high, axisLabel: { formatter: label, color: '#333' } };
}

/** The curves' names with the last value of each, and in the DSC's panel the best. */
function legend(panel: number, curves: readonly Curve[], best: Validation | undefined) {
  const digits = (value: number) => (panel === RATE ? value.toExponential(1) : value.toFixed(3));
  const entries = curves
    .filter((curve) => curve.panel === panel)
    .map((curve): [string, string] => [
      key(curve),
      curve.last === undefined ? curve.name : `${curve.name}  ${digits(curve.last)}`,
    ]);
  if (panel === DSC && best) {
    entries.splice(1, 0, [BEST, `best  ${digits(best.meanDsc)}, epoch ${best.epoch}`]);
  }
  const texts = new Map(entries);
  return {
    type: 'plain',
    orient: 'vertical',
    left: WIDTH - RIGHT + 14,
    top: PANELS[panel].top - 6,
    itemWidth: 18,
    itemHeight: 8,
    itemGap: 5,
    selectedMode: false,
    data: [...texts.keys()],
    formatter: (name: string) => texts.get(name)!,
    textStyle: { color: '#111', width: RIGHT - 44, overflow: 'truncate' },
  };
}

const note = (text: string, { top, height }: { top: number; height: number }) => ({
  text,
  left: (LEFT + WIDTH - RIGHT) / 2,
  top: top + height / 2 - 8,
  textAlign: 'center',
  textStyle: { fontSize: 14, fontWeight: 'normal', color: '#777' },
});
