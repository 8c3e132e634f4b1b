import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { allProcesses, type ProcessFacts, readProcess, treeUsage } from '../runtimes/process/proc.ts';
import { containerSamples } from './unit-exporter-cgroup.ts';

/**
 * The exporter of unit metrics, a program of its own: `node unit-exporter.js proc|cgroup FOLDER PORT ADDRESS`. It needs no rights but
 * to read /proc and the names of units. Metric names are those of golden-metrics/metric-names.ts, which it does not
 * import because it is shipped alone.
 */
export type UnitSample = {
  readonly unit: string;
  readonly service: string;
  readonly restarts: number;
  readonly usage: { readonly cpuSeconds: number; readonly memoryBytes: number } | undefined;
};

export function unitSamples(folder: string): readonly UnitSample[] {
  const all = allProcesses();
  return readdirSync(folder).flatMap((name) => sample(join(folder, name), all) ?? []);
}

function sample(folder: string, all: readonly ProcessFacts[]): UnitSample | undefined {
  const about = textOf(join(folder, 'about.json'));
  if (about === undefined) return undefined;
  const { name, of } = JSON.parse(about);
  const starts = (textOf(join(folder, 'starts')) ?? '').split('\n').filter((line) => line !== '');
  const [pid, startTicks] = (starts.at(-1) ?? '').split(' ').map(Number);
  // A pid that another process has by now tells nothing of the unit.
  const alive = pid !== undefined && startTicks !== undefined && readProcess(pid)?.startTicks === startTicks;
  return {
    unit: String(name),
    service: String(of),
    restarts: Math.max(0, starts.length - 1),
    usage: alive ? treeUsage(pid, all) : undefined,
  };
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** The text format of Prometheus. */
export function exposition(samples: readonly UnitSample[], cores: number): string {
  const family = (name: string, type: string, help: string, value: (sample: UnitSample) => number | undefined) => [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} ${type}`,
    ...samples.flatMap((sample) => {
      const found = value(sample);
      return found === undefined ? [] : [`${name}{unit="${sample.unit}",service="${sample.service}"} ${found}`];
    }),
  ];
  return [
    ...family('holdpoint_unit_up', 'gauge', '1 while the unit runs.', ({ usage }) => (usage === undefined ? 0 : 1)),
    ...family(
      'holdpoint_unit_cpu_seconds_total',
      'counter',
      'Processor time of the unit and all its processes.',
      ({ usage }) => usage?.cpuSeconds,
    ),
    ...family(
      'holdpoint_unit_memory_bytes',
      'gauge',
      'Proportional set size of all its processes, or resident set size where that may not be read.',
      ({ usage }) => usage?.memoryBytes,
    ),
    ...family(
      'holdpoint_unit_restarts_total',
      'counter',
      'Starts after the first since somebody started the unit.',
      ({ restarts }) => restarts,
    ),
    '# HELP holdpoint_host_cpu_cores Cores that the units share.',
    '# TYPE holdpoint_host_cpu_cores gauge',
    `holdpoint_host_cpu_cores ${cores}`,
    '',
  ].join('\n');
}

type Source = 'proc' | 'cgroup';

const samplesFrom = (source: Source, folder: string): readonly UnitSample[] =>
  source === 'proc' ? unitSamples(folder) : containerSamples(folder);

function serve(source: Source, folder: string, port: number, address: string): void {
  const server = createServer((request, response) => {
    if (request.url !== '/metrics') {
      response.writeHead(404).end();
      return;
    }
    try {
      const text = exposition(samplesFrom(source, folder), availableParallelism());
      response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' }).end(text);
    } catch (error) {
      // A failed scrape is seen as such; half the units would look like all.
      response.writeHead(500).end(error instanceof Error ? error.message : 'unknown');
    }
  });
  server.listen(port, address);
  process.on('SIGTERM', () => process.exit(0));
}

const [, program, source, folder, port, address] = process.argv;
if (
  program?.endsWith('unit-exporter.js') === true &&
  (source === 'proc' || source === 'cgroup') &&
  folder !== undefined &&
  port !== undefined &&
  address !== undefined
) {
  serve(source, folder, Number(port), address);
}
