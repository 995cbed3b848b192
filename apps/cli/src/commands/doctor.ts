/** `organseg doctor`: whether the kernels run here, and what is missing. */
import { type Diagnosis, diagnose } from '../doctor/diagnose.ts';
import { becomeRoot, driverAdvice, installCommands, nvidiaProblem } from '../doctor/remedy.ts';
import { type CommonOptions, command, print } from '../terminal/command.ts';

export const doctor = command(
  'doctor',
  'Tell whether the kernels run here, on which adapter, and what is missing',
)
  .addHelpText('after', '\nExits 1 where no adapter works.')
  .action(async (options: CommonOptions) => {
    const report = examine(await diagnose());
    print(options, report, asText(report));
    if (!report.works) process.exitCode = 1;
  });

type Report = ReturnType<typeof examine>;

/** The diagnosis with what to do about it. */
export function examine(diagnosis: Diagnosis) {
  // The text of apt's sources may hold a mirror's password.
  const { aptSources, ...host } = diagnosis.host;
  return {
    ...diagnosis,
    host,
    node: process.versions.node,
    nvidiaProblem: nvidiaProblem(diagnosis) ?? null,
    driverAdvice: (!diagnosis.adapter && driverAdvice(diagnosis.host)) || null,
    install: diagnosis.adapter ? [] : installCommands(diagnosis.host, becomeRoot(diagnosis.host)),
  };
}

export function asText(report: Report): string {
  const { works, adapter, kernels, problem, driverMessages, install } = report;
  const paragraphs = [
    facts(report)
      .map(([name, value]) => `${name.padEnd(20)}${value}`)
      .join('\n'),
  ];
  if (problem) paragraphs.push([`${problem}.`, ...driverMessages].join('\n'));
  if (report.nvidiaProblem) paragraphs.push(report.nvidiaProblem);
  if (!adapter && install.length) {
    paragraphs.push(
      ['To install a software adapter, which runs everything on the CPU:', ...install].join('\n  '),
    );
  }
  if (report.driverAdvice) paragraphs.push(report.driverAdvice);
  if (works && kernels) {
    const software = 'The kernels run, on the CPU: enough for tests and small runs, slow for whole scans.';
    paragraphs.push(adapter?.software ? software : 'The kernels run.');
  }
  return paragraphs.join('\n\n');
}

function facts({ adapters, adapter, kernels, host, node }: Report): [string, string][] {
  const system: [string, string][] = [['system', `${host.system}, Node ${node}`]];
  if (host.nvidiaDriver) system.push(['NVIDIA driver', host.nvidiaDriver]);
  if (!adapter || !kernels) return [...system, ['adapters', adapters.join(', ') || 'none']];

  const feature = (name: string) => (adapter.features.includes(name) ? 'yes' : 'no');
  const { limits } = adapter;
  const { errors } = kernels;
  const path = {
    uniform: 'weights in uniforms (software path)',
    storage: 'weights in storage buffers (GPU path)',
  };
  return [
    ...system,
    ['adapter', `${adapter.name}, ${adapter.software ? 'software' : 'hardware'}`],
    ['driver', adapter.driver],
    ['all adapters', adapters.join(', ')],
    ['shader-f16', feature('shader-f16')],
    ['timestamp-query', feature('timestamp-query')],
    ['subgroups', adapter.features.includes('subgroups') ? `of ${adapter.subgroupSize}` : 'no'],
    ['subgroup matrices', adapter.subgroupMatrices.join(', ') || 'none'],
    ['buffer', `up to ${bytes(limits.maxBufferSize)}`],
    ['storage binding', `up to ${bytes(limits.maxStorageBufferBindingSize)}`],
    ['storage buffers', `${limits.maxStorageBuffersPerShaderStage} in a kernel`],
    ['uniform binding', `up to ${bytes(limits.maxUniformBufferBindingSize)}`],
    [
      'workgroup',
      `${limits.maxComputeInvocationsPerWorkgroup} invocations, ${bytes(limits.maxComputeWorkgroupStorageSize)} of storage`,
    ],
    ['kernels', `${path[kernels.weights]}, ${kernels.f16 ? 'f32 and f16' : 'f32 only, no f16'}`],
    [
      'convolution check',
      `error ${errors.f32} in f32${errors.f16 === undefined ? '' : `, ${errors.f16} in f16`}, against float64`,
    ],
  ];
}

function bytes(count = 0): string {
  const power = Math.min(3, Math.floor(Math.log2(Math.max(1, count)) / 10));
  const value = Number((count / 1024 ** power).toFixed(1));
  return `${value} ${['B', 'KiB', 'MiB', 'GiB'][power]}`;
}
