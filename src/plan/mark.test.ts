import { describe, expect, test } from 'vitest';
import { counted, SampleLedger, sampleObjective, samplePlan, sampleStep } from '../../test/sample-ledger.ts';
import type { Verdict } from '../evidence/judge.ts';
import { days } from '../evidence/units.ts';
import { mark, markOfAttempt, markOfStep, markText } from './mark.ts';
import type { LaunchState, StepState } from './state.ts';
import { state } from './state.ts';

const objective = sampleObjective({ id: 'none', metric: 'faults', unit: 'count', comparator: '==', threshold: 0 });
const step = sampleStep('A.1/faults', 'no faults', { objectives: [objective] });
const plan = samplePlan([step]);
const none = counted('faults', 0, 12);
const some = counted('faults', 2, 12);

const seen = (ledger: SampleLedger, of = plan, launch = 'l'): LaunchState =>
  state(of, launch, ledger.leaves, ledger.now);
function wordOf(launch: LaunchState): string {
  const standing = launch.steps.get(step.id);
  return standing === undefined ? 'absent' : markText(markOfStep(standing));
}
const opened = () => new SampleLedger().open('l');

describe('the mark of a step', () => {
  test.each([
    ['met', () => seen(opened().attempt('l', step, 1, [none])), '[x] pass'],
    ['missed', () => seen(opened().attempt('l', step, 1, [some])), '[ ] failed'],
    ['never measured', () => seen(opened().attempt('l', step, 1, [])), '[?] unknown'],
    ['zero faults in nothing', () => seen(opened().attempt('l', step, 1, [counted('faults', 0, 0)])), '[?] unknown'],
    [
      'could not run',
      () => {
        const problem = { kind: 'host', what: 'no openssl', next: 'install it' } as const;
        return seen(opened().attempt('l', step, 1, [none], { kind: 'errored', problem }));
      },
      '[?] unknown',
    ],
    ['not begun', () => seen(opened()), '[.] ready'],
    [
      'an earlier launch met it',
      () => seen(opened().attempt('l', step, 1, [none]).open('m'), plan, 'm'),
      '[=] used again',
    ],
    [
      'not applicable',
      () => seen(opened(), samplePlan([{ ...step, applies: { kind: 'not-applicable', because: 'no database' } }])),
      '[-] not applicable',
    ],
    [
      'waived',
      () => {
        const ledger = opened().attempt('l', step, 1, [some]);
        const by = { name: 'ada', identity: 'not verified' } as const;
        const waiver = { kind: 'waiver', step: step.id, attempt: 1, by, reason: 'known', at: ledger.now } as const;
        return seen(ledger.decide('l', waiver));
      },
      '[w] waived',
    ],
    [
      'exempt',
      () => {
        const exemption = { step: step.id, objective: 'none', owner: 'ada', reason: 'known', lastDay: '2026-12-31' };
        return seen(opened().attempt('l', step, 1, [some]), samplePlan([step], { exemptions: [exemption] }));
      },
      '[e] exempt',
    ],
  ])('%s', (_, launch, expected) => expect(wordOf(launch())).toBe(expected));

  test('evidence that has grown too old draws no tick', () => {
    const ledger = opened().attempt('l', step, 1, [none]).pass(days(8));
    expect(wordOf(seen(ledger))).toBe('[.] ready');
  });

  test('a state that calls itself passed with a forged verdict is unknown', () => {
    const real = seen(opened().attempt('l', step, 1, [some])).steps.get(step.id);
    if (real?.kind !== 'held') throw new Error('the step should be held');
    // @ts-expect-error nobody but judge makes a verdict
    const verdict: Verdict = { kind: 'pass', because: 'I say so' };
    const findings = real.findings.map((f) => ({ ...f, verdict }));
    const forged: StepState = { ...real, kind: 'passed', evidence: 'own', until: real.attempt.startedAt, findings };
    expect(markText(markOfStep(forged))).toBe('[?] unknown');
    expect(markText(mark(verdict))).toBe('[?] unknown');
  });

  test('a state that calls itself passed over a real failure is failed', () => {
    const real = seen(opened().attempt('l', step, 1, [some])).steps.get(step.id);
    if (real?.kind !== 'held') throw new Error('the step should be held');
    const forged: StepState = { ...real, kind: 'passed', evidence: 'own', until: real.attempt.startedAt };
    expect(markText(markOfStep(forged))).toBe('[ ] failed');
  });
});

test('an earlier attempt keeps its mark whatever the later ones came to', () => {
  const ledger = opened()
    .attempt('l', step, 1, [], { kind: 'interrupted' })
    .attempt('l', step, 2, [some])
    .attempt('l', step, 3, [none]);
  const words = seen(ledger)
    .attempts.get(step.id)
    ?.map((a) => markText(markOfAttempt(step, a, [], ledger.now)));
  expect(words).toEqual(['[?] cut off', '[ ] failed', '[x] pass']);
});
