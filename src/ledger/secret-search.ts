/** A secret that must never be stored. The name may be printed, the value never. */
export type KnownSecret = { readonly name: string; readonly value: string };

/**
 * The name of the first known secret that is in `content`, in whatever of these forms: as it is, escaped as in JSON or in
 * a URL, in hexadecimal, in UTF-16, and in base64 at any place (`Authorization: Basic …` holds a password in the middle
 * of what was encoded).
 */
export function findSecret(content: Uint8Array, secrets: readonly KnownSecret[]): string | undefined {
  const haystack = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  return secrets.find(({ value }) => formsOf(value).some((form) => haystack.includes(form)))?.name;
}

/** A secret shorter than this is found by chance in any text: blotting it out would leave nothing to read. */
const SHORTEST_BLOTTED = 4;

/** The text with each known secret replaced by its name, in every form in which {@link findSecret} would find it. */
export function withoutSecrets(text: string, secrets: readonly KnownSecret[]): string {
  let cleaned = text;
  for (const { name, value } of secrets) {
    if (value.length < SHORTEST_BLOTTED) continue;
    for (const form of formsOf(value)) cleaned = cleaned.replaceAll(form.toString('utf8'), `[secret ${name}]`);
  }
  return cleaned;
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
