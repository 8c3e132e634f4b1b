import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SecretReference } from '../config/app.ts';
import { keptSecret, ownSecret, randomKey, resolveReference } from './secrets.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hp-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const modeOf = async (path: string) => (await stat(path)).mode & 0o777;

describe('a secret that Holdpoint makes', () => {
  it('is made once, and read by everybody after', async () => {
    const first = await keptSecret(folder, 'key', randomKey);
    expect(first).toMatch(/^[0-9a-f]{64}$/);
    expect(await keptSecret(folder, 'key', () => 'another')).toBe(first);
    expect(await readdir(folder)).toEqual(['key']);
  });

  it('can be read by nobody else, whatever the umask is', async () => {
    const umask = process.umask(0);
    try {
      await ownSecret({ folder }, 'data-key');
    } finally {
      process.umask(umask);
    }
    expect(await modeOf(join(folder, 'secrets'))).toBe(0o700);
    expect(await modeOf(join(folder, 'secrets', 'data-key'))).toBe(0o600);
  });

  it('is the same for all who ask at once, though each had made one', async () => {
    let made = 0;
    const make = async () => {
      made += 1;
      await new Promise((resolve) => setTimeout(resolve, 5));
      return `made as number ${made} ${randomKey()}`;
    };
    const seen = await Promise.all(Array.from({ length: 20 }, () => keptSecret(folder, 'key', make)));
    expect(made).toBeGreaterThan(1);
    expect(new Set(seen).size).toBe(1);
    expect(await readdir(folder)).toEqual(['key']);
  });

  it('leaves nothing under its name where it could not be made', async () => {
    const failing = keptSecret(folder, 'key', () => Promise.reject(new Error('no entropy')));
    await expect(failing).rejects.toThrow('no entropy');
    expect(await keptSecret(folder, 'key', () => 'made later')).toBe('made later');
    expect(await readdir(folder)).toEqual(['key']);
  });
});

describe('a secret that is referred to', () => {
  const resolved = (from: SecretReference) => resolveReference(from, 'the secret api-key', folder);

  it('comes from a file, without the newline at its end', async () => {
    await writeFile(join(folder, 'key'), 'a secret\n');
    expect(await resolved({ kind: 'file', path: 'key' })).toBe('a secret');
  });

  it('comes from a line of a file of variables', async () => {
    await writeFile(join(folder, '.env'), "# of the team\nexport OTHER=1\nKEY='a # $secret'\nEMPTY=\n");
    expect(await resolved({ kind: 'dotenv', path: '.env', variable: 'KEY' })).toBe('a # $secret');
  });

  it('comes from what a command prints', async () => {
    expect(await resolved({ kind: 'command', command: ['/bin/echo', 'printed'] })).toBe('printed');
  });

  it.each<[string, SecretReference]>([
    ['is empty', { kind: 'file', path: 'empty' }],
    ['cannot be read', { kind: 'file', path: 'absent' }],
    ['cannot be read', { kind: 'dotenv', path: 'absent', variable: 'KEY' }],
    ['is not in its file', { kind: 'dotenv', path: '.env', variable: 'KEYS' }],
    ['is empty', { kind: 'dotenv', path: '.env', variable: 'EMPTY' }],
    ['is not set', { kind: 'env', variable: 'HOLDPOINT_TEST_NOT_SET' }],
    ['was not given by its command', { kind: 'command', command: ['/bin/sh', '-c', 'echo canary; exit 3'] }],
  ])('that %s is a problem without anything of its content', async (reason, from) => {
    await writeFile(join(folder, 'empty'), ' \n');
    await writeFile(join(folder, '.env'), 'KEY_OF_ANOTHER=canary\nEMPTY=\n');
    const seen = await resolved(from).then(
      () => 'resolved',
      (error) => JSON.stringify(error.problem),
    );
    expect(seen).toContain(`the secret api-key ${reason}`);
    expect(seen).not.toContain('canary"');
  });
});
