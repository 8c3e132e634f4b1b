import type { Json } from '../engine/request.ts';
import type { Problem } from '../evidence/problem.ts';
import type { Instant } from '../evidence/units.ts';

/** A long-running action that is no launch (`down`, `destroy`): whoever composes the server registers it by name. */
export type Operation = (input: Json, run: OperationRun) => Promise<Json>;

export type OperationRun = {
  /** Who asks. */
  readonly by: string;
  /** One line for people who wait. Never holds a secret. */
  progress(line: string): void;
};

/** What a client hears of an operation, one line of JSON each; the last is `done` or `failed`. */
export type OperationEvent =
  | { readonly kind: 'progress'; readonly at: Instant; readonly line: string }
  | { readonly kind: 'done'; readonly result: Json }
  | { readonly kind: 'failed'; readonly problem: Problem };
