import { expect, it } from 'vitest';
import { HERE, NOW, planOf, Story, step } from '../../test/cli/toy-launch.ts';
import { isVerdict } from '../evidence/judge.ts';
import type { LaunchPicture } from '../server/launch-view.ts';
import { viewOf } from './picture-view.ts';

const story = new Story().opened().ran('A.1/a').started('B.1/c');
const plan = planOf([step('A.1/a'), step('A.1/b'), step('B.1/c')]);
const sent: LaunchPicture = {
  record: {
    launch: HERE,
    kind: 'launch',
    step: undefined,
    request: { directory: '/app', environment: 'production', by: 'Ada', options: {} },
    plan,
    askedAt: NOW,
  },
  leaves: story.leaves,
  asOf: NOW,
  now: NOW,
  said: { 'B.1/c': 'waiting for Postgres' },
  waiting: [{ who: `${HERE}/A.1/b/1`, tokens: ['cpu'], heldBy: [`${HERE}/B.1/c/1`, 'other-3/A.1/x/1'] }],
  faults: { [`${HERE}/A.1/a/1`]: { kind: 'internal', what: 'broken', next: 'report it' } },
  isOpen: true,
};

it('a picture that came as JSON has its verdicts made here', () => {
  const view = viewOf(JSON.parse(JSON.stringify(sent)));
  const a = view.state.steps.get('A.1/a');
  expect(a?.kind).toBe('passed');
  expect(a && 'findings' in a && a.findings.every((f) => isVerdict(f.verdict))).toBe(true);
});

it('what is said of attempts is said of their steps', () => {
  const view = viewOf(sent);
  expect([...view.progress]).toEqual([['B.1/c', 'waiting for Postgres']]);
  expect([...view.waiting]).toEqual([['A.1/b', ['B.1/c', 'other-3/A.1/x/1']]]);
  expect(view.faults.get('A.1/a')?.what).toBe('broken');
});
