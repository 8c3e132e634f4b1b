import type { Output } from './output.ts';

/**
 * What a command ends with.
 * - 0 launched, or what was asked for was done
 * - 1 held, failed, aborted
 * - 2 unusable input
 * - 3 the launch goes on: nothing is decided yet
 * - 130 Ctrl-C ended the client; the launch goes on
 */
export type ExitStatus = 0 | 1 | 2 | 3 | 130;

export const EXIT_STATUSES: readonly (readonly [ExitStatus, string])[] = [
  [0, 'launched, or done as asked'],
  [1, 'held, failed or aborted'],
  [2, 'unusable input: the command line, holdpoint.yaml, a question without a terminal'],
  [3, 'not decided yet: the launch goes on (status)'],
  [130, 'ended by Ctrl-C; the launch goes on'],
];

export type OptionSpec = {
  /** As commander reads it: `--by <NAME>`. */
  readonly flags: string;
  readonly description: string;
};

export type CommandSpec = {
  /** `ledger export` for a command of a group. */
  readonly name: string;
  readonly summary: string;
  /** Paragraphs below the summary in the command's help. */
  readonly description?: string;
  readonly arguments?: readonly { readonly name: string; readonly description: string; readonly optional?: true }[];
  readonly options?: readonly OptionSpec[];
  readonly examples: readonly { readonly line: string; readonly does: string }[];
  /** The command's own file; loaded only when it runs, so that help stays quick. */
  load(): Promise<{ run(call: Call): Promise<ExitStatus> }>;
};

/** What was typed, checked against the command's own options and nothing more. */
export type Call = {
  readonly arguments: readonly (string | undefined)[];
  readonly options: Options;
  readonly out: Output;
  /** What to write before a command so that it reaches the same app and state again: `holdpoint --app shop`. */
  readonly prefix: string;
};

export class Options {
  readonly #values: Readonly<Record<string, unknown>>;
  constructor(values: Readonly<Record<string, unknown>>) {
    this.#values = values;
  }
  /** The value of an option by its name in camel case (`yesDestroy`); undefined where it was not given. */
  text(name: string): string | undefined {
    const value = this.#values[name];
    return typeof value === 'string' ? value : undefined;
  }
  given(name: string): boolean {
    return this.#values[name] === true;
  }
}
