import { setTimeout as sleep } from 'node:timers/promises';
import type { HttpExpectation, Service } from '../../../config/app.ts';
import { bringUpDatabase, POSTGRES } from '../../../environments/database.ts';
import type { Environment } from '../../../environments/environment.ts';
import { expectationOf, instanceNamed, requestOf } from '../../../environments/expectation.ts';
import { unitName } from '../../../environments/service-units.ts';
import { absent, type Measurement, type Observed } from '../../../evidence/measurement.ts';
import { type Milliseconds, seconds } from '../../../evidence/units.ts';
import type { Attempt, Step } from '../../../plan/step.ts';
import type { Exchange } from '../../../probes/exchange.ts';
import { type HttpTarget, match, observe } from '../../../probes/http.ts';
import type { UnitState } from '../../../runtimes/unit.ts';
import { appliesIf, ask } from '../../asking.ts';
import { notebook, timed } from '../../observing.ts';
import type { World } from '../../world.ts';

/** Readiness must turn red this soon after the database went, and green again this soon after it came back. */
const WITHIN: Milliseconds = seconds(30);

/** Readiness is proven by taking the database away: it turns red, and comes back without a restart. */
export const readiness = (world: World): Step => ({
  id: 'A.1/readiness',
  task: 'A.1',
  title: 'Readiness turns red without the database, and comes back',
  needs: ['A.2/release', 'A.1/health'],
  inputs: { release: world.inputs.release, holdpoint: world.inputs.holdpoint },
  applies: appliesIf(
    world.app.database !== undefined && declared(world).length > 0,
    world.app.database
      ? 'no service declares readiness, or the database is not ours to stop'
      : 'the app has no database',
  ),
  tokens: ['app'],
  estimate: seconds(15),
  objectives: [
    ask({
      id: 'blind',
      metric: 'readiness.blind',
      is: ['==', 0, 'count'],
      source: 'plan A.1: readiness looks at the database',
    }),
    ask({
      id: 'stuck',
      metric: 'readiness.stuck',
      is: ['==', 0, 'count'],
      source: 'plan A.1: readiness comes back by itself',
    }),
    ask({ id: 'recovery', metric: 'readiness.recovery', is: ['<', 30_000, 'ms'], source: 'plan A.1', gate: 'inform' }),
  ],
  retry: { kind: 'never' },
  run: async (attempt) => takeTheDatabaseAway(world, await world.preflight(attempt), attempt),
});

type Declared = { readonly service: Service; readonly asked: HttpExpectation };
/** One instance of a service whose readiness is looked at, with what its process was before the database went. */
type Watched = Declared & {
  readonly unit: string;
  readonly target: () => Promise<HttpTarget | undefined>;
  readonly before: UnitState;
};

const declared = (world: World): Declared[] =>
  world.app.services.flatMap((service) => (service.readiness ? [{ service, asked: service.readiness }] : []));

async function takeTheDatabaseAway(world: World, environment: Environment, attempt: Attempt): Promise<Measurement[]> {
  const note = notebook(world.host.name, world.clock);
  const services = await Promise.all(declared(world).map((one) => watched(one, environment)));
  const method = {
    kind: 'request',
    text: `readiness of ${services.map((s) => s.service.name).join(', ')} while Postgres is stopped and started`,
  } as const;
  // The positive control: only a readiness that is green now can be seen to turn red.
  const green = await until('ready', services, attempt.signal);
  const never = green.seen.filter((s) => s.look !== 'ready').map((s) => s.name);
  if (never.length > 0) {
    const observed = absent(`not ready to begin with: ${never.join(', ')}`);
    return [note({ metric: 'readiness.blind', unit: 'count', observed, method })];
  }

  attempt.progress('stops the database');
  let red: Seen[];
  try {
    await environment.runtime.stop(POSTGRES);
    const { seen } = await until('not ready', services, attempt.signal);
    red = await withRestarts(seen, services, environment);
  } finally {
    attempt.progress('starts the database again');
    await bringUpDatabase(environment, AbortSignal.timeout(120_000));
  }
  const back = await until('ready', services, attempt.signal);
  const returned = await withRestarts(back.seen, services, environment);
  return [
    note({ metric: 'readiness.blind', unit: 'count', method, ...blind(red) }),
    note({ metric: 'readiness.stuck', unit: 'count', method, ...stuck(returned) }),
    note({
      metric: 'readiness.recovery',
      unit: 'ms',
      observed: returned.every((s) => s.look === 'ready') ? timed(back.took) : absent('not all came back'),
      method,
    }),
  ];
}

