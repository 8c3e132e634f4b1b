import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { noSecondHost, type SecondHost, secondHost } from '../../../test/hosts/second-host.ts';
import { freePorts, portAt } from '../../../test/runtimes/temporary.ts';
import { milliseconds, seconds } from '../../evidence/units.ts';
import { findAccount } from '../accounts.ts';
import { runGuarded } from '../install-guard.ts';
import { installPackages, missingPackages } from '../packages.ts';
import { ensureUsers } from '../users.ts';
import type { SshHost } from './host.ts';

describe.skipIf(noSecondHost !== undefined)('a host over ssh', { timeout: 60_000 }, () => {
  let second: SecondHost;
  let host: SshHost;
  beforeAll(async () => {
    second = await secondHost();
    host = await second.connect();
  });
  afterAll(() => second.close());

  const shell = (script: string, limit = seconds(20)) => ({ argv: ['sh', '-c', script] as const, timeLimit: limit });

  it('runs a command there, with input, exit code, both outputs, and the lines as they come', async () => {
    const lines: string[] = [];
    const end = await host.run({
      ...shell('read x; echo "got $x"; echo two >&2; ls /sys/class/net; exit 3'),
      input: 'word\n',
      onLine: (line) => lines.push(line),
    });
    expect(end).toMatchObject({ kind: 'exited', code: 3, stderr: 'two\n' });
    expect(end.kind === 'exited' && end.stdout).toMatch(/^got word\n/);
    expect(lines).toContain('two');
    const inside = await host.run({ argv: ['ip', '-o', 'address'], timeLimit: seconds(10) });
    expect(inside.kind === 'exited' && inside.stdout).not.toContain('docker0');
  });

  it('was sent its agent once: the second connection sends nothing and finds the same one', async () => {
    expect(host.sent).toEqual([expect.stringMatching(/^agent-[0-9a-f]{12}\.mjs$/)]);
    const before = second.agents();
    const again = await second.connect();
    expect(again.sent).toEqual([]);
    expect(second.agents()).toEqual(before);
    expect(before).toHaveLength(1);
    await again.close();
    // The line is shared, and ends with its last user.
    expect(await host.run(shell('echo still'))).toMatchObject({ stdout: 'still\n' });
  });

  it('sends its agent again where another version took it away while it did not run', async () => {
    const [name = ''] = host.sent;
    await rm(join(second.root, 'agent', name));
    for (const pid of second.agents()) process.kill(pid, 'SIGKILL');
    expect(await host.exists(join(second.root, 'agent', name))).toBe(true);
    expect(second.agents()).toHaveLength(1);
  });

  it('ends a command with all its children when the time is up, or when it is cancelled', async () => {
    const marker = `sleep 61.${process.pid}`;
    const running = () =>
      execFileSync('sh', ['-c', `ps -eo args | grep -cx '${marker}' || :`], { encoding: 'utf8' }).trim();
    expect(await host.run(shell(`${marker} & echo begun; wait`, milliseconds(400)))).toMatchObject({
      kind: 'timed-out',
      stdout: 'begun\n',
    });
    const controller = new AbortController();
    const lines: string[] = [];
    const end = host.run({ ...shell(`${marker} & echo begun; wait`), onLine: (l) => lines.push(l) }, controller.signal);
    await expect.poll(() => lines, { timeout: 30_000 }).toEqual(['begun']);
    controller.abort();
    expect(await end).toMatchObject({ kind: 'cancelled' });
    expect(running()).toBe('0');
  });

  it('says why a command did not start', async () => {
    expect(await host.run({ argv: ['no-such-program'], timeLimit: seconds(5) })).toMatchObject({
      kind: 'not-started',
      reason: expect.stringContaining('ENOENT'),
    });
  });

  it('places files with mode and owner, and reads them; what is there already is not sent again', async () => {
    const path = join(second.root, 'files/deep/file');
    const content = Buffer.alloc(300_000, 'secret ');
    const owner = findAccount('nobody') === undefined ? {} : { owner: 'nobody' };
    await host.place([{ path, content, mode: 0o600, ...owner }]);
    expect(Buffer.from((await host.read(path)) ?? '').equals(content)).toBe(true);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const before = sentBytes(second);
    await host.place([{ path, content, mode: 0o640, ...owner }]);
    expect((await stat(path)).mode & 0o777).toBe(0o640);
    expect(sentBytes(second) - before).toBeLessThan(content.length / 4);
    expect(readdirSync(join(second.root, 'files/deep'))).toEqual(['file']);
    await host.folder(join(second.root, 'files/own'), { mode: 0o711 });
    expect((await stat(join(second.root, 'files/own'))).mode & 0o777).toBe(0o711);
    expect(await host.exists(path)).toBe(true);
    await host.remove(join(second.root, 'files'));
    expect(await host.exists(path)).toBe(false);
    expect(await host.read(path)).toBeUndefined();
  });

  it("gives the other side's Problems as its own", async () => {
    const path = join(second.root, 'plain');
    await host.place([{ path, content: '', mode: 0o600 }]);
    await expect(host.place([{ path: join(path, 'below'), content: '', mode: 0o600 }])).rejects.toMatchObject({
      problem: { kind: 'host', what: 'a part of the path is a file' },
    });
  });

  it('sends a folder once, whole', async () => {
    const folder = join(second.folder, 'tree');
    await mkdir(join(folder, 'bin'), { recursive: true });
    await writeFile(join(folder, 'bin/run'), '#!/bin/sh\n', { mode: 0o755 });
    const remote = join(second.root, 'trees/abc');
    expect(await host.sendFolder(folder, remote)).toBe('sent');
    expect((await stat(join(remote, 'bin/run'))).mode & 0o777).toBe(0o755);
    expect(await host.sendFolder(folder, remote)).toBe('was there');
    expect(readdirSync(join(second.root, 'trees'))).toEqual(['abc']);
  });

  it('sees the ports of the other side, and reaches them by the same number where it is free here', async () => {
    const port = portAt(await freePorts(1), 0);
    const there = second.inside(['python3', '-m', 'http.server', '--bind', '127.0.0.1', String(port)]);
    try {
      await expect.poll(async () => (await host.portState(port)).kind, { timeout: 30_000 }).toBe('taken');
      const near = await host.reach({ host: '127.0.0.1', port });
      expect(near).toEqual({ host: '127.0.0.1', port });
      expect((await fetch(`http://${near.host}:${near.port}/`)).status).toBe(200);
      expect(await host.reach({ host: '127.0.0.1', port })).toEqual(near);
    } finally {
      there.kill();
    }
    const taken = createServer((_, response) => response.end('here'));
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const address = taken.address();
    const here = typeof address === 'object' && address !== null ? address.port : 0;
    expect((await host.reach({ host: '127.0.0.1', port: here })).port).not.toBe(here);
    await new Promise((resolve) => taken.close(resolve));
  });

  it('leads to a socket of the other side', async () => {
    const script = `require('http').createServer((q, s) => s.end('there')).listen('${second.root}/some.sock')`;
    const there = second.inside([process.execPath, '-e', script]);
    try {
      await expect.poll(() => host.exists(`${second.root}/some.sock`), { timeout: 30_000 }).toBe(true);
      const near = await host.forwardSocket(`${second.root}/some.sock`);
      const answer = execFileSync('curl', ['-sS', '--unix-socket', near, 'http://x/'], { encoding: 'utf8' });
      expect(answer).toBe('there');
    } finally {
      there.kill();
    }
  });

  it('tells what the host has', async () => {
    expect(await host.account()).toMatchObject({ name: 'root', uid: 0 });
    expect(await host.account('no-such-user')).toBeUndefined();
    expect((await host.programs(['sh', 'no-such-program'])).get('sh')).toMatch(/\/sh$/);
    expect(await host.freeBytes(second.root)).toBeGreaterThan(1_000_000);
  });

  it('is prepared by the same code as this machine, and not changed a second time', async () => {
    expect(await missingPackages(host, [{ package: 'coreutils', program: 'ls' }])).toEqual([]);
    expect(await installPackages(host, [])).toEqual([]);
    const at = (name: string) => join(second.root, name);
    const paths = { policy: at('policy-rc.d'), cluster: at('cluster/none.conf'), lock: at('lock') };
    const lines: string[] = [];
    const command = ['sh', '-c', `sh ${paths.policy}; echo "policy says $?"; exit 7`];
    const onLine = (line: string) => lines.push(line);
    const end = await runGuarded(host, command, { log: at('log'), timeLimitMs: 10_000, paths, onLine });
    expect(end).toMatchObject({ kind: 'exited', code: 7 });
    expect(lines).toEqual(['policy says 101']);
    expect(await host.exists(paths.policy)).toBe(false);
    expect(await ensureUsers(host, ['root'])).toEqual([]);
  });

  it('shows nothing secret among the words of any process', async () => {
    const canary = `canary-${process.pid}-${Date.now()}`;
    const end = host.run({ ...shell('sleep 1'), environment: { TOKEN: canary }, input: canary });
    await sleep(400);
    const words = execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' });
    expect(words).not.toContain(canary);
    await end;
    expect(await readFile(join(second.root, 'agent/log'), 'utf8')).toBe('');
  });
});

/** What the line has carried towards the second host. */
function sentBytes({ namespace }: SecondHost): number {
  const text = execFileSync('ip', ['-n', namespace, '-s', '-j', 'link'], { encoding: 'utf8' });
  const links: readonly { ifname: string; stats64: { rx: { bytes: number } } }[] = JSON.parse(text);
  return links.find(({ ifname }) => ifname !== 'lo')?.stats64.rx.bytes ?? 0;
}
