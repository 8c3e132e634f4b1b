import { setTimeout as sleep } from 'node:timers/promises';
import { doorUrl, type Environment } from '../../../environments/environment.ts';
import { difference, instanceNamed, readinessOf } from '../../../environments/expectation.ts';
import { readRecord } from '../../../environments/record.ts';
import { absent, exactly, type Measurement, type Observed } from '../../../evidence/measurement.ts';
import { days, hours, type Milliseconds, minutes, seconds } from '../../../evidence/units.ts';
import { type Drill, RECOVERY } from '../../../plan/procedure.ts';
import { type Attempt, QUIET_MACHINE, type Step } from '../../../plan/step.ts';
import { readBack, startRecorder } from '../../../probes/recorder.ts';
import { type RecoveryTime, recoveryTime } from '../../../probes/recovery-time.ts';
import { appliesIf, ask } from '../../asking.ts';
import { notebook } from '../../observing.ts';
import { authorityOf } from '../../rollout.ts';
import type { World } from '../../world.ts';
import { writesAndReads } from './writes-and-reads.ts';
import { lossesOf } from './written-and-read.ts';

const BEFORE: Milliseconds = seconds(4);
const STEADY_AGAIN_WITHIN: Milliseconds = minutes(3);
const AFTER: Milliseconds = seconds(4);

/** Every service is killed at once while a recorder writes through the public interface, each write with an identity. */
export const applicationCrash = (world: World): Step => ({
  id: 'B.2/application-crash',
  task: 'B.2',
  title: 'Drill: every service is killed with SIGKILL',
  needs: ['B.1/twin'],
  inputs: { release: world.inputs.release, staging: world.inputs.staging, holdpoint: world.inputs.holdpoint },
  applies: appliesIf(
    world.staging !== undefined && world.app.recorder !== undefined,
    world.staging
      ? 'the app declares no recorder, so lost writes cannot be counted'
      : 'the app wants no staging environment',
  ),
  tokens: QUIET_MACHINE,
  estimate: seconds(25),
  objectives: [
    ask({
      id: 'rto',
      metric: RECOVERY.time,
      is: ['<=', hours(4), 'ms'],
      source: 'plan B.2: RTO <= 4 h',
      maximumAge: days(31),
    }),
    ask({
      id: 'rpo',
      metric: RECOVERY.point,
      is: ['<=', hours(1), 'ms'],
      source: 'plan B.2: RPO <= 1 h',
      maximumAge: days(31),
    }),
    ask({
      id: 'lost',
      metric: RECOVERY.lost,
      is: ['==', 0, 'count'],
      source: 'a crash of the services loses nothing that was acknowledged',
      maximumAge: days(31),
      minimumSamples: 20,
    }),
    ask({
      id: 'unexpected',
      metric: RECOVERY.unexpected,
      is: ['==', 0, 'count'],
      source: 'Jepsen: unexpected = read - attempted',
      maximumAge: days(31),
    }),
    ask({
      id: 'fault',
      metric: 'drill.survivors',
      is: ['==', 0, 'count'],
      source: 'a drill whose fault did not happen shows nothing',
      maximumAge: days(31),
    }),
  ],
  retry: { kind: 'never' },
  run: (attempt) => crashEverything(world, attempt),
});

/** The drill as its document shows it. */
export const applicationCrashDrill = (world: World): Drill => ({
  step: 'B.2/application-crash',
  name: 'application-crash',
  environment: 'staging',
  steadyState: 'every service is ready, and a recorder writes and is acknowledged',
  fault: 'SIGKILL to the process of every web and agent instance, at one moment',
  recovery: 'the runtime starts each of them again; nobody does anything',
  procedure: [
    {
      step: 'B.2/application-crash',
      title: 'Kill every service',
      commands: ['holdpoint check B.2/application-crash'],
      files: [],
      units: world.app.services.map((s) => s.name),
      rollback: ['none is needed: the runtime starts what ended; `holdpoint launch` puts staging up anew'],
    },
  ],
  source: [
    { kind: 'process', name: 'services' },
    { kind: 'host', name: world.host.name },
    { kind: 'disk', name: world.host.name },
  ],
  recoveredFrom: [
    { kind: 'host', name: world.host.name },
    { kind: 'disk', name: world.host.name },
  ],
});

