import { createHash, randomBytes } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { SignerKey, VerifierKey } from '../evidence/note.ts';
import { encodeSignerKey, encodeVerifierKey, parseSignerKey, parseVerifierKey, signerKey } from '../evidence/note.ts';
import { fail } from '../evidence/problem.ts';
import { readIfThere, writeDurably, writeOnce } from './durable-file.ts';

/** Private: one line, mode 0600. Losing it means that this ledger cannot grow any more. */
export const PRIVATE_KEY_FILE = 'ledger.key';
/** Public: the vkey line that `ledger verify --key` takes. */
export const PUBLIC_KEY_FILE = 'ledger.pub';

/**
 * The ledger's Ed25519 key, made when there is none. Name and key are one file, so that they come into being together;
 * of two processes that make one at the same moment, both go on with the same.
 *
 * @param directory STATE/keys
 * @throws ProblemError where the file is damaged or open to others
 */
export async function ledgerKey(directory: string, host: string = hostname()): Promise<SignerKey> {
  const path = join(directory, PRIVATE_KEY_FILE);
  let content = await readIfThere(path);
  if (content === undefined) {
    const made = signerKey(originOf(host), randomBytes(32));
    await writeOnce(path, `${encodeSignerKey(made)}\n`, 0o600);
    content = await readIfThere(path);
  }
  await refuseIfOpen(path);
  const read = parseSignerKey(content?.toString('utf8').trim() ?? '');
  if (read.kind === 'unreadable')
    return fail({
      kind: 'host',
      what: `the ledger's private key cannot be read: ${read.because}`,
      where: path,
      next: 'put the file back from a backup; without it the ledger can be verified but not continued',
    });
  const vkey = `${encodeVerifierKey(read.value.verifier)}\n`;
  const published = join(directory, PUBLIC_KEY_FILE);
  if ((await readIfThere(published))?.toString() !== vkey) await writeDurably(published, vkey, 0o644);
  return read.value;
}

/** `holdpoint/HOST/RANDOM`: the ledger's origin and its key's name. */
function originOf(host: string): string {
  const plain = host.toLowerCase().replace(/[^a-z0-9.-]+/g, '-');
  return `holdpoint/${plain || 'host'}/${randomBytes(4).toString('hex')}`;
}

async function refuseIfOpen(path: string): Promise<void> {
  const { mode } = await stat(path);
  if ((mode & 0o077) === 0) return;
  fail({
    kind: 'host',
    what: `the ledger's private key is open to other users (mode ${(mode & 0o777).toString(8)})`,
    where: path,
    next: `chmod 600 ${path}, and consider who may have read it`,
  });
}

/**
 * A public key as a person gives it: the vkey line itself, or the path of a file that holds it.
 *
 * @throws ProblemError where it is neither
 */
export async function readVerifierKey(given: string): Promise<VerifierKey> {
  const direct = parseVerifierKey(given.trim());
  if (direct.kind === 'read') return direct.value;
  const content = await readIfThere(given).catch(() => undefined);
  const read = content === undefined ? direct : parseVerifierKey(content.toString('utf8').trim());
  if (read.kind === 'read') return read.value;
  return fail({
    kind: 'input',
    what: `this is no public key of a ledger: ${read.because}`,
    where: given,
    next: `give the line from ${PUBLIC_KEY_FILE} (NAME+ID+KEY), or the path of a file that holds it`,
  });
}

/** What two people read to each other to see that they have the same key: SHA-256 over its 32 bytes. */
export const fingerprint = (key: VerifierKey): string =>
  `SHA256:${createHash('sha256').update(key.raw).digest('base64').replace(/=+$/, '')}`;
