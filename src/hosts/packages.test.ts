import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { problemOf } from '../evidence/problem.ts';
import { isRoot } from './accounts.ts';
import type { GuardPaths } from './install-guard.ts';
import { recoverInstallGuard, runGuarded } from './install-guard.ts';
import { localHost } from './local.ts';
import { installPackages, missingPackages } from './packages.ts';
import { findProgram } from './programs.ts';

const host = localHost();
let folder: string;
let paths: GuardPaths;
let log: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdpoint-guard-'));
  paths = { policy: join(folder, 'policy-rc.d'), cluster: join(folder, 'pg/cluster.conf'), lock: join(folder, 'lock') };
  log = join(folder, 'log');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const present = (path: string) =>
  stat(path).then(
    () => true,
    () => false,
  );

describe('what is in place while packages are installed', () => {
  it('forbids the start of servers during the command and is gone after it', async () => {
    const during = `sh ${paths.policy} caddy start; echo "policy says $?"; cat ${paths.cluster}`;
    const lines: string[] = [];
    const end = await runGuarded(host, ['sh', '-c', `${during}; exit 7`], {
      log,
      timeLimitMs: 10_000,
      paths,
      onLine: (line) => lines.push(line),
    });
    expect(end).toMatchObject({ kind: 'exited', code: 7 });
    expect(lines).toContain('policy says 101');
    const output = await readFile(log, 'utf8');
    expect(output).toContain('policy says 101');
    expect(output).toContain('create_main_cluster = false');
    expect(await present(paths.policy)).toBe(false);
    expect(await present(paths.cluster)).toBe(false);
  });

  it("gives somebody else's policy back", async () => {
    await writeFile(paths.policy, '#!/bin/sh\nexit 0\n', { mode: 0o755 });
    await runGuarded(host, ['sh', '-c', `sh ${paths.policy}; echo "policy says $?"`], {
      log,
      timeLimitMs: 10_000,
      paths,
    });
    expect(await readFile(log, 'utf8')).toContain('policy says 101');
    expect(await readFile(paths.policy, 'utf8')).toBe('#!/bin/sh\nexit 0\n');
  });

  it('is found by its content and removed after everything was killed, and not while the command still runs', async () => {
    await writeFile(paths.policy, 'theirs', { mode: 0o755 });
    // Started by hand, so that the guard can be killed and its command lives on, as apt would.
    const running = runGuarded(host, ['sh', '-c', `echo $$ >${folder}/pid; kill -9 $PPID; sleep 0.7`], {
      log,
      timeLimitMs: 10_000,
      paths,
    });
    expect(await running).toMatchObject({ kind: 'exited', code: 137 });
    expect(await recoverInstallGuard(host, paths)).toMatchObject({ kind: 'exited', code: 75 });
    expect(await readFile(paths.policy, 'utf8')).toContain('exit 101');

    const waiter = spawn('sh', ['-c', `flock ${paths.lock} true`]);
    await once(waiter, 'exit');
    expect(await recoverInstallGuard(host, paths)).toMatchObject({ kind: 'exited', code: 0 });
    expect(await readFile(paths.policy, 'utf8')).toBe('theirs');
    expect(await present(paths.cluster)).toBe(false);
  });

  it('leaves a policy alone that is not ours', async () => {
    await writeFile(paths.policy, 'theirs');
    await recoverInstallGuard(host, paths);
    expect(await readFile(paths.policy, 'utf8')).toBe('theirs');
  });
});

describe('missing packages', () => {
  it('names what is neither installed nor there as a program', async () => {
    expect(
      await missingPackages(host, [
        { package: 'coreutils', program: 'ls' },
        { package: 'no-such-package-of-debian', program: 'no-such-program' },
        { package: 'built-by-hand', program: 'sh' },
      ]),
    ).toEqual(['no-such-package-of-debian']);
  });
});

const ABSENT = 'holdpoint-no-such-package';
const POLICY = '/usr/sbin/policy-rc.d';

describe('a package that cannot be installed', { timeout: 180_000 }, () => {
  it('is told with what apt said and the command to try by hand, and servers may start again', async (context) => {
    if (!isRoot() || findProgram('apt-get') === undefined) context.skip('only root installs packages, and only by apt');
    const before = await present(POLICY);
    const problem = await installPackages(host, [ABSENT]).then(() => undefined, problemOf);
    expect(problem).toMatchObject({
      kind: 'host',
      what: 'apt-get could not install the packages',
      where: expect.stringContaining(`apt-get install -y --no-install-recommends ${ABSENT}`),
      detail: expect.arrayContaining([`E: Unable to locate package ${ABSENT}`]),
      next: expect.stringContaining('must succeed by hand'),
    });
    expect(await present(POLICY)).toBe(before);
  });

  it('is told with the command for root where Holdpoint is not root', async () => {
    // Loaded as root and called as nobody, who may not enter the folder of the sources everywhere.
    const script = `
      const { installPackages } = await import(${JSON.stringify(new URL('./packages.ts', import.meta.url).href)});
      const { localHost } = await import(${JSON.stringify(new URL('./local.ts', import.meta.url).href)});
      const host = localHost();
      if (process.getuid() === 0) { process.setgid(65534); process.setuid(65534); }
      await installPackages(host, ['${ABSENT}']).catch((error) => console.log(JSON.stringify(error.problem)));`;
    const node = ['--import', import.meta.resolve('tsx'), '--input-type=module', '-e', script];
    const { stdout } = await promisify(execFile)(process.execPath, node);
    expect(JSON.parse(stdout)).toMatchObject({
      kind: 'host',
      what: `installing packages needs root: ${ABSENT}`,
      next: `sudo apt-get install -y --no-install-recommends ${ABSENT}`,
    });
  });
});
