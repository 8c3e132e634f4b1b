import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { noSecondHost, type SecondHost, secondHost } from '../../../test/hosts/second-host.ts';
import { freePorts, portAt } from '../../../test/runtimes/temporary.ts';
import { problemOf } from '../../evidence/problem.ts';
import { seconds } from '../../evidence/units.ts';

describe.skipIf(noSecondHost !== undefined)('the line to a host', { timeout: 180_000 }, () => {
  let second: SecondHost;
  beforeAll(async () => {
    second = await secondHost();
  });
  afterAll(() => second.close());

  /** Writes one line a start into a file, and prints while it works. */
  const work = (file: string, length: number) => ({
    argv: [
      'sh',
      '-c',
      `echo start >>${file}; i=0; while [ $i -lt ${length} ]; do i=$((i+1)); echo "line $i"; sleep 1; done; echo end >>${file}; exit 7`,
    ] as const,
    timeLimit: seconds(120),
  });

  it('may be cut in the middle of a command: it runs on, once, and every line of it arrives once', async () => {
    const told: string[] = [];
    const [late, gone]: [string[], string[]] = [[], []];
    const host = await second.connect();
    const silence = host.onNotice((notice) => told.push(notice));
    host.onNotice((notice) => gone.push(notice))();
    const port = portAt(await freePorts(1), 0);
    const web = second.inside(['python3', '-m', 'http.server', '--bind', '127.0.0.1', String(port)]);
    const near = await host.reach({ host: '127.0.0.1', port });
    const starts = join(second.root, 'starts');
    const lines: string[] = [];
    const end = host.run({ ...work(starts, 30), onLine: (line) => lines.push(line) });
    await expect.poll(() => lines.length, { timeout: 30_000 }).toBeGreaterThan(1);
    await second.cut();
    // What is asked meanwhile waits.
    const asked = host.exists(starts);
    await expect
      .poll(() => told, { timeout: 40_000 })
      .toEqual(['the line to second dropped; trying again (for 2 min)']);
    host.onNotice((notice) => late.push(notice));
    await second.mend();
    expect(await asked).toBe(true);
    expect(await end).toMatchObject({ kind: 'exited', code: 7 });
    expect(lines).toEqual(Array.from({ length: 30 }, (_, index) => `line ${index + 1}`));
    expect(await readFile(starts, 'utf8')).toBe('start\nend\n');
    expect(told.slice(1)).toEqual([expect.stringMatching(/^the line to second is back after \d+ s$/)]);
    // Whoever begins to wait meanwhile is told as well; who waits no more is not.
    expect(late).toEqual(told);
    expect(gone).toEqual([]);
    silence();
    // Tunnels are back, under the same number.
    expect((await fetch(`http://${near.host}:${near.port}/`)).status).toBe(200);
    web.kill();
    await host.close();
  });

  it('ends what waits when it does not come back: lost, with what to do, and the command runs on', async () => {
    const host = await second.connect({ patience: 2_000 });
    const starts = join(second.root, 'lost');
    const lines: string[] = [];
    const end = host.run({ ...work(starts, 40), onLine: (line) => lines.push(line) });
    await expect.poll(() => lines.length, { timeout: 30_000 }).toBeGreaterThan(0);
    await second.cut();
    const asked = host.exists(starts).then(() => undefined, problemOf);
    expect(await end).toMatchObject({ kind: 'lost', reason: expect.stringContaining('did not come back within 2 s') });
    expect(await asked).toMatchObject({
      kind: 'host',
      where: 'second',
      next: expect.stringContaining('retry the step'),
    });
    await second.mend();
    // The next call finds the line again without being told to.
    await expect.poll(() => host.exists(starts).catch(() => false), { timeout: 30_000 }).toBe(true);
    await expect.poll(() => readFile(starts, 'utf8'), { timeout: 60_000 }).toBe('start\nend\n');
    await host.close();
  });

  it('may lose the agent: what it ran is lost, and the next call starts another one', async () => {
    const host = await second.connect();
    const lines: string[] = [];
    const end = host.run({ ...work(join(second.root, 'killed'), 60), onLine: (line) => lines.push(line) });
    await expect.poll(() => lines.length, { timeout: 30_000 }).toBeGreaterThan(0);
    const before = second.agents();
    for (const pid of before) process.kill(pid, 'SIGKILL');
    expect(await end).toMatchObject({ kind: 'lost', reason: expect.stringContaining('the agent there ended') });
    expect(await host.exists(second.root)).toBe(true);
    expect(second.agents()).toHaveLength(1);
    expect(second.agents()).not.toEqual(before);
    await host.close();
  });
});
