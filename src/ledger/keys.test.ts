import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeVerifierKey } from '../evidence/note.ts';
import { fingerprint, ledgerKey, PRIVATE_KEY_FILE, PUBLIC_KEY_FILE, readVerifierKey } from './keys.ts';

let directory: string;
beforeEach(() => {
  directory = join(mkdtempSync(join(tmpdir(), 'holdpoint-keys-')), 'keys');
});
afterEach(() => rmSync(join(directory, '..'), { recursive: true, force: true }));

describe("the ledger's key", () => {
  it('is made once, named after its host, readable by its owner alone', async () => {
    const made = await ledgerKey(directory, 'Build Host+1');
    expect(made.verifier.name).toMatch(/^holdpoint\/build-host-1\/[0-9a-f]{8}$/);
    expect(statSync(join(directory, PRIVATE_KEY_FILE)).mode & 0o777).toBe(0o600);
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    const again = await ledgerKey(directory, 'elsewhere');
    expect(again.verifier).toEqual(made.verifier);
    expect(readFileSync(join(directory, PUBLIC_KEY_FILE), 'utf8')).toBe(`${encodeVerifierKey(made.verifier)}\n`);
  });

  it('is the same for all that make it at once', async () => {
    const made = await Promise.all(Array.from({ length: 10 }, () => ledgerKey(directory)));
    expect(new Set(made.map((key) => key.verifier.name)).size).toBe(1);
  });

  it('is refused when others may read it, and when it is damaged', async () => {
    await ledgerKey(directory);
    const path = join(directory, PRIVATE_KEY_FILE);
    chmodSync(path, 0o640);
    await expect(ledgerKey(directory)).rejects.toMatchObject({ problem: { kind: 'host', where: path } });
    chmodSync(path, 0o600);
    writeFileSync(path, readFileSync(path, 'utf8').slice(0, -8));
    await expect(ledgerKey(directory)).rejects.toMatchObject({ problem: { kind: 'host' } });
  });

  it('has a fingerprint that ssh users know the form of', async () => {
    const { verifier } = await ledgerKey(directory);
    expect(fingerprint(verifier)).toMatch(/^SHA256:[A-Za-z0-9+/]{43}$/);
  });

  it('is read as a line or from a file, and anything else is bad input', async () => {
    const { verifier } = await ledgerKey(directory);
    const line = encodeVerifierKey(verifier);
    expect((await readVerifierKey(`${line}\n`)).id).toBe(verifier.id);
    expect((await readVerifierKey(join(directory, PUBLIC_KEY_FILE))).id).toBe(verifier.id);
    for (const bad of ['', '/nowhere', directory, join(directory, PRIVATE_KEY_FILE)])
      await expect(readVerifierKey(bad)).rejects.toMatchObject({ problem: { kind: 'input' } });
  });
});
