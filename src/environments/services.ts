import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { App, Service } from '../config/app.ts';
import { fail } from '../evidence/problem.ts';
import type { Milliseconds } from '../evidence/units.ts';
import { milliseconds, seconds } from '../evidence/units.ts';
import type { Address } from '../hosts/host.ts';
import { cutText } from '../ledger/secret-search.ts';
import type { Release } from '../releases/release.ts';
import type { Slot, Unit } from '../runtimes/unit.ts';
import { type Environment, reach } from './environment.ts';
import { difference, instanceTarget, readinessOf } from './expectation.ts';
import { handOverTo } from './hand-over.ts';
import { drainSlot } from './load-balancer.ts';
import { calledFirst } from './service-addresses.ts';
import { handoverStore, serviceUnits, webServices } from './service-units.ts';

/** Whether an instance became ready, and how long that took. */
export type Gate = { readonly unit: string; readonly took: Milliseconds } & (
  | { readonly kind: 'ready' }
  | { readonly kind: 'not-ready'; readonly reason: string }
);

const agents = (environment: Environment) => environment.app.services.filter((s) => s.kind === 'agent');

export const handOver = (environment: Environment, service: Service): Promise<void> =>
  handOverTo(environment, service, handoverStore(service.name));

/** Starts the web services of a slot and waits until each instance is ready, or says why it is not. */
export async function startSlot(
  environment: Environment,
  release: Release,
  slot: Slot,
  signal: AbortSignal,
): Promise<Gate[]> {
  const gates: Gate[] = [];
  for (const service of calledFirst(webServices(environment))) {
    gates.push(...(await start(environment, release, service, slot, signal)));
    // The slot is not used as it is, and who calls this service could not become ready either.
    if (gates.some(({ kind }) => kind === 'not-ready')) break;
  }
  return gates;
}

/**
 * Puts the agents of a release in the place of those that run: each old instance is told to stop, drains what it has in
 * hand, and only then its successor starts. So no job is worked on by two releases, and none is cut off. Instances that
 * the release has no more end first.
 */
export async function replaceAgents(environment: Environment, release: Release, signal: AbortSignal): Promise<Gate[]> {
  const { runtime } = environment;
  const wanted = new Set(
    agents(environment).flatMap((s) => serviceUnits(environment, release, s, undefined).map((u) => u.name)),
  );
  for (const { unit } of await runtime.list())
    if (unit.role === 'agent' && !wanted.has(unit.name)) await runtime.remove(unit.name);
  const gates: Gate[] = [];
  for (const service of calledFirst(agents(environment)))
    gates.push(...(await start(environment, release, service, undefined, signal)));
  return gates;
}

/** The first instance goes first and alone: an app that prepares its database at boot was seen to race its own twin. */
async function start(
  environment: Environment,
  release: Release,
  service: Service,
  slot: Slot | undefined,
  signal: AbortSignal,
): Promise<Gate[]> {
  await handOver(environment, service);
  const units = serviceUnits(environment, release, service, slot);
  await refuseTakenPorts(environment, units);
  const [first, ...others] = units;
  if (!first) return [];
  const gates = [await startOne(environment, service, first, signal)];
  if (gates[0]?.kind === 'not-ready') return gates;
  return [...gates, ...(await Promise.all(others.map((unit) => startOne(environment, service, unit, signal))))];
}

/** A unit of an earlier release that holds a new instance's port would answer in its place, and the gate would believe it. */
async function refuseTakenPorts(environment: Environment, units: readonly Unit[]): Promise<void> {
  // Where each unit has a network of its own no two can want the same port.
  if (environment.runtime.abilities.isolation.kind === 'can') return;
  const ours = new Set(units.map((unit) => unit.name));
  const ports = new Map(units.flatMap((unit) => unit.ports.map((p) => [p.number, unit.name] as const)));
  for (const { unit, state } of await environment.runtime.list()) {
    if (ours.has(unit.name) || state.kind !== 'running') continue;
    const taken = unit.ports.find((p) => ports.has(p.number));
    if (!taken) continue;
    fail({
      kind: 'conflict',
      what: `${unit.name}, which runs, has the port ${taken.number} that ${ports.get(taken.number)} needs`,
      where: environment.name,
      next: 'name new services below those that run in holdpoint.yaml, or take the app down first (`holdpoint down`)',
    });
  }
}

