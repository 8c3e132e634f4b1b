import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loginFor } from './registry-login.ts';

describe('the login for a registry', () => {
  let folder: string;
  const path = process.env.PATH;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'hp-'));
    await writeFile(
      join(folder, 'docker-credential-test'),
      '#!/bin/sh\nread -r registry\necho "{\\"Username\\":\\"u\\",\\"Secret\\":\\"for $registry\\"}"\n',
      { mode: 0o755 },
    );
    process.env.PATH = `${folder}${delimiter}${path}`;
  });
  afterAll(async () => {
    process.env.PATH = path;
    await rm(folder, { recursive: true });
  });
  const login = async (config: unknown, reference: string) => {
    await writeFile(join(folder, 'config.json'), JSON.stringify(config));
    return loginFor(reference, folder);
  };
  const auth = Buffer.from('user:pass:word').toString('base64');

  it('is what docker login left for that registry, and for no other', async () => {
    const config = { auths: { 'registry.example:5000': { auth }, 'https://index.docker.io/v1/': { auth } } };
    const found = { username: 'user', password: 'pass:word' };
    expect(await login(config, 'registry.example:5000/team/app:1')).toMatchObject(found);
    expect(await login(config, 'nginx:1.27')).toMatchObject(found);
    expect(await login(config, 'team/app')).toMatchObject(found);
    expect(await login(config, 'other.example/team/app:1')).toBeUndefined();
    expect(await login({}, 'nginx')).toBeUndefined();
  });

  it('is what the helper says, which is asked on its input', async () => {
    const config = { auths: { 'one.example': {} }, credsStore: 'test', credHelpers: { 'two.example': 'absent' } };
    expect(await login(config, 'one.example/app')).toEqual({
      username: 'u',
      password: 'for one.example',
      serveraddress: 'one.example',
    });
    expect(await login(config, 'two.example/app')).toBeUndefined();
  });
});
