import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const main = fileURLToPath(new URL('./main.ts', import.meta.url));
const tsx = import.meta.resolve('tsx');
let folder = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdpoint-cli-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function holdpoint(...args: string[]) {
  const environment = { PATH: process.env.PATH, HOLDPOINT_STATE: join(folder, 'state'), LANG: 'C.UTF-8' };
  const ran = spawnSync(process.execPath, ['--import', tsx, main, ...args], {
    cwd: folder,
    env: environment,
    encoding: 'utf8',
    input: '',
  });
  return { status: ran.status, out: ran.stdout, said: ran.stderr };
}

describe('holdpoint', () => {
  it('prints its help, with an example, for nothing and for --help', () => {
    for (const args of [[], ['--help']]) {
      const { status, out, said } = holdpoint(...args);
      expect(status).toBe(0);
      expect(out).toContain('holdpoint launch --window 2m');
      expect(said).toBe('');
    }
  });

  it.each([
    [['lanch'], "unknown command 'lanch'", 'did you mean launch?'],
    [['waive', 'A.1/a', '--resn', 'x'], "unknown option '--resn'", 'did you mean --reason?'],
    [['waive'], "missing required argument 'STEP'", 'holdpoint waive --help'],
    [['waive', 'A.1/a'], '--by is missing', 'give --by'],
    [['waive', 'A.1/a', '--by', 'Ada'], '--reason is missing', 'give --reason'],
    [['plan'], 'there is no holdpoint.yaml here', '--app PATH'],
    [['launch', '--window', 'soon'], '"soon" is no length of time', '2m'],
    [['logs', 'A.1/a', '--attempt', 'two'], '"two" is no number of an attempt', '--attempt 1'],
    [['completion', 'csh'], 'there is no completion for "csh"', 'bash, zsh, fish'],
  ])('answers %j with what is wrong and what to do, and status 2', (args, what, next) => {
    const { status, out, said } = holdpoint(...args);
    expect(said).toContain(what);
    expect(said).toContain(next);
    expect(said).not.toMatch(/^\s+at /m);
    expect({ status, out }).toEqual({ status: 2, out: '' });
  });

  it('gives a problem as JSON to a program', () => {
    const { status, out, said } = holdpoint('plan', '--json');
    expect(JSON.parse(out)).toMatchObject({ kind: 'problem', problem: { kind: 'input' } });
    expect({ status, said }).toEqual({ status: 2, said: '' });
  });

  it('shows everything that is wrong with holdpoint.yaml at once', () => {
    writeFileSync(join(folder, 'holdpoint.yaml'), 'name: shop\nservces: {}\nwindow: soon\n');
    const { status, said } = holdpoint('plan');
    rmSync(join(folder, 'holdpoint.yaml'));
    expect(status).toBe(2);
    expect(said).toContain('did you mean "services"?');
    expect(said).toContain('window: found "soon"');
  });

  it('shows a stack trace only when asked for one', () => {
    const ran = spawnSync(process.execPath, ['--import', tsx, main, 'plan'], {
      cwd: folder,
      env: { PATH: process.env.PATH, HOLDPOINT_DEBUG: '1' },
      encoding: 'utf8',
    });
    expect(ran.stderr).toMatch(/^\s+at /m);
  });

  it('prints a JSON Schema', () => {
    expect(JSON.parse(holdpoint('schema').out)).toMatchObject({ title: 'holdpoint.yaml' });
  });
});

describe('completion in bash', () => {
  const complete = (...words: string[]) => {
    const script = `source <(cat); COMP_WORDS=(${words.map((w) => `'${w}'`).join(' ')}); COMP_CWORD=${words.length - 1}; _holdpoint; echo "\${COMPREPLY[*]}"`;
    const { out } = holdpoint('completion', 'bash');
    return spawnSync('bash', ['-c', script], { input: out, encoding: 'utf8' }).stdout.trim();
  };

  it('knows commands, options and shells', () => {
    expect(complete('holdpoint', 'la')).toBe('launch');
    expect(complete('holdpoint', 'waive', '--r')).toBe('--reason');
    expect(complete('holdpoint', 'completion', 'f')).toBe('fish');
  });
});
