import type * as z from 'zod';

/** A value as it would stand in the file. */
export type YamlValue = string | number | boolean | readonly YamlValue[] | YamlMapping;
export type YamlMapping = { readonly [key: string]: YamlValue };

/** What a person is told about a key: in the editor, on the reference page, in the annotated examples. */
export type KeyText = {
  readonly description: string;
  /** As it would stand in the file; the first is the one that the reference page shows. */
  readonly examples: readonly YamlValue[];
  /** What holds where the key is not given, if that is not one constant value. */
  readonly absent?: string;
  /** What an example must have with it to be sound: in the same mapping, and elsewhere in the file. */
  readonly with?: { readonly here?: YamlMapping; readonly file?: YamlMapping };
  /**
   * For a mapping whose keys a team chooses: the name used in examples, what a name stands for, and, where an entry
   * needs one of several keys, which ones, with the one that examples use.
   */
  readonly entry?: {
    readonly example: string;
    readonly meaning: string;
    readonly needs?: { readonly oneOf: readonly string[]; readonly example: YamlMapping };
  };
};

/** Beside Zod's own metadata: that would drop the examples of a value that is converted on reading. */
const texts = new WeakMap<object, KeyText>();

/** The words of a key; undefined for a schema that is no key of its own. */
export const keyText = (schema: object): KeyText | undefined => texts.get(schema);

/** Gives a key its words. Outermost: after `.optional()` and `.prefault()`. */
export function key<S extends z.ZodType>(schema: S, text: KeyText): S {
  const described: S = schema.describe(text.description);
  texts.set(described, text);
  return described;
}

/**
 * A finding of our own about a value. `quote` says that the value may be shown: only where no secret is ever expected,
 * and even then not if it looks like one.
 */
export type Refusal = { readonly expected: string; readonly quote: 'shown' | 'hidden'; readonly found?: string };

type RefusalContext = { readonly issues: { push(issue: z.core.$ZodRawIssue): unknown } };

/** Adds a refusal to what is wrong with the file, at `path` below the value at hand. */
export function refuse(ctx: RefusalContext, input: unknown, refusal: Refusal, path: PropertyKey[] = []): void {
  const { expected, quote, found } = refusal;
  ctx.issues.push({ code: 'custom', input, message: expected, path, params: { quote, found } });
}
