/** A secret that must never be stored. The name may be printed, the value never. */
export type KnownSecret = { readonly name: string; readonly value: string };

/**
 * The name of the first known secret that is in `content`, in whatever of these forms: as it is, escaped as in JSON or in
 * a URL, in hexadecimal, in UTF-16, and in base64 at any place (`Authorization: Basic …` holds a password in the middle
 * of what was encoded). Of a secret of several lines, each line by itself as well.
 */
export function findSecret(content: Uint8Array, secrets: readonly KnownSecret[]): string | undefined {
  const haystack = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  return secrets.find(({ value }) => [...formsOf(value), ...lineForms(value)].some((form) => haystack.includes(form)))
    ?.name;
}

/** A secret shorter than this is found by chance in any text: blotting it out would leave nothing to read. */
const SHORTEST_BLOTTED = 4;

/** Stands where {@link cutText} cut. */
const CUT = '[…]';

/** At most `length` characters, and a mark by which {@link withoutSecrets} knows a secret that the cut went through. */
export const cutText = (text: string, length: number): string =>
  text.length <= length ? text : `${text.slice(0, length)}${CUT}`;

/**
 * The text with each known secret replaced by its name, in every form in which {@link findSecret} would find it, and
 * what a cut left of one: its beginning before the mark of {@link cutText} or at the end of a line, its end after the
 * mark or at the beginning of a line.
 */
export function withoutSecrets(text: string, secrets: readonly KnownSecret[]): string {
  const blotted = secrets.filter(({ value }) => value.length >= SHORTEST_BLOTTED);
  let cleaned = text;
  for (const { name, value } of blotted)
    for (const form of [...formsOf(value), ...lineForms(value)])
      cleaned = cleaned.replaceAll(form.toString('utf8'), `[secret ${name}]`);
  return withoutRests(
    cleaned,
    blotted.flatMap(({ name, value }) => cuttable(value).map((form) => ({ name, form: form.toString('utf8') }))),
  );
}

/** Text and, in turn, what separates it. */
const SEPARATORS = /(\r?\n|\[…\])/;

function withoutRests(text: string, forms: readonly { readonly name: string; readonly form: string }[]): string {
  const parts = text.split(SEPARATORS);
  return parts
    .map((part, i) => {
      if (i % 2 === 1) return part;
      const before = parts[i - 1] === CUT ? isRestAtMark : isRestAtEdge;
      const after = parts[i + 1] === CUT ? isRestAtMark : isRestAtEdge;
      return forms.reduce((left, { name, form }) => {
        const first = left.length - beginningAtEnd(left, form, after);
        const kept = first === left.length ? left : `${left.slice(0, first)}[secret ${name}]`;
        const last = endAtBeginning(kept, form, before);
        return last === 0 ? kept : `[secret ${name}]${kept.slice(last)}`;
      }, part);
    })
    .join('');
}

type IsRest = (rest: string) => boolean;

const isRestAtMark: IsRest = (rest) => rest.length >= SHORTEST_BLOTTED;

/**
 * Where no mark says that something was cut, the text may well end with a word with which a secret begins, such as the
 * name of the app: only what looks made up counts, with letters and digits, or capitals within a word.
 */
const isRestAtEdge: IsRest = (rest) =>
  rest.length >= SHORTEST_PART && ((/\p{L}/u.test(rest) && /\d/.test(rest)) || /\p{Ll}\p{Lu}/u.test(rest));

/** How many characters at the end of the text are the beginning of the form: the most that count. */
function beginningAtEnd(text: string, form: string, isRest: IsRest): number {
  for (let length = Math.min(text.length, form.length); length >= SHORTEST_BLOTTED; length--) {
    const rest = text.slice(text.length - length);
    if (rest[0] === form[0] && form.startsWith(rest) && isRest(rest)) return length;
  }
  return 0;
}

/** How many characters at the beginning of the text are the end of the form: the most that count. */
function endAtBeginning(text: string, form: string, isRest: IsRest): number {
  for (let length = Math.min(text.length, form.length); length >= SHORTEST_BLOTTED; length--) {
    const rest = text.slice(0, length);
    if (rest.at(-1) === form.at(-1) && form.endsWith(rest) && isRest(rest)) return length;
  }
  return 0;
}

/** The forms of which a part would tell something. Of a URL with a password that is the password alone. */
function cuttable(secret: string): Buffer[] {
  const password = /^[a-z][a-z0-9+.-]*:\/\/[^\s/?#:]*:([^\s/?#]+)@/i.exec(secret)?.[1];
  return password === undefined ? [...formsOf(secret), ...lineForms(secret)] : formsOf(password);
}

/** A shorter part of a secret is found by chance in any text. */
const SHORTEST_PART = 8;

/** Each line of a secret of several, as it is and escaped as in JSON: a log may show a private key line by line. */
function lineForms(secret: string): Buffer[] {
  if (!secret.includes('\n')) return [];
  const lines = secret
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line.length >= SHORTEST_PART && !/^-----(BEGIN|END) [A-Z0-9 ]+-----$/.test(line));
  return [...new Set(lines.flatMap((line) => [line, JSON.stringify(line).slice(1, -1)]))].map((line) =>
    Buffer.from(line, 'utf8'),
  );
}

/** Shorter encoded forms would be found by chance in any text. */
const SHORTEST_FORM = 6;

function formsOf(secret: string): Buffer[] {
  if (secret === '') return [];
  const plain = Buffer.from(secret, 'utf8');
  const hex = plain.toString('hex');
  const encoded = [
    JSON.stringify(secret).slice(1, -1),
    encodeURIComponent(wellFormed(secret)),
    new URLSearchParams([['', secret]]).toString().slice(1),
    hex,
    hex.toUpperCase(),
    ...base64Forms(plain),
  ].filter((form) => form.length >= SHORTEST_FORM);
  return [plain, Buffer.from(secret, 'utf16le'), ...encoded.map((form) => Buffer.from(form, 'utf8'))];
}

/**
 * What base64 makes of the secret after 0, 1 or 2 bytes of something else: the characters that depend on the secret
 * alone. Each character carries 6 bits; those that share bits with what stands before or after are left out.
 */
function base64Forms(plain: Buffer): string[] {
  return [0, 1, 2].flatMap((before) => {
    const bits = Buffer.concat([Buffer.alloc(before), plain]);
    const first = Math.ceil((before * 8) / 6);
    const last = Math.floor((bits.length * 8) / 6);
    return [bits.toString('base64').slice(first, last), bits.toString('base64url').slice(first, last)];
  });
}

/** encodeURIComponent throws at half a surrogate pair; Buffer writes the replacement character for it. */
const wellFormed = (text: string): string => Buffer.from(text, 'utf8').toString('utf8');
