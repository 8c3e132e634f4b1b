import type { LoadOutcome } from './generator.ts';
import type { LoadPlan } from './plan.ts';
import type { SecondOfLoad } from './tally.ts';

/** What goes between the caller and the generator's own process. The plan travels here and never as an argument. */
export type ToChild = { readonly kind: 'run'; readonly plan: LoadPlan } | { readonly kind: 'abort' };
export type FromChild =
  | { readonly kind: 'second'; readonly second: SecondOfLoad }
  | { readonly kind: 'outcome'; readonly outcome: LoadOutcome };
