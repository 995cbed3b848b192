/** The figure of inference: time and both peaks of memory over the number of slices, side by side. */
import { LineChart } from 'echarts/charts';
import { GridComponent, LegendPlainComponent, TitleComponent } from 'echarts/components';
import { init, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';

use([LineChart, GridComponent, LegendPlainComponent, TitleComponent, SVGRenderer]);

export interface GrowthPoint {
  readonly slices: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakGpuBytes: number;
  readonly peakHostBytes: number;
}

const WIDTH = 860;
const HEIGHT = 340;
const GRIDS = [
  { left: 60, width: 330, top: 60, height: 220 },
  { left: 480, width: 330, top: 60, height: 220 },
];

export function growthSvg(runs: readonly GrowthPoint[], adapter: string): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height: HEIGHT });
  const line = (name: string, panel: number, colour: string, value: (run: GrowthPoint) => number) => ({
    type: 'line' as const,
    name,
    xAxisIndex: panel,
    yAxisIndex: panel,
    color: colour,
    symbolSize: 7,
    data: runs.map((run) => [run.slices, value(run)]),
  });
  const mib = (bytes: number) => bytes / 2 ** 20;
  try {
    chart.setOption({
      animation: false,
      backgroundColor: '#fff',
      title: [{ text: adapter, left: 'center', top: 4, textStyle: { fontSize: 13 } }],
      legend: { bottom: 4 },
      grid: GRIDS,
      xAxis: GRIDS.map((_, gridIndex) => ({
        type: 'value',
        gridIndex,
        min: 0,
        name: 'slices',
        nameLocation: 'middle',
        nameGap: 26,
      })),
      yAxis: ['s', 'MiB'].map((name, gridIndex) => ({ type: 'value', gridIndex, min: 0, name })),
      series: [
        line('time, s', 0, '#111', ({ seconds }) => seconds),
        line('CPU, s', 0, '#999', ({ cpuSeconds }) => cpuSeconds),
        line('GPU memory, MiB', 1, '#0072b2', ({ peakGpuBytes }) => mib(peakGpuBytes)),
        line('process, MiB', 1, '#d55e00', ({ peakHostBytes }) => mib(peakHostBytes)),
      ],
    });
    return chart.renderToSVGString();
  } finally {
    chart.dispose();
  }
}
