import { expect, test } from 'vitest';
import { marksIn, toyPlan, toyStep } from '../../test/toy-plan.ts';
import type { Leaf, LeafBody } from '../evidence/leaf.ts';
import { instant, milliseconds } from '../evidence/units.ts';
import { state } from '../plan/state.ts';
import { agenda } from './scheduler.ts';

const silent = marksIn('/dev/null');
const { plan } = toyPlan([
  toyStep('A.1/a', { retry: { kind: 'back-off', attempts: 3, first: milliseconds(100), factor: 2 } }, silent),
  toyStep('A.1/b', { needs: ['A.1/a'] }, silent),
  toyStep('A.1/c', {}, silent),
]);
const NOW = instant(10_000);
const nothing = () => false;

function leavesOf(...bodies: [step: string, attempt: number, sequence: number, body: LeafBody][]): Leaf[] {
  return bodies.map(([step, attempt, sequence, body], index) => ({
    index,
    key: { launch: 'l', step, attempt, sequence },
    body,
    release: undefined,
  }));
}
const started: LeafBody = { kind: 'started', inputs: {}, at: instant(9_000) };
const errored: LeafBody = {
  kind: 'finished',
  end: { kind: 'errored', problem: { kind: 'host', what: 'x', next: 'y' } },
  at: NOW,
};
const abort: LeafBody = {
  kind: 'decided',
  decision: { kind: 'abort', by: { name: 'Ada', identity: 'not verified' }, reason: 'x', at: NOW },
};
const look = (leaves: Leaf[], inFlight: Parameters<typeof agenda>[2] = nothing, now = NOW) =>
  agenda(state(plan, 'l', leaves, now), now, inFlight);

test('what is ready is due, what waits is not, and what is at it already is not begun twice', () => {
  expect(look([]).due).toEqual([
    { step: 'A.1/a', attempt: 1 },
    { step: 'A.1/c', attempt: 1 },
  ]);
  expect(look([], ({ step }) => step === 'A.1/a').due).toEqual([{ step: 'A.1/c', attempt: 1 }]);
});

test('an attempt that runs, and is not in this process, is joined', () => {
  expect(look(leavesOf(['A.1/a', 1, 0, started])).due).toContainEqual({ step: 'A.1/a', attempt: 1 });
});

test('a back-off is not due before its time, and says when it will be', () => {
  const leaves = leavesOf(['A.1/a', 1, 0, started], ['A.1/a', 1, 1, errored]);
  expect(look(leaves)).toMatchObject({ due: [{ step: 'A.1/c' }], next: 10_100 });
  expect(look(leaves, nothing, instant(10_100)).due).toContainEqual({ step: 'A.1/a', attempt: 2 });
});

test('after an abort nothing is begun, what runs is brought to its end, and only then is it over', () => {
  const running = leavesOf(['A.1/a', 1, 0, started], ['@decision', 0, 0, abort]);
  expect(look(running)).toEqual({ due: [{ step: 'A.1/a', attempt: 1 }], next: undefined, close: undefined });
  expect(look(leavesOf(['@decision', 0, 0, abort]))).toEqual({ due: [], next: undefined, close: 'aborted' });
});
