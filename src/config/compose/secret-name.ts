import { createHash } from 'node:crypto';

const LONGEST = 40;
const DIGEST = 8;

/** The name that a secret of a Compose file has in holdpoint.yaml: `stripe_key` is `stripe-key`. */
export function secretName(text: string): string {
  const plain = text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
  const name = /^[a-z]/.test(plain) ? plain : `s-${plain}`.replace(/-$/, '');
  return name.length <= LONGEST ? name : withDigest(name, text);
}

/** The same for the variable that carries it. Two variables never have one name: what is lost of one is told by a digest. */
export function secretNameOf(variable: string): string {
  const name = secretName(variable);
  return name.toUpperCase().replaceAll('-', '_') === variable ? name : withDigest(name, variable);
}

function withDigest(name: string, text: string): string {
  const digest = createHash('sha256').update(text).digest('hex').slice(0, DIGEST);
  return `${name.slice(0, LONGEST - DIGEST - 1).replace(/-$/, '')}-${digest}`;
}