async function watched(one: Declared, environment: Environment): Promise<Watched> {
  const { service } = one;
  const slot = service.kind === 'web' ? ('blue' as const) : undefined;
  const unit = unitName(service, slot, 0);
  return {
    ...one,
    unit,
    target: () => instanceNamed(environment, service, slot, 0),
    before: await environment.runtime.inspect(unit),
  };
}

/** `silent`: no process was there to answer, or it ended over the answer. That is no word on readiness, in either way. */
export type Look = 'ready' | 'not ready' | 'silent';

/**
 * What the end of a request says of readiness. A process that took the request and lets it hang is not ready, as a load
 * balancer sees it: its check waits for the database. A refused or a cut connection is a process that is not there.
 */
export function lookOf(exchange: Exchange, asked: HttpExpectation): Look {
  switch (exchange.end) {
    case 'answered':
      return match(exchange, expectationOf(asked)).kind === 'matches' ? 'ready' : 'not ready';
    case 'unclear':
      return exchange.reason === 'no answer in time' ? 'not ready' : 'silent';
    case 'failed':
      return 'silent';
  }
}

export type Seen = {
  readonly name: string;
  /** The last one. */
  readonly look: Look;
  /** The process is not the one that ran before the database went. */
  readonly restarted: boolean;
};

type Said = { readonly observed: Observed; readonly note: string | undefined };

/** How many said that they were ready while there was no database. A process that ended meanwhile showed nothing. */
export function blind(seen: readonly Seen[]): Said {
  const wrong = seen.filter((s) => s.look === 'ready');
  const unclear = seen.filter((s) => s.look === 'silent' || (s.look === 'not ready' && s.restarted));
  return counted(seen, wrong, unclear, 'ended without the database, so its readiness was not seen to turn red');
}

/** How many are not ready again with the database. One that was started anew did not come back by itself. */
export function stuck(seen: readonly Seen[]): Said {
  const wrong = seen.filter((s) => s.look !== 'ready');
  const unclear = seen.filter((s) => s.look === 'ready' && s.restarted);
  return counted(seen, wrong, unclear, 'was started anew, so its readiness was not seen to come back by itself');
}

function counted(all: readonly Seen[], wrong: readonly Seen[], unclear: readonly Seen[], why: string): Said {
  const names = (some: readonly Seen[]) => some.map((s) => s.name).join(', ');
  if (wrong.length === 0 && unclear.length > 0)
    return { observed: absent(`${names(unclear)} ${why}`), note: undefined };
  return {
    observed: {
      kind: 'value',
      value: wrong.length,
      interval: [wrong.length, wrong.length + unclear.length],
      n: all.length,
      resolution: 0,
    },
    note: wrong.length === 0 ? undefined : names(wrong),
  };
}

/** Asks each until it was once seen as wanted, or the time is over, and tells how each was seen last. */
async function until(
  wanted: Look,
  services: readonly Watched[],
  signal: AbortSignal,
): Promise<{ readonly seen: readonly { readonly name: string; readonly look: Look }[]; readonly took: Milliseconds }> {
  const begun = performance.now();
  const last = new Map<Watched, Look>();
  for (;;) {
    const open = services.filter((s) => last.get(s) !== wanted);
    await Promise.all(open.map(async (s) => last.set(s, await lookAt(s))));
    const seen = services.map((s) => ({ name: s.service.name, look: last.get(s) ?? 'silent' }));
    const took = Math.round(performance.now() - begun) as Milliseconds;
    if (seen.every((s) => s.look === wanted) || took > WITHIN || signal.aborted) return { seen, took };
    await sleep(100);
  }
}

async function lookAt({ target: find, asked }: Watched): Promise<Look> {
  const target = await find();
  if (target === undefined) return 'silent';
  const { exchange } = await observe(target, requestOf(asked));
  return lookOf(exchange, asked);
}

async function withRestarts(
  seen: readonly { readonly name: string; readonly look: Look }[],
  services: readonly Watched[],
  environment: Environment,
): Promise<Seen[]> {
  const list = await environment.runtime.list();
  return seen.map((one) => {
    const service = services.find((s) => s.service.name === one.name);
    const now = list.find(({ unit }) => unit.name === service?.unit)?.state;
    return { ...one, restarted: !isSameProcess(service?.before, now) };
  });
}

export const isSameProcess = (before: UnitState | undefined, now: UnitState | undefined): boolean =>
  before?.kind === 'running' && now?.kind === 'running' && before.pid === now.pid && before.restarts === now.restarts;
