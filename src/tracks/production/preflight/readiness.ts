import { setTimeout as sleep } from 'node:timers/promises';
import type { HttpExpectation, Service } from '../../../config/app.ts';
import { bringUpDatabase, POSTGRES } from '../../../environments/database.ts';
import type { Environment } from '../../../environments/environment.ts';
import { difference, instanceTarget } from '../../../environments/expectation.ts';
import { absent, exactly, type Measurement } from '../../../evidence/measurement.ts';
import { type Milliseconds, seconds } from '../../../evidence/units.ts';
import type { Attempt, Step } from '../../../plan/step.ts';
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
    world.app.database?.managed.kind === 'by-holdpoint' && declared(world).length > 0,
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

const declared = (world: World): Declared[] =>
  world.app.services.flatMap((service) => (service.readiness ? [{ service, asked: service.readiness }] : []));

async function takeTheDatabaseAway(world: World, environment: Environment, attempt: Attempt): Promise<Measurement[]> {
  const note = notebook(world.host.name, world.clock);
  const services = declared(world);
  const method = {
    kind: 'request',
    text: `readiness of ${services.map((s) => s.service.name).join(', ')} while Postgres is stopped and started`,
  } as const;
  const red = async ({ service, asked }: Declared) => {
    const slot = service.kind === 'web' ? ('blue' as const) : undefined;
    return (await difference(instanceTarget(environment.ports.service(service.name, slot, 0)), asked)) !== undefined;
  };
  // The positive control: only a readiness that is green now can be seen to turn red.
  const green = (await Promise.all(services.map(async (s) => ((await red(s)) ? [] : [s])))).flat();
  if (green.length === 0)
    return [
      note({
        metric: 'readiness.blind',
        unit: 'count',
        observed: absent('no readiness was green to begin with'),
        method,
      }),
    ];

  attempt.progress('stops the database');
  let blind: Declared[];
  try {
    await environment.runtime.stop(POSTGRES);
    blind = (await until(green, red, attempt.signal)).left;
  } finally {
    attempt.progress('starts the database again');
    await bringUpDatabase(environment, AbortSignal.timeout(120_000));
  }
  const back = await until(green, async (s) => !(await red(s)), attempt.signal);
  const names = (left: readonly Declared[]) =>
    left.length === 0 ? undefined : left.map((s) => s.service.name).join(', ');
  return [
    note({
      metric: 'readiness.blind',
      unit: 'count',
      observed: exactly(blind.length, green.length),
      method,
      note: names(blind),
    }),
    note({
      metric: 'readiness.stuck',
      unit: 'count',
      observed: exactly(back.left.length, green.length),
      method,
      note: names(back.left),
    }),
    note({
      metric: 'readiness.recovery',
      unit: 'ms',
      observed: back.left.length === 0 ? timed(back.took) : absent('not all came back'),
      method,
    }),
  ];
}

/** Waits until the condition holds for each, and tells for which it did not in time. */
async function until(
  services: readonly Declared[],
  condition: (service: Declared) => Promise<boolean>,
  signal: AbortSignal,
): Promise<{ readonly left: Declared[]; readonly took: Milliseconds }> {
  const begun = performance.now();
  let left = [...services];
  for (;;) {
    const still = await Promise.all(left.map(async (service) => ((await condition(service)) ? [] : [service])));
    left = still.flat();
    const took = Math.round(performance.now() - begun) as Milliseconds;
    if (left.length === 0 || took > WITHIN || signal.aborted) return { left, took };
    await sleep(100);
  }
}
