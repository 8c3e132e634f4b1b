import type { HttpExpectation, Observe } from '../../../config/app.ts';
import { expectationOf, requestOf } from '../../../environments/expectation.ts';
import { exactly, type Measurement } from '../../../evidence/measurement.ts';
import { seconds } from '../../../evidence/units.ts';
import type { Step } from '../../../plan/step.ts';
import { observeWithControl } from '../../../probes/http.ts';
import { appliesIf, ask } from '../../asking.ts';
import { notebook } from '../../observing.ts';
import type { World } from '../../world.ts';
import {
  below,
  deploymentTarget,
  LOOK_STANDS,
  notSent,
  notSentObjective,
  observedInputs,
  requestsText,
  sendable,
} from './deployment.ts';

/** What the team says shows the app's health answers as it should, and a random path beside it does not. */
export const observedHealth = (world: World, observe: Observe): Step => ({
  id: 'A.1/health',
  task: 'A.1',
  title: 'The observed app answers that it is well, and a random path does not',
  needs: [],
  inputs: observedInputs(world),
  applies: appliesIf(observe.health.length > 0, '`observe.health` names no path: whether the app is well is unknown'),
  tokens: ['app'],
  estimate: seconds(2),
  objectives: [
    ask({
      id: 'failing',
      metric: 'health.failing',
      is: ['==', 0, 'count'],
      source: 'plan A.1: health endpoints',
      maximumAge: LOOK_STANDS,
    }),
    ask({
      id: 'undiscerning',
      metric: 'health.undiscerning',
      is: ['==', 0, 'count'],
      source: 'design: a health path that answers 200 to anything',
      maximumAge: LOOK_STANDS,
    }),
    notSentObjective('health.not-sent'),
  ],
  retry: { kind: 'never' },
  run: () => lookAtHealth(world, observe),
});

async function lookAtHealth(world: World, observe: Observe): Promise<Measurement[]> {
  const note = notebook(world.host.name, world.clock);
  const { sent, left } = sendable(observe, observe.health);
  const failing: string[] = [];
  const undiscerning: string[] = [];
  for (const asked of sent) {
    const found = await answerTo(observe, asked);
    if (found.kind === 'undiscerning') undiscerning.push(`${asked.path}: ${found.reason}`);
    if (found.kind === 'failing') failing.push(`${asked.path}: ${found.reason}`);
  }
  const method = { kind: 'request', text: `${requestsText(sent)} below ${observe.url}` } as const;
  return [
    note({
      metric: 'health.failing',
      unit: 'count',
      observed: exactly(failing.length, sent.length),
      method,
      note: failing[0],
    }),
    note({
      metric: 'health.undiscerning',
      unit: 'count',
      observed: exactly(undiscerning.length, sent.length),
      method,
      note: undiscerning[0],
    }),
    notSent('health.not-sent', left, observe.health.length, method, note),
  ];
}

type Answer = { readonly kind: 'well' } | { readonly kind: 'failing' | 'undiscerning'; readonly reason: string };

async function answerTo(observe: Observe, asked: HttpExpectation): Promise<Answer> {
  const request = requestOf(below(observe, asked));
  const { match } = await observeWithControl(await deploymentTarget(observe), request, expectationOf(asked));
  switch (match.kind) {
    case 'matches':
      return { kind: 'well' };
    case 'differs':
      return { kind: 'failing', reason: match.differences.join('; ') };
    case 'no answer':
      return { kind: 'failing', reason: match.reason };
    case 'cannot tell':
      return { kind: 'undiscerning', reason: match.reason };
  }
}
