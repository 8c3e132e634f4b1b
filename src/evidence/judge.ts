import type { Measurement, Observed } from './measurement.ts';
import type { Comparator, Objective } from './objective.ts';
import { objectiveText } from './objective.ts';

/** Known to this file alone: nobody else can write down a Verdict. */
declare const judged: unique symbol;

/**
 * What an objective says of a measurement. There is no other way to get one than {@link judge}: the compiler refuses
 * forgeries (see forgeries/), and {@link isVerdict} refuses what was forged past the compiler.
 */
export type Verdict = {
  readonly kind: 'pass' | 'fail' | 'unknown';
  /** One sentence: why. */
  readonly because: string;
  readonly [judged]: true;
};

const genuine = new WeakSet<object>();

function verdict(kind: Verdict['kind'], because: string): Verdict {
  const made = Object.freeze({ kind, because }) as Verdict;
  genuine.add(made);
  return made;
}

/** False for anything that did not come out of {@link judge} in this process. */
export const isVerdict = (thing: object): thing is Verdict => genuine.has(thing);

/**
 * The only maker of verdicts.
 *
 * `pass` needs the whole of what the true value may be (the interval, widened by half the method's resolution on each
 * side) to lie on the right side of the threshold; `fail` needs the whole of it on the wrong side; everything else is
 * `unknown`: an absent value, too few samples, a disturbed machine, another metric or unit, numbers that are no numbers.
 *
 * @param measurement what was observed, or `undefined` where a step was to measure it and did not
 */
export function judge(measurement: Measurement | undefined, objective: Objective): Verdict {
  if (measurement === undefined) return verdict('unknown', `${objectiveText(objective)}: never measured`);
  const mismatch = whyNotComparable(measurement, objective);
  if (mismatch !== undefined) return verdict('unknown', mismatch);
  const { observed, quietness } = measurement;
  if (observed.kind === 'absent') return verdict('unknown', observed.reason);
  if (quietness.kind === 'disturbed') return verdict('unknown', `the machine was disturbed: ${quietness.reason}`);
  const unusable = whyNotUsable(observed, objective);
  if (unusable !== undefined) return verdict('unknown', unusable);

  const range = possible(observed);
  const where = side(range, objective.comparator, objective.threshold);
  const seen = `${observed.value} ${measurement.unit}, between ${range[0]} and ${range[1]}, n = ${observed.n}`;
  if (where === 'inside') return verdict('pass', `${objectiveText(objective)}: ${seen}`);
  if (where === 'outside') return verdict('fail', `not ${objectiveText(objective)}: ${seen}`);
  return verdict('unknown', `${seen} straddles ${objectiveText(objective)}`);
}

function whyNotComparable(m: Measurement, o: Objective): string | undefined {
  if (m.metric !== o.metric) return `measured ${m.metric}, asked for ${o.metric}`;
  if (o.of !== undefined && m.of !== o.of) return `measured ${m.metric} of ${m.of}, asked for ${o.of}`;
  if (m.unit !== o.unit) return `measured in ${m.unit}, asked for in ${o.unit}`;
  if (!Number.isFinite(o.threshold)) return `the threshold of ${o.id} is not a number`;
  return undefined;
}

function whyNotUsable(seen: Observed & { kind: 'value' }, o: Objective): string | undefined {
  const [low, high] = seen.interval;
  if (![seen.value, low, high, seen.n, seen.resolution].every(Number.isFinite))
    return 'the observation is not a number';
  if (low > seen.value || high < seen.value)
    return `the interval ${low} to ${high} does not hold its value ${seen.value}`;
  if (seen.resolution < 0) return `a resolution of ${seen.resolution} makes no sense`;
  const wanted = Math.max(1, o.minimumSamples);
  if (seen.n < wanted) return `${seen.n} observations, at least ${wanted} are needed`;
  return undefined;
}

/** Where the true value may lie: the interval, and never narrower than the method's resolution around the value. */
function possible(seen: Observed & { kind: 'value' }): readonly [number, number] {
  const half = seen.resolution / 2;
  return [Math.min(seen.interval[0], seen.value - half), Math.max(seen.interval[1], seen.value + half)];
}

function side(
  [low, high]: readonly [number, number],
  comparator: Comparator,
  at: number,
): 'inside' | 'outside' | 'astride' {
  switch (comparator) {
    case '<':
      return high < at ? 'inside' : low >= at ? 'outside' : 'astride';
    case '<=':
      return high <= at ? 'inside' : low > at ? 'outside' : 'astride';
    case '>':
      return low > at ? 'inside' : high <= at ? 'outside' : 'astride';
    case '>=':
      return low >= at ? 'inside' : high < at ? 'outside' : 'astride';
    case '==':
      return low === at && high === at ? 'inside' : high < at || low > at ? 'outside' : 'astride';
  }
}
