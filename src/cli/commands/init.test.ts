import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const main = fileURLToPath(new URL('../main.ts', import.meta.url));
let root = '';

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'holdpoint-init-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

function holdpoint(...args: string[]) {
  const environment = { PATH: process.env.PATH, HOLDPOINT_STATE: join(root, 'state'), LANG: 'C.UTF-8' };
  const ran = spawnSync(process.execPath, ['--import', import.meta.resolve('tsx'), main, ...args], {
    cwd: root,
    env: environment,
    encoding: 'utf8',
    input: '',
  });
  return { status: ran.status, out: ran.stdout, said: ran.stderr };
}

function folder(name: string, files: Readonly<Record<string, string>>): string {
  const path = join(root, name);
  mkdirSync(path);
  for (const [file, text] of Object.entries(files)) writeFileSync(join(path, file), text);
  return path;
}

describe('holdpoint init', () => {
  it('writes what it found, says where each value is from, and names the next command', () => {
    const app = folder('shop', {
      'package.json': '{"name":"shop","scripts":{"start":"node a.js"},"dependencies":{"express":"4"}}',
    });
    const { status, out } = holdpoint('init', '--app', app);
    expect(status).toBe(0);
    expect(out).toContain(`${join(app, 'holdpoint.yaml')} is written.`);
    expect(out).toMatch(/services\.web\.command +node a\.js +package\.json: scripts\.start/);
    expect(out).toContain(`--app ${app} plan\``);
    expect(readFileSync(join(app, 'holdpoint.yaml'), 'utf8')).toContain(
      'command: node a.js # from package.json: scripts.start',
    );
  });

  it('leaves a holdpoint.yaml that is there as it is, but for --force, which keeps it aside', () => {
    const app = folder('mine', { 'holdpoint.yaml': 'mine\n', 'index.html': '<title>x</title>' });
    const refused = holdpoint('init', '--yes', '--app', app);
    expect(refused).toMatchObject({ status: 2, out: '' });
    expect(refused.said).toContain('there is a holdpoint.yaml already');
    expect(readFileSync(join(app, 'holdpoint.yaml'), 'utf8')).toBe('mine\n');
    expect(holdpoint('init', '--yes', '--force', '--app', app).out).toContain('holdpoint.yaml.before-1');
    expect(readFileSync(join(app, 'holdpoint.yaml.before-1'), 'utf8')).toBe('mine\n');
  });

  it('leaves blanks, which plan names with their lines', () => {
    const app = folder('empty', { 'README.md': '' });
    const { out } = holdpoint('init', '--yes', '--app', app);
    const line = /line (\d+) +services\.web\.command/.exec(out)?.[1];
    const planned = holdpoint('plan', '--app', app);
    expect(planned.status).toBe(2);
    expect(planned.said).toContain(
      `holdpoint.yaml:${line}:14  services.web.command: found a blank that \`holdpoint init\` left`,
    );
  });

  it('lists what a Compose file says and Holdpoint does not do', () => {
    const app = folder('composed', {
      'compose.yaml': 'services:\n  web: { image: shop, ports: ["80:80"], user: root }\n',
    });
    expect(holdpoint('init', '--yes', '--app', app).out).toContain('compose.yaml:2  services.web.user: ');
  });

  it('says everything to a program, too', () => {
    const app = folder('json', { 'notes.py': 'HTTPServer(x)\nif __name__ == "__main__": ...' });
    expect(JSON.parse(holdpoint('init', '--json', '--app', app).out)).toMatchObject({
      kind: 'init',
      file: join(app, 'holdpoint.yaml'),
      former: null,
      blanks: [],
    });
  });

  it('writes nothing where there is no folder', () => {
    const nowhere = join(root, 'nowhere');
    const { status, said } = holdpoint('init', '--app', nowhere);
    expect({ status, said: said.includes('there is no such folder') }).toEqual({ status: 2, said: true });
    expect(existsSync(nowhere)).toBe(false);
  });
});
