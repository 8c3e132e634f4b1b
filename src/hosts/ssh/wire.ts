/**
 * What passes between Holdpoint and its agent on another host: one JSON object a line, both ways. A call keeps the id that
 * the caller chose, so that it can be asked for again over a new line and is not carried out twice.
 */
export type Wire = string | number | boolean | null | undefined | readonly Wire[] | { readonly [name: string]: Wire };

/** What an agent does for its caller: methods of the host, or of a runtime in a folder there. */
export type Target =
  | { readonly of: 'host' }
  | { readonly of: 'runtime'; readonly folder: string; readonly environment: string };

export type ToAgent =
  | {
      readonly kind: 'call';
      readonly id: string;
      readonly target: Target;
      readonly method: string;
      readonly input: Wire;
    }
  | { readonly kind: 'cancel' | 'forget'; readonly id: string }
  | { readonly kind: 'ping' }
  /** From the start of another agent: end, where nothing runs and nobody else is connected. */
  | { readonly kind: 'retire' };

export type FromAgent =
  /** First of all: a name that changes with each start of the agent. */
  | { readonly kind: 'hello'; readonly life: string }
  | { readonly kind: 'pong' }
  | { readonly kind: 'line'; readonly id: string; readonly number: number; readonly text: string }
  | { readonly kind: 'result'; readonly id: string; readonly value: Wire }
  | { readonly kind: 'problem'; readonly id: string; readonly problem: Wire };

const BYTES = '$bytes';

/** Bytes go as base64; everything else is JSON already. */
export function packed(value: unknown): Wire {
  if (value instanceof Uint8Array) return { [BYTES]: Buffer.from(value).toString('base64') };
  if (value instanceof Map) return [...value].map((entry) => packed(entry));
  if (Array.isArray(value)) return value.map(packed);
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, packed(part)]));
  switch (typeof value) {
    case 'string':
    case 'number':
    case 'boolean':
      return value;
    default:
      return value === null ? null : undefined;
  }
}

export function unpacked(value: Wire): unknown {
  if (isList(value)) return value.map(unpacked);
  if (typeof value !== 'object' || value === null) return value;
  const { [BYTES]: bytes } = value;
  if (typeof bytes === 'string') return Buffer.from(bytes, 'base64');
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, unpacked(part)]));
}

const isList = (value: Wire): value is readonly Wire[] => Array.isArray(value);

export const lineOf = (message: ToAgent | FromAgent): string => `${JSON.stringify(message)}\n`;

/** Calls back with each whole line of a stream that comes in pieces. */
export function lines(each: (line: string) => void): (chunk: Buffer) => void {
  let rest: Buffer[] = [];
  return (chunk) => {
    let from = 0;
    for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, from)) {
      rest.push(chunk.subarray(from, at));
      each(Buffer.concat(rest).toString('utf8'));
      rest = [];
      from = at + 1;
    }
    if (from < chunk.length) rest.push(chunk.subarray(from));
  };
}
