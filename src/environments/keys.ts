import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Secret } from '../config/app.ts';
import type { Environment } from './environment.ts';
import { appSecret, keptSecret, ownSecret } from './secrets.ts';

/** Keys whose loss would make data unreadable: each is kept a second time, apart from the environment. */
export type EscrowedKey = { readonly name: string; readonly bits: number; readonly wantedBits: number };

/** Of the keys that encrypt data and backups: AES-256. */
const CIPHER_BITS = 256;

/** Makes every key of the environment and puts a copy of it into escrow. Copies that are there stay as they are. */
export async function ensureEscrowedKeys(environment: Environment): Promise<EscrowedKey[]> {
  const keys: EscrowedKey[] = [];
  for (const { name, value, wantedBits } of await liveKeys(environment)) {
    await keptSecret(environment.escrowFolder, name, () => value);
    // Two hexadecimal digits a byte.
    keys.push({ name, bits: value.length * 4, wantedBits });
  }
  return keys;
}

type LiveKey = { readonly name: string; readonly value: string; readonly wantedBits: number };

async function liveKeys(environment: Environment): Promise<LiveKey[]> {
  const { app } = environment;
  return [
    ...(app.database?.managed.kind === 'by-holdpoint'
      ? [
          {
            name: 'backup-passphrase',
            value: await ownSecret(environment, 'backup-passphrase'),
            wantedBits: CIPHER_BITS,
          },
        ]
      : []),
    { name: 'data-key', value: await ownSecret(environment, 'data-key'), wantedBits: CIPHER_BITS },
    ...(await Promise.all(
      app.secrets.flatMap(({ from, ...rest }) =>
        from.kind === 'generated' ? [ofTheApp(environment, { ...rest, from }, from.bytes)] : [],
      ),
    )),
  ];
}

const ofTheApp = async (environment: Environment, secret: Secret, bytes: number): Promise<LiveKey> => ({
  name: `app-${secret.name}`,
  value: await appSecret(environment, secret),
  wantedBits: bytes * 8,
});

/**
 * Uses each escrowed copy once: a text encrypted with the live key (AES-256-GCM) is decrypted with the copy.
 *
 * @returns names of the copies that could not
 */
export async function escrowThatFails(environment: Environment): Promise<string[]> {
  const failing: string[] = [];
  for (const { name, value } of await liveKeys(environment)) {
    const copy = await readFile(join(environment.escrowFolder, name), 'utf8').catch(() => '');
    if (!opens(value, copy)) failing.push(name);
  }
  return failing;
}

export const escrowedCopy = (environment: Environment, name: string): Promise<string> =>
  readFile(join(environment.escrowFolder, name), 'utf8');

function opens(live: string, copy: string): boolean {
  // Of the whole text, so that a copy whose end alone is damaged opens nothing either; secrets may be longer than a key.
  const key = (text: string) => createHash('sha256').update(text).digest();
  const text = randomBytes(64);
  const iv = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key(live), iv);
  const sealed = Buffer.concat([cipher.update(text), cipher.final()]);
  try {
    const decipher = createDecipheriv('aes-256-gcm', key(copy), iv).setAuthTag(cipher.getAuthTag());
    return Buffer.concat([decipher.update(sealed), decipher.final()]).equals(text);
  } catch {
    // GCM refuses a text that was sealed with another key: the copy is not the key.
    return false;
  }
}
