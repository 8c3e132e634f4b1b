import { fail } from './problem.ts';

/** What JSON can carry. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

/**
 * The one text of a JSON value: RFC 8785 (JSON Canonicalization Scheme). Names sorted by UTF-16 code units, no white
 * space, numbers as ECMAScript prints them. A name whose value is `undefined` is left out, as JSON.stringify does.
 *
 * @throws ProblemError where the value has no JSON text: NaN, an infinity, a lone surrogate, a function, `undefined` in
 *   a list. The problem names the place (`$.measurement.observed.value`).
 */
export function canonicalJson(value: unknown): string {
  return write(value, '$');
}

function write(value: unknown, place: string): string {
  switch (typeof value) {
    case 'string':
      return writeString(value, place);
    case 'number':
      return Number.isFinite(value) ? JSON.stringify(value) : refuse(`${value} is no JSON number`, place);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'object':
      if (value === null) return 'null';
      if (Array.isArray(value)) return `[${value.map((item, i) => write(item, `${place}[${i}]`)).join(',')}]`;
      return writeObject(value, place);
    default:
      return refuse(`a value of type ${typeof value} has no JSON text`, place);
  }
}

function writeObject(value: object, place: string): string {
  const members: string[] = [];
  for (const [name, member] of Object.entries(value).sort(byName)) {
    if (member === undefined) continue;
    members.push(`${writeString(name, place)}:${write(member, `${place}.${name}`)}`);
  }
  return `{${members.join(',')}}`;
}

/** `<` on strings compares UTF-16 code units, which is the order that RFC 8785 asks for. */
const byName = ([a]: [string, unknown], [b]: [string, unknown]): number => (a < b ? -1 : 1);

const HALF_A_PAIR = /\p{Surrogate}/u;

function writeString(text: string, place: string): string {
  return HALF_A_PAIR.test(text) ? refuse('the text holds half of a surrogate pair', place) : JSON.stringify(text);
}

function refuse(what: string, where: string): never {
  return fail({
    kind: 'internal',
    what: `a value cannot be written as JSON: ${what}`,
    where,
    next: 'record what could not be observed as absent, with a reason',
  });
}
