/**
 * Branded units: a number that says what it counts, so that seconds cannot be handed to something that wants
 * milliseconds. The brand exists for the compiler only; at run time each is a plain number or string.
 */
declare const unit: unique symbol;
type Branded<Base, Name extends string> = Base & { readonly [unit]: Name };

/** A length of time in milliseconds. */
export type Milliseconds = Branded<number, 'ms'>;
/** A point in time: milliseconds since 1970-01-01T00:00:00Z. */
export type Instant = Branded<number, 'instant'>;
/** A size in bytes. */
export type Bytes = Branded<number, 'bytes'>;
/** `sha256:` and 64 lower-case hexadecimal digits. */
export type Digest = Branded<string, 'digest'>;

export const milliseconds = (n: number): Milliseconds => n as Milliseconds;
export const seconds = (n: number): Milliseconds => (n * 1_000) as Milliseconds;
export const minutes = (n: number): Milliseconds => (n * 60_000) as Milliseconds;
export const hours = (n: number): Milliseconds => (n * 3_600_000) as Milliseconds;
export const days = (n: number): Milliseconds => (n * 86_400_000) as Milliseconds;
export const instant = (n: number): Instant => n as Instant;
export const bytes = (n: number): Bytes => n as Bytes;
export const mebibytes = (n: number): Bytes => (n * 1_048_576) as Bytes;

const DIGEST = /^sha256:[0-9a-f]{64}$/;
export const isDigest = (text: string): text is Digest => DIGEST.test(text);

export const later = (from: Instant, by: Milliseconds): Instant => (from + by) as Instant;
export const between = (from: Instant, to: Instant): Milliseconds => (to - from) as Milliseconds;

/** Where the time comes from. Passed in wherever time matters, so that a test can hold it still. */
export type Clock = () => Instant;
export const systemClock: Clock = () => Date.now() as Instant;
