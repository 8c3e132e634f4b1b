import { describe, expect, it } from 'vitest';
import { invocation, shellWord } from './invocation.ts';

describe('the commands that a person is told to type', () => {
  it('begin with holdpoint where it is on the path', () => {
    expect(invocation({}, '/usr/local/bin/holdpoint', { PATH: '/bin:/usr/local/bin' })).toBe('holdpoint');
  });
  it('begin with the whole path where it is not', () => {
    expect(invocation({}, '/opt/hold point/holdpoint', { PATH: '/bin' })).toBe("'/opt/hold point/holdpoint'");
  });
  it('go through npm where npm was used', () => {
    expect(invocation({}, '/x/dist/cli/main.js', { npm_command: 'run-script', npm_lifecycle_event: 'launch' })).toBe(
      'npm run holdpoint --',
    );
    expect(invocation({}, '/x/node_modules/.bin/holdpoint', { npm_command: 'exec' })).toBe('npx holdpoint');
  });
  it('begin with node in a checkout', () => {
    expect(invocation({}, `${process.cwd()}/dist/cli/main.js`, {})).toBe('node dist/cli/main.js');
  });
  it('mean the same app and state', () => {
    const options = { app: 'my shop', state: '/var/lib/x', json: true };
    expect(invocation(options, '/bin/holdpoint', { PATH: '/bin' })).toBe(
      "holdpoint --app 'my shop' --state /var/lib/x",
    );
  });
  it('are read back unchanged by a shell', () => {
    expect(shellWord("it's")).toBe(`'it'\\''s'`);
    expect(shellWord('A.1/latency')).toBe('A.1/latency');
  });
});
