import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withValues } from './service-units.ts';

const run = promisify(execFile);
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hp-values-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** As many secrets, each with a value of its own, as an app may want in its environment. */
async function handedOver(count: number) {
  const names = Array.from({ length: count }, (_, i) => `SECRET_${i}`);
  await Promise.all(names.map((name) => writeFile(join(folder, name), `value of ${name}: "$HOME" 'x'\n`)));
  return names.map((variable) => ({ variable, as: 'value' as const, file: join(folder, variable) }));
}

describe('values that an app wants in its environment', () => {
  it.each([1, 9, 10, 25])('come out of their files, %i of them, and the command has its own words', async (count) => {
    const print = 'console.log(JSON.stringify({ env: process.env, words: process.argv.slice(1) }))';
    const command = withValues(await handedOver(count), [process.execPath, '-e', print, 'two words', '$1']);
    const [program = '', ...words] = command;
    const { env, words: seen } = JSON.parse((await run(program, words)).stdout);
    for (let i = 0; i < count; i++) expect(env[`SECRET_${i}`]).toBe(`value of SECRET_${i}: "$HOME" 'x'`);
    expect(seen).toEqual(['two words', '$1']);
    expect(command.join(' ')).not.toContain('value of');
  });

  it('does not run the command where one of them cannot be read', async () => {
    const given = [{ variable: 'A', as: 'value' as const, file: join(folder, 'not-there') }];
    const [program = '', ...words] = withValues(given, ['echo', 'ran']);
    await expect(run(program, words)).rejects.toMatchObject({ stdout: '' });
  });

  it('leaves a command alone that takes files', () => {
    expect(withValues([{ variable: 'A_FILE', as: 'file', file: '/a' }], ['echo'])).toEqual(['echo']);
  });
});
