import type { App, HttpExpectation, Service } from '../../../config/app.ts';
import type { Environment } from '../../../environments/environment.ts';
import { expectationOf, instanceNamed, requestOf } from '../../../environments/expectation.ts';
import { exactly, type Measurement } from '../../../evidence/measurement.ts';
import { seconds } from '../../../evidence/units.ts';
import type { Step } from '../../../plan/step.ts';
import { observeWithControl } from '../../../probes/http.ts';
import { appliesIf, ask } from '../../asking.ts';
import { notebook } from '../../observing.ts';
import type { World } from '../../world.ts';

/**
 * Health and readiness answer as they should: status, type and body. A random path beside them must be answered
 * otherwise: a server that answers 200 to every path proves nothing.
 */
export const health = (world: World): Step => ({
  id: 'A.1/health',
  task: 'A.1',
  title: 'Health and readiness answer, and a random path does not',
  needs: ['A.2/release'],
  inputs: { release: world.inputs.release, holdpoint: world.inputs.holdpoint },
  applies: appliesIf(endpoints(world.app).length > 0, 'no service declares health or readiness'),
  tokens: ['app'],
  estimate: seconds(25),
  objectives: [
    ask({ id: 'failing', metric: 'health.failing', is: ['==', 0, 'count'], source: 'plan A.1: health endpoints' }),
    ask({
      id: 'undiscerning',
      metric: 'health.undiscerning',
      is: ['==', 0, 'count'],
      source: 'design: a health path that answers 200 to anything',
    }),
  ],
  retry: { kind: 'never' },
  run: async (attempt) => observeEndpoints(world, await world.preflight(attempt)),
});

type Endpoint = { readonly service: Service; readonly asked: HttpExpectation };

const endpoints = (app: App): Endpoint[] =>
  app.services.flatMap((service) =>
    [service.health, service.readiness].flatMap((asked) => (asked ? [{ service, asked }] : [])),
  );

async function observeEndpoints(world: World, environment: Environment): Promise<Measurement[]> {
  const note = notebook(world.host.name, world.clock);
  const failing: string[] = [];
  const undiscerning: string[] = [];
  const all = endpoints(world.app);
  for (const { service, asked } of all) {
    const slot = service.kind === 'web' ? ('blue' as const) : undefined;
    const target = await instanceNamed(environment, service, slot, 0);
    const where = `${service.name} ${asked.path}`;
    if (target === undefined) {
      failing.push(`${where}: its instance does not run`);
      continue;
    }
    const { match } = await observeWithControl(target, requestOf(asked), expectationOf(asked));
    if (match.kind === 'differs') failing.push(`${where}: ${match.differences.join('; ')}`);
    if (match.kind === 'no answer') failing.push(`${where}: ${match.reason}`);
    if (match.kind === 'cannot tell') undiscerning.push(`${where}: ${match.reason}`);
  }
  const method = {
    kind: 'request',
    text: all.map((e) => `GET ${e.asked.path} of ${e.service.name}`).join(', '),
  } as const;
  return [
    note({
      metric: 'health.failing',
      unit: 'count',
      observed: exactly(failing.length, all.length),
      method,
      note: failing[0],
    }),
    note({
      metric: 'health.undiscerning',
      unit: 'count',
      observed: exactly(undiscerning.length, all.length),
      method,
      note: undiscerning[0],
    }),
  ];
}