async function crashEverything(world: World, attempt: Attempt): Promise<Measurement[]> {
  const { staging, app } = world;
  const { recorder: settings } = app;
  if (!staging || !settings) return [];
  const note = notebook(world.host.name, world.clock);
  const unsteady = await whyNotSteady(staging);
  if (unsteady !== undefined)
    return [
      note({
        metric: RECOVERY.time,
        unit: 'ms',
        observed: absent(`there was no steady state to begin with: ${unsteady}`),
        method: { kind: 'recorder', text: 'readiness' },
      }),
    ];

  const target = writesAndReads(settings);
  const ca = await authorityOf(staging);
  const baseUrl = await doorUrl(staging, 'public');
  const recorder = startRecorder({ baseUrl, target, ratePerSecond: settings.perSecond, timeoutMs: 10_000, ca });
  await sleep(BEFORE);
  attempt.progress('kills every service');
  const faultMs = recorder.elapsedMs();
  const { survivors, killed } = await killServices(staging);
  const steady = await untilSteady(staging, attempt.signal);
  attempt.progress(steady === undefined ? 'every service is ready again' : `not steady again: ${steady}`);
  await sleep(AFTER);
  const recording = await recorder.stop();
  const reading = await readBack(recording, {
    baseUrl,
    target,
    timeoutMs: 10_000,
    ca,
    steadyState: async () => {
      const why = await untilSteady(staging, attempt.signal);
      return why === undefined ? { kind: 'returned' } : { kind: 'not returned', reason: why };
    },
  });
  const method = {
    kind: 'recorder',
    text: `${settings.perSecond} writes/s, ${settings.write.method} ${settings.write.path}, each with an identity, read back by ${settings.read.path}`,
  } as const;
  const recovery = recoveryTime(recording, faultMs);
  const losses = reading.kind === 'read' ? lossesOf(reading.accounting, recording.writes, faultMs) : undefined;
  const why = absent(reading.kind === 'cannot tell' ? reading.reason : '');
  return [
    note({
      metric: 'drill.survivors',
      unit: 'count',
      observed: exactly(survivors.length, killed + survivors.length),
      method: { kind: 'command', text: 'SIGKILL to each instance; its pid is gone' },
      note: survivors.join(', ') || undefined,
    }),
    note({ metric: RECOVERY.time, unit: 'ms', method, ...recoveryObserved(recovery) }),
    note({ metric: RECOVERY.point, unit: 'ms', observed: losses?.point ?? why, method }),
    note({ metric: RECOVERY.lost, unit: 'count', observed: losses?.lost ?? why, method, note: losses?.note }),
    note({ metric: RECOVERY.unexpected, unit: 'count', observed: losses?.unexpected ?? why, method }),
  ];
}

async function killServices(
  environment: Environment,
): Promise<{ readonly survivors: string[]; readonly killed: number }> {
  const services = (await environment.runtime.list()).filter(
    ({ unit, state }) => unit.role !== 'part' && state.kind === 'running',
  );
  const before = new Map(services.map(({ unit, state }) => [unit.name, state.kind === 'running' ? state.pid : 0]));
  await Promise.all([...before.keys()].map((name) => environment.runtime.crash(name)));
  const survivors = await remaining(environment, before);
  return { survivors, killed: before.size - survivors.length };
}

/** A runtime may hear of an end a moment later than it came; who still has the same pid after this time survived. */
const GONE_WITHIN = seconds(5);

async function remaining({ runtime }: Environment, pids: ReadonlyMap<string, number>): Promise<string[]> {
  const end = performance.now() + GONE_WITHIN;
  for (;;) {
    await sleep(200);
    const there = (await runtime.list()).flatMap(({ unit, state }) =>
      state.kind === 'running' && state.pid === pids.get(unit.name) ? [unit.name] : [],
    );
    if (there.length === 0 || performance.now() > end) return there;
  }
}

/** The first instance that is not ready, and why; undefined where all are. */
async function whyNotSteady(environment: Environment): Promise<string | undefined> {
  const { live } = await readRecord(environment);
  for (const service of environment.app.services) {
    const asked = readinessOf(service);
    const slot = service.kind === 'web' ? live?.slot : undefined;
    for (let i = 0; i < service.instances; i++) {
      const target = await instanceNamed(environment, service, slot, i);
      // Of what declares neither readiness nor health only that it runs can be seen.
      const how = target === undefined ? 'it does not run' : asked && (await difference(target, asked));
      if (how !== undefined) return `${service.name} ${i + 1}: ${how}`;
    }
  }
  return undefined;
}

async function untilSteady(environment: Environment, signal: AbortSignal): Promise<string | undefined> {
  const end = performance.now() + STEADY_AGAIN_WITHIN;
  for (;;) {
    const why = await whyNotSteady(environment);
    if (why === undefined || performance.now() > end || signal.aborted) return why;
    await sleep(200);
  }
}

function recoveryObserved(recovery: RecoveryTime): {
  readonly observed: Observed;
  readonly note: string | undefined;
} {
  switch (recovery.kind) {
    case 'recovered': {
      const { recoveryMs: value, low, high, notAcknowledged } = recovery;
      const interval = [Math.min(low, value), Math.max(high, value)] as const;
      const note = `${notAcknowledged} writes were not acknowledged meanwhile`;
      return { observed: { kind: 'value', value, interval, n: 1, resolution: 1 }, note };
    }
    case 'no outage seen': {
      // The longest that a write waited bounds what the outage can have been; it is not shown to be nothing.
      const { slowestMs: value, writesAfterFault: n } = recovery;
      const note = 'every write after the fault was acknowledged; the figure is the longest that one of them took';
      return { observed: { kind: 'value', value, interval: [0, value], n, resolution: 1 }, note };
    }
    case 'not recovered':
      return { observed: absent(`no recovery was seen within ${recovery.observedForMs} ms`), note: undefined };
    case 'cannot tell':
      return { observed: absent(recovery.reason), note: undefined };
  }
}
