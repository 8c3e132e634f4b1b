/**
 * Twenty switches from slot to slot under load: failed requests, and what a switch does to the P99.
 * `npx tsx bench/switch.ts [REQUESTS A SECOND] [SWITCHES] [RUNTIME]`, 1,000, 20 and process unless told otherwise. Prints a table in Markdown and
 * ends with status 1 where a request failed.
 *
 * Each switch is a whole cycle, as in a rollout: the instances of the other slot start, become ready, get all traffic, and
 * the old ones are told to stop once nothing is on its way to
 * them. The client keeps its connections, sends at a fixed rate whatever comes back, and repeats
 * nothing. The same load without any switch is what the P99 is held against; it runs before and after, because the
 * machine's own mood is the larger part of it.
 */
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { cpus, loadavg, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { seconds, systemClock } from '../src/evidence/units.ts';
import type { Address } from '../src/hosts/host.ts';
import { caddy, switchTo, untilDrained } from '../src/parts/caddy.ts';
import { createAuthority, issueLeaf } from '../src/parts/certificates.ts';
import { carryOut, OF_PARTS } from '../src/parts/part.ts';
import type { LoadResult } from '../src/probes/load/result.ts';
import { runLoad } from '../src/probes/load/run.ts';
import { otherSlot, type Slot, type Unit } from '../src/runtimes/unit.ts';
import { freePorts, portAt } from '../test/runtimes/temporary.ts';
import { benchRuntime } from './runtime.ts';

const RATE = Number(process.argv[2] ?? 1_000);
const SWITCHES = Number(process.argv[3] ?? 20);
const RUNTIME = process.argv[4] ?? 'process';
/** From one switch to the next. Two containers start more slowly than two processes. */
const CYCLE = seconds(RUNTIME === 'docker' ? 12 : 4);
const INSTANCES = 2;

/** Some work and a wait for each request, so that many are in flight whenever something is switched. */
const WEB = `
const server = require('node:http').createServer((request, answer) => {
  request.resume();
  setTimeout(() => answer.end('{"slot":"' + process.env.SLOT + '"}'), 10);
});
server.listen(process.env.PORT, process.env.HOST);
process.on('SIGTERM', () => {
  server.close(() => process.exit(0));
  setInterval(() => server.closeIdleConnections(), 20);
});
`;

const { runtime, close } = await benchRuntime(RUNTIME);
const authorityFolder = await mkdtemp(join(tmpdir(), 'bench-'));
const authorityFile = join(authorityFolder, 'authority.pem');
const ports = await freePorts(3 + 2 * INSTANCES);
const portOf = (slot: Slot, instance: number) => portAt(ports, 3 + instance + (slot === 'green' ? INSTANCES : 0));
const nameOf = (slot: Slot, instance: number): string => `web-${slot}-${instance + 1}`;
const instances = Array.from({ length: INSTANCES }, (_, i) => i);
const addresses = (slot: Slot) => instances.map((i) => runtime.place.address(nameOf(slot, i), portOf(slot, i)));

const unit = (slot: Slot, instance: number): Unit => ({
  name: nameOf(slot, instance),
  of: 'web',
  role: 'web',
  slot,
  software: OF_PARTS,
  mounts: [],
  networks: ['app'],
  command: ['node', '-e', WEB],
  environment: { SLOT: slot, PORT: String(portOf(slot, instance)), HOST: runtime.place.listen },
  user: 'app',
  ports: [{ name: 'http', number: portOf(slot, instance) }],
  stop: { signal: 'SIGTERM', grace: seconds(10) },
  restart: 'always',
});

async function startSlot(slot: Slot): Promise<void> {
  for (const i of instances) {
    await runtime.start(unit(slot, i));
    while (!(await listens(await runtime.address(nameOf(slot, i), portOf(slot, i))))) await sleep(20);
  }
}

async function listens(address: Address | undefined): Promise<boolean> {
  if (address === undefined) return false;
  const socket = connect(address);
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

async function switchTraffic(slot: Slot): Promise<void> {
  const end = await runtime.job(switchTo(slot, runtime.place));
  if (end.kind !== 'exited' || end.code !== 0) throw new Error(`the switch failed: ${JSON.stringify(end)}`);
}

async function cycles(): Promise<number[]> {
  const took: number[] = [];
  let live: Slot = 'blue';
  for (let n = 0; n < SWITCHES; n++) {
    const begun = performance.now();
    const next = otherSlot(live);
    await startSlot(next);
    const switched = performance.now();
    await switchTraffic(next);
    took.push(performance.now() - switched);
    await runtime.job(untilDrained(live, addresses(live), seconds(10), runtime.place));
    for (const i of instances) await runtime.remove(unit(live, i).name);
    live = next;
    await sleep(Math.max(0, CYCLE - (performance.now() - begun)));
  }
  return took;
}

async function load(work: () => Promise<unknown>): Promise<LoadResult> {
  let over = false;
  const outcome = runLoad({
    baseUrl: `https://127.0.0.1:${portAt(ports, 0)}`,
    requests: [{ name: 'page', weight: 1, method: 'GET', path: '/' }],
    ratePerSecond: RATE,
    durationMs: SWITCHES * CYCLE + 6_000,
    warmUpMs: 3_000,
    connections: 64,
    timeoutMs: 10_000,
    caFile: authorityFile,
  }).finally(() => {
    over = true;
  });
  await sleep(5_000);
  await work();
  if (over) throw new Error('the load was over before the last switch: the machine is too slow for this rate');
  const ended = await outcome;
  if (ended.kind === 'not run') throw new Error(ended.reason);
  return ended.result;
}

type Row = { readonly what: string; readonly switches: number; readonly result: LoadResult };

const p99 = ({ measured }: LoadResult) => (measured.latency === 'none' ? 'unanswered' : measured.latency.p99.value);

function print(rows: readonly Row[], switchMs: readonly number[], load1: number): void {
  const quiet = rows.filter((row) => row.switches === 0).map(({ result }) => p99(result));
  const base = quiet.every((value) => value !== 'unanswered')
    ? quiet.reduce((sum, value) => sum + value, 0) / quiet.length
    : Number.NaN;
  const machine = `${cpus().length} cores ${cpus()[0]?.model.trim() ?? ''}, Linux ${release()}, Node ${process.versions.node}`;
  const sorted = switchMs.toSorted((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  console.log(`${machine}, ${new Date().toISOString().slice(0, 10)}, load average ${load1.toFixed(1)} before.`);
  console.log(
    `${RATE} requests a second over TLS, 64 kept connections, ${INSTANCES} instances a slot, runtime ${RUNTIME}.`,
  );
  console.log(`A switch took ${median.toFixed(0)} ms (median of ${sorted.length}).\n`);
  console.log('| run | switches | requests | failed | not 200 | P50 | P99 | P99 to none | generator |');
  console.log('| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |');
  for (const { what, switches, result } of rows) {
    const { measured, saturated } = result;
    const p50 = measured.latency === 'none' ? 'unanswered' : measured.latency.p50.value;
    const ms = (value: number | 'unanswered') => (value === 'unanswered' ? value : `${value.toFixed(1)} ms`);
    const high = p99(result);
    const ratio = high === 'unanswered' ? '–' : (high / base).toFixed(2);
    const cells = [what, switches, measured.intended, failed(result), notOk(result), ms(p50), ms(high), ratio];
    console.log(`| ${[...cells, saturated.kind === 'none' ? 'sound' : 'saturated'].join(' | ')} |`);
  }
}

const failed = ({ measured }: LoadResult) => measured.failed + measured.unclear;
const notOk = ({ measured }: LoadResult) => measured.answered - (measured.byStatus['200'] ?? 0);

try {
  const load1 = loadavg()[0] ?? 0;
  const now = systemClock();
  const authority = await createAuthority('bench', now);
  const leaf = await issueLeaf(authority, { hostnames: ['app.test'], uses: ['server'], now });
  const { place } = runtime;
  await writeFile(authorityFile, authority.certificate);
  const settings = {
    hostname: 'app.test',
    ports: { https: portAt(ports, 0), preview: portAt(ports, 1), inner: portAt(ports, 2) },
    backends: {
      blue: [{ service: 'web', paths: 'rest' as const, upstreams: addresses('blue') }],
      green: [{ service: 'web', paths: 'rest' as const, upstreams: addresses('green') }],
    },
    inward: [],
    fronted: [],
    scraped: [],
    tls: { ...leaf, authority: authority.certificate },
  };
  await carryOut(runtime, caddy(settings, place));
  await startSlot('blue');
  await switchTraffic('blue');
  while (!(await listens({ host: '127.0.0.1', port: settings.ports.https }))) await sleep(50);

  const switchMs: number[] = [];
  const rows: Row[] = [];
  const quiet = () => load(() => sleep(SWITCHES * CYCLE));
  rows.push({ what: 'none, before', switches: 0, result: await quiet() });
  const switched = await load(async () => {
    switchMs.push(...(await cycles()));
  });
  rows.push({ what: 'switched', switches: SWITCHES, result: switched });
  rows.push({ what: 'none, after', switches: 0, result: await quiet() });
  print(rows, switchMs, load1);
  if (rows.some(({ result }) => failed(result) > 0 || notOk(result) > 0)) process.exitCode = 1;
} finally {
  await close();
  await rm(authorityFolder, { recursive: true });
}
