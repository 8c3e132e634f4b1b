import { execFile } from 'node:child_process';
import { cpus, setPriority } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import type { LoadResult } from '../src/probes/load/result.ts';
import { runLoad } from '../src/probes/load/run.ts';
import {
  type LatencyScript,
  type ScriptedServer,
  type ScriptedServerOptions,
  startScriptedServer,
} from '../src/probes/load/scripted-server.ts';

/**
 * The load generator against answers that follow from a server's script, beside autocannon, hey and wrk where they are
 * installed: `npx tsx bench/load.ts`. Prints tables in Markdown. autocannon is taken from PATH or node_modules/.bin.
 */
const SECONDS = 10;
const CONNECTIONS = 100;
const TOOLS = ['holdpoint', 'autocannon', 'hey', 'wrk'] as const;
type Tool = (typeof TOOLS)[number];

/** What a tool said, in milliseconds and requests; a percentile that it does not report is absent. */
interface Said {
  readonly percentiles: ReadonlyMap<number, number>;
  readonly notAnswered: number;
  readonly remark?: string;
}

const run = promisify(execFile);
const environment = { ...process.env, PATH: `${process.env.PATH}${delimiter}${join('node_modules', '.bin')}` };

/** What the command printed, or nothing where it is not installed. */
async function output(command: string, ...parameters: string[]): Promise<string | undefined> {
  try {
    return (await run(command, parameters, { env: environment, maxBuffer: 64 * 1_048_576 })).stdout;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

async function holdpoint(url: string, rate: number, connections: number): Promise<LoadResult> {
  const outcome = await runLoad({
    baseUrl: url,
    requests: [{ name: 'stock', weight: 1, method: 'GET', path: '/' }],
    ratePerSecond: rate,
    durationMs: SECONDS * 1_000,
    warmUpMs: 0,
    connections,
    timeoutMs: 5_000,
  });
  if (outcome.kind === 'not run') throw new Error(outcome.reason);
  return outcome.result;
}

async function ask(tool: Tool, url: string, rate: number): Promise<Said | undefined> {
  switch (tool) {
    case 'holdpoint': {
      const { measured, saturated } = await holdpoint(url, rate, 1_500);
      const { latency, failed, unclear } = measured;
      const percentiles = new Map<number, number>();
      if (latency !== 'none')
        for (const { quantile, value } of [latency.p50, latency.p90, latency.p95, latency.p99])
          if (value !== 'unanswered') percentiles.set(quantile, value);
      const said = { percentiles, notAnswered: failed + unclear };
      return saturated.kind === 'none' ? said : { ...said, remark: 'saturated: not to be used' };
    }
    case 'autocannon': {
      const text = await output(
        tool,
        '-j',
        '-n',
        '-R',
        String(rate),
        '-c',
        String(CONNECTIONS),
        '-d',
        String(SECONDS),
        url,
      );
      if (text === undefined) return undefined;
      const { latency, errors, timeouts, non2xx } = JSON.parse(text);
      const names = [
        ['p50', 0.5],
        ['p90', 0.9],
        ['p97_5', 0.975],
        ['p99', 0.99],
      ] as const;
      const percentiles = new Map(names.map(([name, quantile]) => [quantile, Number(latency[name])]));
      return { percentiles, notAnswered: Number(errors) + Number(timeouts) + Number(non2xx) };
    }
    case 'hey': {
      // Its rate is one for each worker.
      const each = String(rate / CONNECTIONS);
      const text = await output(tool, '-z', `${SECONDS}s`, '-c', String(CONNECTIONS), '-q', each, url);
      if (text === undefined) return undefined;
      const percentiles = percentilesIn(text, /(\d+)%+ in ([\d.]+) secs/g, () => 1_000);
      const errors = [...text.matchAll(/^\s*\[(\d+)\]\s+(?:Get|Post)/gm)].reduce((sum, [, n]) => sum + Number(n), 0);
      return { percentiles, notAnswered: errors };
    }
    case 'wrk': {
      const text = await output(tool, '--latency', '-t1', `-c${CONNECTIONS}`, `-d${SECONDS}s`, url);
      if (text === undefined) return undefined;
      const unit = (name = 'ms') => ({ us: 0.001, ms: 1, s: 1_000 })[name] ?? Number.NaN;
      const percentiles = percentilesIn(text, /(\d+)% +([\d.]+)(us|ms|s)/g, unit);
      const errors = /connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text)?.slice(1) ?? [];
      return { percentiles, notAnswered: errors.reduce((sum, n) => sum + Number(n), 0), remark: 'has no rate' };
    }
  }
}

function percentilesIn(text: string, pattern: RegExp, scale: (unit?: string) => number): ReadonlyMap<number, number> {
  return new Map(
    [...text.matchAll(pattern)].map(([, percent, value, unit]) => [Number(percent) / 100, Number(value) * scale(unit)]),
  );
}

async function withServer<T>(options: ScriptedServerOptions, use: (server: ScriptedServer) => Promise<T>): Promise<T> {
  const server = await startScriptedServer(options);
  try {
    return await use(server);
  } finally {
    await server.close();
  }
}

interface Question {
  readonly what: string;
  readonly latency: LatencyScript;
  readonly rate: number;
  /** Every quantile at which the script has one and the same answer; a tool is asked for the first that it reports. */
  readonly quantiles: readonly number[];
  readonly answerMs: number;
}

const QUESTIONS: readonly Question[] = [
  {
    what: `1-s stall at 1,000/s over ${SECONDS} s`,
    latency: { kind: 'stall', fromMs: 4_000, lengthMs: 1_000 },
    rate: 1_000,
    quantiles: [0.99],
    answerMs: 900,
  },
  {
    what: '90 % at 20 ms, 10 % at 245 ms',
    latency: { kind: 'mixture', fastMs: 20, slowMs: 245, slowEvery: 10 },
    rate: 400,
    quantiles: [0.95, 0.975, 0.99],
    answerMs: 245,
  },
  { what: 'all at 110 ms', latency: { kind: 'constant', ms: 110 }, rate: 200, quantiles: [0.95, 0.9], answerMs: 110 },
];

async function latencies(): Promise<string[]> {
  const rows = [
    '| script | tool | percentile | answer | tool says | ratio |',
    '| --- | --- | --- | ---: | ---: | ---: |',
  ];
  for (const { what, latency, rate, quantiles, answerMs } of QUESTIONS)
    for (const tool of TOOLS) {
      const said = await withServer({ latency }, ({ url }) => ask(tool, url, rate));
      const quantile = quantiles.find((candidate) => said?.percentiles.has(candidate));
      const value = quantile === undefined ? undefined : said?.percentiles.get(quantile);
      const cells =
        quantile === undefined || value === undefined
          ? ['–', `${answerMs} ms`, said === undefined ? 'not installed' : 'not reported', '–']
          : [`P${quantile * 100}`, `${answerMs} ms`, `${value.toFixed(1)} ms`, (value / answerMs).toFixed(3)];
      rows.push(`| ${[what, said?.remark === undefined ? tool : `${tool} (${said.remark})`, ...cells].join(' | ')} |`);
    }
  return rows;
}

/** A server that closes every hundredth connection instead of answering. */
async function unanswered(): Promise<string[]> {
  const rows = ['| tool | requests that the server cut | tool says | ratio |', '| --- | ---: | ---: | ---: |'];
  for (const tool of TOOLS) {
    const options: ScriptedServerOptions = {
      latency: { kind: 'constant', ms: 0 },
      misbehaves: (request) => (request % 100 === 99 ? 'close without answer' : 'none'),
    };
    const [said, received] = await withServer(options, async (server) => {
      const answer = await ask(tool, server.url, 500);
      return [answer, server.received()] as const;
    });
    const cut = Math.floor(received / 100);
    const cells =
      said === undefined ? ['–', 'not installed', '–'] : [cut, said.notAnswered, (said.notAnswered / cut).toFixed(3)];
    rows.push(`| ${[tool, ...cells].join(' | ')} |`);
  }
  return rows;
}

/** What the generator itself costs, and from where on it measures itself. */
async function ownCost(): Promise<string[]> {
  const rows = [
    '| rate | sent | own delay P99 | own delay max | CPU (1 = a core) | saturated |',
    '| ---: | ---: | ---: | ---: | ---: | --- |',
  ];
  for (const rate of [1_000, 2_000, 4_000, 8_000]) {
    const options = { latency: { kind: 'constant', ms: 0 } } as const;
    const {
      generator,
      rate: rates,
      saturated,
    } = await withServer(options, ({ url }) => holdpoint(url, rate, CONNECTIONS));
    const ms = (value: number | 'none') => (value === 'none' ? '–' : `${value.toFixed(1)} ms`);
    const cells = [`${rate}/s`, `${rates.sent.toFixed(0)}/s`, ms(generator.delayP99Ms), ms(generator.delayMaxMs)];
    rows.push(`| ${[...cells, generator.cpuShare.toFixed(2), saturated.kind === 'none' ? 'no' : 'yes'].join(' | ')} |`);
  }
  return rows;
}

// The scripted server lives in this process and is the reference: it should not wait behind the tools.
try {
  setPriority(-10);
} catch {
  process.stderr.write('the priority of the scripted server cannot be raised here\n');
}
const [cpu] = cpus();
const machine = `${cpu?.model.trim() ?? 'unknown processor'}, ${cpus().length} cores, Node ${process.version}`;
const tables = [await latencies(), await unanswered(), await ownCost()];
process.stdout.write(
  `${machine}, ${new Date().toISOString().slice(0, 10)}\n\n${tables.map((rows) => rows.join('\n')).join('\n\n')}\n`,
);
