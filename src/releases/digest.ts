import { createHash } from 'node:crypto';
import type { Digest } from '../evidence/units.ts';

/** SHA-256 of bytes or UTF-8 text. */
export function digestOf(content: string | Uint8Array): Digest {
  return `sha256:${createHash('sha256').update(content).digest('hex')}` as Digest;
}

/** One digest of named values, whatever the order in which they are given. */
export function digestOfNamed(values: Readonly<Record<string, string>>): Digest {
  const lines = Object.keys(values)
    .sort()
    .map((name) => `${JSON.stringify(name)}:${JSON.stringify(values[name])}`);
  return digestOf(lines.join('\n'));
}
