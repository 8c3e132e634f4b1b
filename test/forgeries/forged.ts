// Ways to get a tick without a measurement. Each line below a "refused" mark must not compile; ../forgeries.test.ts compiles
// this file and compares the lines that the compiler refuses with the marks.
import type { Verdict } from '../../src/evidence/judge.ts';
import type { Measurement } from '../../src/evidence/measurement.ts';
import type { Finding } from '../../src/plan/finding.ts';
import type { StepState } from '../../src/plan/state.ts';

declare const finding: Finding;
declare const measurement: Measurement;

// refused: a verdict written down
export const written: Verdict = { kind: 'pass', because: 'I say so' };

// refused: a verdict from a boolean
export const fromBoolean: Verdict = true;

// refused: a verdict from a word
export const fromWord: Verdict = 'pass';

// refused: a copy of a real verdict with a better word
export const improved: Finding = { ...finding, verdict: { kind: 'pass', because: finding.verdict.because } };

// refused: a real verdict changed in place
finding.verdict.kind = 'pass';

// refused: a measurement whose observation is a bare number
export const bare: Measurement = { ...measurement, observed: 0 };

// refused: a number without the count of what it rests on
export const baseless: Measurement = {
  ...measurement,
  observed: { kind: 'value', value: 1, interval: [1, 1], resolution: 0 },
};

// refused: a passed step without attempt and findings
export const passed: StepState = { kind: 'passed' };
