import * as z from 'zod';
import type { Secret, SecretReference } from '../app.ts';
import { splitCommand } from '../command.ts';
import { commandCarriesSecret, hasUrlPassword, looksLikeSecret } from '../literal-secret.ts';
import { key, refuse } from './key.ts';
import { handoverAs, name, variable } from './values.ts';

const REFERENCE = 'a reference to a secret: `file:PATH`, `dotenv:PATH#VARIABLE`, `env:VARIABLE` or `command:COMMAND`';
const SOURCE = `${REFERENCE}, or \`generated:BYTES\``;

/** `file:PATH`, `dotenv:PATH#VARIABLE`, `env:VARIABLE`, `command:COMMAND`; undefined for anything else, which may be the secret itself. */
export function secretReference(text: string): SecretReference | undefined {
  const [, kind, rest] = /^(file|dotenv|env|command):(.+)$/s.exec(text.trim()) ?? [];
  if (kind === undefined || rest === undefined || rest.trim() === '') return undefined;
  if (kind === 'file') return hasUrlPassword(rest) ? undefined : { kind, path: rest.trim() };
  if (kind === 'dotenv') {
    const [, path, named] = /^([^#]+)#([^#]+)$/.exec(rest.trim()) ?? [];
    const isSound = path !== undefined && !hasUrlPassword(path) && variable.safeParse(named).success;
    return isSound && named !== undefined ? { kind, path, variable: named } : undefined;
  }
  if (kind === 'env') return variable.safeParse(rest.trim()).success ? { kind, variable: rest.trim() } : undefined;
  const split = splitCommand(rest.trim());
  if (split.kind === 'refused' || commandCarriesSecret(split.command)) return undefined;
  return { kind: 'command', command: split.command };
}

function generated(text: string): Secret['from'] | undefined {
  const bytes = Number(/^generated:(\d{1,4})$/.exec(text.trim())?.[1] ?? Number.NaN);
  return bytes >= 16 && bytes <= 1024 ? { kind: 'generated', bytes } : undefined;
}

function referenceTo<T>(expected: string, read: (text: string) => T | undefined) {
  return z.string({ error: expected }).transform((text, ctx): T => {
    const reference = read(text);
    if (reference !== undefined) return reference;
    const found = text.trim() === '' ? 'an empty text' : 'a text that may be the secret itself, so it is not shown';
    refuse(ctx, text, { expected, quote: 'hidden', found });
    return z.NEVER;
  });
}

/** A reference where only a reference will do: the URL of a database with its password. */
export const secretReferenceValue = referenceTo<SecretReference>(REFERENCE, secretReference);

/** A webhook's address is open only where it carries nothing secret. */
export const openUrlOrReference = referenceTo(
  `${REFERENCE}; or, where it holds nothing secret, an http or https URL`,
  (text): SecretReference | string | undefined => {
    const trimmed = text.trim();
    const open = /^https?:\/\/[^\s/?#@]+(\/[^\s?#@]*)?$/.test(trimmed) && !looksLikeSecret(trimmed);
    return open ? trimmed : secretReference(trimmed);
  },
);

const SECRET = `${SOURCE}; or a mapping with \`from\``;

const secretKeys = z.strictObject(
  {
    from: key(
      referenceTo<Secret['from']>(`${SOURCE} (16 to 1024)`, (text) => generated(text) ?? secretReference(text)),
      {
        description:
          'Where the secret is to be had: `file:PATH` (relative to this file), `dotenv:PATH#VARIABLE` (a line `VARIABLE=…` of a file), `env:VARIABLE` of whoever runs Holdpoint, `command:COMMAND` (its output), or `generated:BYTES`: made once for each environment and kept.',
        examples: [
          'generated:32',
          'file:/etc/stockroom/data.key',
          'dotenv:.env#DATA_KEY',
          'env:STOCKROOM_KEY',
          'command:pass show stockroom',
        ],
      },
    ),
    as: key(handoverAs.default('file'), {
      description:
        '`file`: the variable carries the path of a file of mode 0600. `value`: it carries the secret itself.',
      examples: ['file'],
    }),
    variable: key(variable.optional(), {
      description: 'Environment variable by which the services learn it.',
      examples: ['DATA_KEY_FILE'],
      absent: 'from the name: `data-key` gives `DATA_KEY_FILE`, or `DATA_KEY` where it is handed over as a value',
    }),
  },
  { error: (issue) => (issue.code === 'invalid_type' ? SECRET : undefined) },
);

const reference = z.string({ error: SECRET }).transform((from) => ({ from }));
const secret = z.union([reference.pipe(secretKeys), secretKeys], { error: SECRET });

export const secrets = key(
  z.record(name('a secret name', 40), secret, { error: 'a mapping of secret names to references' }).prefault({}),
  {
    description:
      'What the services need and nobody may read here: references only. A secret that is written out is refused, and never printed.',
    examples: [{ 'data-key': 'generated:32' }, { 'data-key': { from: 'generated:32', variable: 'DATA_KEY_FILE' } }],
    entry: { example: 'data-key', meaning: 'secret' },
  },
);

export type SecretInput = z.output<typeof secret>;
