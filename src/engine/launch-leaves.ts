import type { Leaf, LeafBody } from '../evidence/leaf.ts';
import { DECISION_STEP } from '../evidence/leaf.ts';
import type { Instant } from '../evidence/units.ts';
import { type LaunchState, state } from '../plan/state.ts';
import type { Plan } from '../plan/step.ts';
import { type AttemptId, attemptText } from './attempt-id.ts';

type Computed = { readonly plan: Plan; readonly size: number; readonly now: Instant; readonly state: LaunchState };

/** What an open launch knows of the ledger: its own leaves and those of its app and environment, in ledger order. */
export class LaunchLeaves {
  readonly #launch: string;
  readonly #leaves: Leaf[] = [];
  #computed: Computed | undefined;

  constructor(launch: string) {
    this.#launch = launch;
  }

  take(leaves: readonly Leaf[]): void {
    const last = this.#leaves.at(-1)?.index ?? -1;
    this.#leaves.push(...leaves);
    // Answers may overtake each other; the ledger's order is the index.
    if (leaves.some((l) => l.index <= last)) this.#leaves.sort((a, b) => a.index - b.index);
  }

  state(plan: Plan, now: Instant): LaunchState {
    const known = this.#computed;
    // Asked for several times in one moment: by an event, by the loop, by a client.
    if (known?.plan === plan && known.size === this.#leaves.length && known.now === now) return known.state;
    const computed = state(plan, this.#launch, this.#leaves, now);
    this.#computed = { plan, size: this.#leaves.length, now, state: computed };
    return computed;
  }

  /** Enough to compute the state anywhere. */
  needed(at: LaunchState): Leaf[] {
    return leavesOf(this.#launch, at, this.#leaves);
  }

  ofAttempt(id: AttemptId): Leaf[] {
    return this.#leaves.filter(({ key }) => isOf(key, id));
  }

  hasFinished(id: AttemptId): boolean {
    return this.#leaves.some((l) => l.body.kind === 'finished' && isOf(l.key, id));
  }

  has(kind: LeafBody['kind']): boolean {
    return this.#leaves.some((l) => l.key.launch === this.#launch && l.body.kind === kind);
  }

  isAborted(): boolean {
    return this.#decisions().some(({ body }) => body.kind === 'decided' && body.decision.kind === 'abort');
  }

  countOfDecisions(): number {
    return this.#decisions().length;
  }

  #decisions(): Leaf[] {
    return this.#leaves.filter(({ key }) => key.launch === this.#launch && key.step === DECISION_STEP);
  }
}

/** Leaves from which `state` computes the same as from all: the launch's own, and those of evidence used again. */
export function leavesOf(launch: string, at: LaunchState, all: readonly Leaf[]): Leaf[] {
  const stands = new Set<string>();
  for (const [step, found] of at.steps)
    if ('evidence' in found && found.evidence === 'used-again')
      stands.add(attemptText({ launch: found.attempt.launch, step, attempt: found.attempt.number }));
  return all.filter(({ key }) => key.launch === launch || stands.has(attemptText(key)));
}

const isOf = (key: Leaf['key'], id: AttemptId): boolean =>
  key.launch === id.launch && key.step === id.step && key.attempt === id.attempt;
