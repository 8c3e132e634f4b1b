import type { YamlValue } from '../config/schema/key.ts';

/** The series in which a library counts requests, unless it is told otherwise. */
export type UsualSeries = { readonly requests: string; readonly status: string; readonly duration: string };

/** A value for holdpoint.yaml, and what it came from: `package.json: scripts.start`. */
export type Guess<T = YamlValue> = { readonly value: T; readonly from: string };

export const guess = <T>(value: T, from: string): Guess<T> => ({ value, from });

/** What a service of the app seems to be. */
export type ServiceDraft = {
  readonly name: string;
  readonly kind: 'web' | 'agent';
  /** The one key that says what runs. */
  readonly start: Guess & { readonly key: 'command' | 'dockerfile' | 'static' };
  readonly port?: Guess<number>;
  readonly portVariable?: Guess<string>;
  readonly hostVariable?: Guess<string>;
  readonly environment?: readonly (Guess<string> & { readonly name: string })[];
  readonly health?: Guess;
  readonly readiness?: Guess;
  readonly metrics?: Guess<string>;
  /** What it probably counts itself. */
  readonly golden?: Guess<UsualSeries>;
  readonly volumes?: readonly (Guess & { readonly name: string })[];
};

export type MigrationsDraft = {
  readonly up: Guess;
  readonly down?: Guess;
  readonly status?: Guess;
};

export type DatabaseDraft = {
  /** Why there is one at all. */
  readonly from: string;
  readonly variable?: Guess<string>;
  readonly migrations?: MigrationsDraft;
  readonly seed?: Guess;
};

export type SecretDraft = {
  readonly name: string;
  readonly reference: string;
  readonly variable: string;
  readonly from: string;
};

/** What one reader of the folder makes of it. */
export type Findings = {
  readonly name?: Guess<string>;
  readonly packages?: readonly Guess<string>[];
  readonly build?: readonly Guess<string>[];
  readonly tests?: Guess;
  readonly services?: readonly ServiceDraft[];
  readonly database?: DatabaseDraft;
  /** `queue`: where it came from that jobs are kept in it. */
  readonly cache?: { readonly variable: string; readonly from: string; readonly queue?: string };
  readonly secrets?: readonly SecretDraft[];
  readonly smoke?: readonly Guess[];
  readonly load?: readonly Guess<string>[];
  /** What was found and cannot be used, for the person to know. */
  readonly notes?: readonly string[];
};
