import type { Exemption } from '../evidence/decision.ts';
import { exemptionHolds } from '../evidence/decision.ts';
import { judge, type Verdict } from '../evidence/judge.ts';
import type { Measurement } from '../evidence/measurement.ts';
import type { Objective } from '../evidence/objective.ts';
import type { Instant } from '../evidence/units.ts';

/** A measurement with its place in the ledger. */
export type Entry = { readonly index: number; readonly measurement: Measurement };

/** One objective held against one thing that was measured, or against nothing where nothing was. */
export type Finding = {
  readonly objective: Objective;
  readonly verdict: Verdict;
  readonly entry: Entry | undefined;
  /** A standing exemption that covers the objective today. It changes what follows, never the verdict. */
  readonly exemption: Exemption | undefined;
};

/**
 * Holds every objective against every measurement of its metric. An objective that nothing was measured for gives a
 * finding too, and it is `unknown`.
 */
export function findings(
  step: string,
  objectives: readonly Objective[],
  entries: readonly Entry[],
  exemptions: readonly Exemption[],
  now: Instant,
): Finding[] {
  return objectives.flatMap((objective) => {
    const exemption = exemptions.find((e) => e.step === step && e.objective === objective.id && exemptionHolds(e, now));
    const meant = entries.filter(
      ({ measurement: m }) => m.metric === objective.metric && (objective.of === undefined || m.of === objective.of),
    );
    const about: (Entry | undefined)[] = meant.length > 0 ? meant : [undefined];
    return about.map((entry) => ({ objective, verdict: judge(entry?.measurement, objective), entry, exemption }));
  });
}

/**
 * What a step's findings come to.
 * - `passed`: every `hold` and every `warn` objective is met, and there is at least one of them
 * - `warned`: no `hold` objective is missed, but not everything is met either; the track goes on, without a tick
 * - `exempt`: each missed `hold` objective is covered by an exemption
 * - `missed`: at least one `hold` objective is not met or not known, or there was nothing to judge
 */
export type Outcome = 'passed' | 'warned' | 'exempt' | 'missed';

export function outcome(all: readonly Finding[]): Outcome {
  const met = (f: Finding) => f.verdict.kind === 'pass';
  const holding = all.filter((f) => f.objective.gate === 'hold');
  const asked = all.filter((f) => f.objective.gate !== 'inform');
  if (all.length === 0) return 'missed';
  if (holding.some((f) => !met(f) && f.exemption === undefined)) return 'missed';
  if (holding.some((f) => !met(f))) return 'exempt';
  return asked.length > 0 && asked.every(met) ? 'passed' : 'warned';
}

/** The findings for which a step is held: what a person has to look at first. */
export const reasonsToHold = (all: readonly Finding[]): Finding[] =>
  all.filter((f) => f.objective.gate === 'hold' && f.verdict.kind !== 'pass' && f.exemption === undefined);

/** The first moment at which one of the findings is too old to stand on; undefined where nothing was measured. */
export function expiry(all: readonly Finding[]): Instant | undefined {
  const ends = all.flatMap((f) => (f.entry ? [f.entry.measurement.to + f.objective.maximumAge] : []));
  return ends.length === 0 ? undefined : (Math.min(...ends) as Instant);
}