async function startOne(environment: Environment, service: Service, unit: Unit, signal: AbortSignal): Promise<Gate> {
  const begun = performance.now();
  await environment.runtime.start(unit);
  const whyNot = isSilent(environment.app, service)
    ? runsSteadily(environment, unit.name)
    : () => whyNotReady(environment, service, unit.name, unit.ports[0]?.number ?? 0);
  for (;;) {
    const reason = signal.aborted ? 'the launch was aborted' : await whyNot();
    const took = Math.round(performance.now() - begun) as Milliseconds;
    if (reason === undefined) return { kind: 'ready', unit: unit.name, took };
    if (signal.aborted || took > service.readyWithin)
      return { kind: 'not-ready', unit: unit.name, took, reason: await withLastLines(environment, unit, reason) };
    await sleep(50);
  }
}

async function whyNotReady(
  environment: Environment,
  service: Service,
  unit: string,
  port: number,
): Promise<string | undefined> {
  const address = await reach(environment, unit, port);
  if (address === undefined) return `${unit} does not run`;
  const asked = readinessOf(service);
  const why = await (asked ? difference(instanceTarget(address), asked) : whyNotListening(address));
  // The most likely slip of an app that has only ever run on one machine.
  return why?.includes('ECONNREFUSED') && runtimeOf(environment) === 'apart'
    ? `${why}; does it listen on the address in ${service.hostVariable} (${environment.runtime.place.listen}), and not on 127.0.0.1 alone?`
    : why;
}

/**
 * Of a worker that takes its jobs from a queue nothing need listen: it declares nothing to be asked, and nobody calls it.
 * All that can be seen of it is that it runs.
 */
export const isSilent = (app: App, service: Service): boolean =>
  service.kind === 'agent' &&
  readinessOf(service) === undefined &&
  service.metricsPath === undefined &&
  service.port === undefined &&
  !app.services.some(({ addresses }) => addresses.some(({ service: called }) => called === service.name));

/** One with a slip in its settings has ended within this time, also where it first waits 5 s for a connection. */
export const STEADY_FOR: Milliseconds = seconds(10);
/** One that has ended once may end again as late as a connection is given up. */
const STEADY_AFTER_AN_END: Milliseconds = seconds(20);

/** Why it does not run, or not long enough yet as the same process; undefined once it does. */
function runsSteadily({ runtime }: Environment, unit: string): () => Promise<string | undefined> {
  let seen: { readonly pid: number; readonly since: number } | undefined;
  let ends = 0;
  return async () => {
    const state = await runtime.inspect(unit);
    const pid = state.kind === 'running' ? state.pid : undefined;
    if (seen !== undefined && seen.pid !== pid) ends++;
    if (pid === undefined) {
      seen = undefined;
      return state.kind === 'failed' ? `it ended: ${state.exit}` : 'it does not run';
    }
    if (seen?.pid !== pid) seen = { pid, since: performance.now() };
    const steady = ends === 0 ? STEADY_FOR : STEADY_AFTER_AN_END;
    if (performance.now() - seen.since >= steady) return undefined;
    const again = ends === 0 ? '' : `; it has ended ${ends} times`;
    return `it has not run for ${steady / 1000} s without an end${again}`;
  };
}

/** Whether each unit has a network of its own. */
const runtimeOf = ({ runtime }: Environment): 'apart' | 'together' =>
  runtime.abilities.isolation.kind === 'can' ? 'apart' : 'together';

/** All that can be seen of a service that declares neither health nor readiness. */
function whyNotListening({ host, port }: Address): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 1_000 });
    const end = (reason: string | undefined) => {
      socket.destroy();
      resolve(reason);
    };
    socket.on('connect', () => end(undefined));
    socket.on('timeout', () => end(`nothing answers on port ${port}`));
    socket.on('error', (error) => end(error.message));
  });
}

async function withLastLines(environment: Environment, unit: Unit, reason: string): Promise<string> {
  const lines = await environment.runtime.logs(unit.name, 3);
  return lines.length === 0 ? reason : `${reason}; its last lines: ${cutText(lines.join(' / '), 300)}`;
}

export type Stopped = {
  readonly unit: string;
  readonly how: 'stopped' | 'killed' | 'was-not-running';
  readonly took: Milliseconds;
};

/** Waits for what is on its way to a slot, tells every web instance of it to stop, and forgets the units. */
export async function retireSlot(environment: Environment, slot: Slot): Promise<Stopped[]> {
  const units = (await environment.runtime.list()).filter(({ unit }) => unit.role === 'web' && unit.slot === slot);
  if (units.length === 0) return [];
  await drainSlot(environment, slot, milliseconds(Math.max(...units.map(({ unit }) => unit.stop.grace))));
  return Promise.all(
    units.map(async ({ unit }) => {
      const { how, took } = await environment.runtime.stop(unit.name);
      await environment.runtime.remove(unit.name);
      return { unit: unit.name, how, took };
    }),
  );
}
