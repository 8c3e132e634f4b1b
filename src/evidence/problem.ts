/**
 * What went wrong, as a value: what happened, where, and what to do next.
 *
 * `kind` groups problems by who can mend them:
 * - `input`: the person's file or command line; exit status 2
 * - `host`: the machine lacks something (a package, a port, disk, rights); exit status 1
 * - `app`: the app that is launched did not do what it should; exit status 1
 * - `conflict`: somebody else holds what is needed (a running launch, a lock); exit status 1
 * - `internal`: a fault of Holdpoint's own; exit status 1
 */
export type Problem = {
  readonly kind: 'input' | 'host' | 'app' | 'conflict' | 'internal';
  /** One sentence: what happened. Never holds a secret. */
  readonly what: string;
  /** A file and line, a command, a host and port, a step. */
  readonly where?: string;
  /** The next thing a person should do; a command where there is one. */
  readonly next: string;
  /** Further lines: the last output of a command that failed, for example. */
  readonly detail?: readonly string[];
};

/** A problem on its way up to an edge that turns it into text or a leaf. */
export class ProblemError extends Error {
  readonly problem: Problem;
  constructor(problem: Problem, options?: { cause?: unknown }) {
    super(problem.what, options);
    this.name = 'ProblemError';
    this.problem = problem;
  }
}

export const fail = (problem: Problem): never => {
  throw new ProblemError(problem);
};

/** Any thrown thing as a Problem. What is not one of ours is a fault of Holdpoint's own and says so. */
export function problemOf(thrown: unknown, where?: string): Problem {
  if (thrown instanceof ProblemError) return thrown.problem;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return {
    kind: 'internal',
    what: `an unexpected error: ${message}`,
    ...(where === undefined ? {} : { where }),
    next: 'run the command again; if it stays, report it with the output of `holdpoint logs`',
  };
}

/** A problem as the lines a person reads. */
export function problemLines(problem: Problem): string[] {
  return [
    problem.what,
    ...(problem.where === undefined ? [] : [`  where: ${problem.where}`]),
    ...(problem.detail ?? []).map((line) => `  | ${line}`),
    `  next:  ${problem.next}`,
  ];
}
