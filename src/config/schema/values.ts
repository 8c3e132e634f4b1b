import * as z from 'zod';
import type { Bytes, Milliseconds } from '../../evidence/units.ts';
import { bytes, milliseconds } from '../../evidence/units.ts';
import type { Command } from '../app.ts';
import { asCommand, type SplitCommand, splitCommand } from '../command.ts';
import { commandCarriesSecret, looksLikeSecret } from '../literal-secret.ts';
import { durationIn, type Quantity, quantity, quantityIn, sizeIn } from '../quantity.ts';
import { refuse } from './key.ts';

/** Text that is converted on reading; `read` gives undefined where it is not what was expected. */
function converted<T>(expected: string, read: (text: string) => T | undefined) {
  return z.string({ error: expected }).transform((text, ctx): T => {
    const value = read(text);
    if (value !== undefined) return value;
    refuse(ctx, text, { expected, quote: 'shown' });
    return z.NEVER;
  });
}

/** Text of a form that can be shown in an editor, too. */
export const ofForm = (expected: string, form: RegExp) =>
  z.string({ error: expected }).regex(form, { error: expected });

/** Longer than this is a slip of the keyboard: ten years. */
const LONGEST = 3_650 * 86_400_000;

export const duration = converted<Milliseconds>('a duration such as `200ms`, `30s`, `2m`, `24h` or `7d`', (text) => {
  const ms = durationIn(text);
  return ms !== undefined && ms > 0 && ms <= LONGEST ? milliseconds(ms) : undefined;
});

export const size = converted<Bytes>('a size such as `512 MiB`, `512MB` or `2 GiB`', (text) => {
  const n = sizeIn(text);
  return n !== undefined && n > 0 ? bytes(n) : undefined;
});

/** As a number of per cent: `0.1 %` is 0.1. A bare number is refused: 1 could mean 1 % or all. */
export const percentage = converted<number>('a percentage such as `0.1 %`', (text) => {
  const read = quantity(text);
  return read?.unit === 'percent' && read.value <= 100 ? read.value : undefined;
});

/** A threshold whose unit is settled later, by the objective that it belongs to. */
const THRESHOLD = 'a number, with its unit where it has one: `200ms`, `0.1 %`, `512 MiB`, `10000/min`, `0`';
export const threshold = z.union(
  [
    z.number({ error: THRESHOLD }).transform((value): Quantity => ({ value, unit: undefined })),
    converted<Quantity>(THRESHOLD, quantity),
  ],
  { error: THRESHOLD },
);

export const durationInDays = converted<number>('a number of days such as `30d`', (text) => {
  const read = quantity(text);
  return read?.unit === 'ms' ? quantityIn(read, 'days') : undefined;
});

export const positiveWhole = (expected: string, greatest: number) =>
  z.int({ error: expected }).min(1, { error: expected }).max(greatest, { error: expected });

const NAME = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;
/** Lower-case words joined by hyphens: fit for host names, user names, folders and metric labels. */
export const name = (what: string, longest = 40) => {
  const expected = `${what}: lower-case letters, digits and single hyphens, beginning with a letter, at most ${longest} characters`;
  return ofForm(expected, NAME).max(longest, { error: expected });
};

/** `__proto__` would be lost on its way through a JavaScript object. */
export const variable = ofForm(
  'the name of an environment variable, such as `DATABASE_URL`',
  /^(?!__proto__$)[A-Za-z_][A-Za-z0-9_]*$/,
);

export const httpPath = ofForm('a path that begins with `/` and holds no spaces', /^\/[^\s#]*$/);

export const relativePath = ofForm(
  'a path relative to the folder of holdpoint.yaml, without `..`',
  /^(?![/~])(?!(?:.*\/)?\.\.(?:\/|$)).+$/,
);

const OPEN_URL = 'an http or https URL without a login, such as `https://shop.example.com`';
/** Shown, digested and committed like the rest of the file, so nothing secret may stand in it. Without its last slash. */
export const openUrl = z.string({ error: OPEN_URL }).transform((text, ctx) => {
  const trimmed = text.trim();
  if (/^https?:\/\/[^\s/?#@]+(\/[^\s?#@]*)?$/.test(trimmed) && URL.canParse(trimmed) && !looksLikeSecret(trimmed))
    return trimmed.replace(/\/+$/, '');
  refuse(ctx, text, { expected: OPEN_URL, quote: 'hidden' });
  return z.NEVER;
});

/** Debian Policy 5.6.7. */
const PACKAGES = 'a list of Debian packages, such as `python3-fastapi`';
const packageName = ofForm('the name of a Debian package, such as `python3-fastapi`', /^[a-z0-9][a-z0-9+.-]+$/);
export const packageNames = z.array(packageName, { error: PACKAGES });

export const sentence = (expected: string) =>
  z.string({ error: expected }).transform((text, ctx) => {
    const trimmed = text.trim();
    if (trimmed !== '' && !looksLikeSecret(trimmed)) return trimmed;
    const found = trimmed === '' ? 'an empty text' : 'what looks like a secret';
    refuse(ctx, text, { expected, quote: 'hidden', found });
    return z.NEVER;
  });

const COMMAND = 'a command: text without shell syntax such as `npm run build`, or a list of words';

function checked(split: SplitCommand, input: unknown, ctx: Parameters<typeof refuse>[0]): Command {
  if (split.kind === 'refused') {
    const expected = `a command that runs without a shell: ${split.instead}`;
    refuse(ctx, input, { expected, quote: 'hidden', found: split.found });
    return z.NEVER;
  }
  if (commandCarriesSecret(split.command)) {
    const found = 'a command with what looks like a secret in it';
    const expected = 'no secret among the words, where every process list shows it; name it under `secrets` instead';
    refuse(ctx, input, { expected, quote: 'hidden', found });
    return z.NEVER;
  }
  return split.command;
}

const commandText = z
  .string({ error: COMMAND })
  .transform((text, ctx): Command => checked(splitCommand(text), text, ctx));
const commandWords = z
  .array(z.string({ error: 'a word of the command, as text' }), { error: COMMAND })
  .transform((words, ctx): Command => checked(asCommand(words), words, ctx));

export const command = z.union([commandText, commandWords], { error: COMMAND });

const COMMANDS = 'a command, or a list of commands that run one after the other';
/** One command, or several in order. In a list each item is a whole command, never a word. */
export const commands = z.union(
  [commandText.transform((one): readonly Command[] => [one]), z.array(command, { error: COMMANDS })],
  { error: COMMANDS },
);

export const handoverAs = z.enum(['file', 'value'], { error: '`file` or `value`' });
