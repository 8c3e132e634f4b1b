import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { noNamespaces } from '../../../test/namespaces.ts';
import type { OwnCheck } from '../../config/app.ts';
import { judge } from '../../evidence/judge.ts';
import type { Measurement } from '../../evidence/measurement.ts';
import { days, milliseconds, seconds, systemClock } from '../../evidence/units.ts';
import { isRoot } from '../../hosts/accounts.ts';
import { localHost } from '../../hosts/local.ts';
import { sourceTree } from '../../releases/source-tree.ts';
import { carryOut } from './carry-out.ts';

let folder: string;
let app: string;
let server: Server;
let url: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'holdpoint-own-checks-'));
  chmodSync(folder, 0o755);
  writeFileSync(join(folder, 'secret'), 'of root alone', { mode: 0o600 });
  server = createServer((_, response) => response.end('{"waiting":7}'));
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const address = server.address();
  url = typeof address === 'object' && address !== null ? `http://127.0.0.1:${address.port}` : '';
});
afterAll(async () => {
  await new Promise((closed) => server.close(closed));
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => {
  app = mkdtempSync(join(folder, 'app-'));
  file('holdpoint.yaml', 'name: queue\n');
});

function file(path: string, content: string): void {
  mkdirSync(dirname(join(app, path)), { recursive: true });
  // As a careful person's editor leaves them: readable by nobody else.
  writeFileSync(join(app, path), content, { mode: 0o600 });
}

const check = (by: OwnCheck['by'], timeLimit = seconds(20)): OwnCheck => ({
  name: 'depth',
  by,
  timeLimit,
  objective: {
    id: 'depth',
    metric: 'queue.depth',
    comparator: '<',
    threshold: 100,
    unit: 'count',
    gate: 'hold',
    maximumAge: days(1),
    minimumSamples: 1,
    source: 'holdpoint.yaml:4',
  },
});
const command = (...words: [string, ...string[]]): OwnCheck => check({ kind: 'command', command: words });
const module = (path: string, timeLimit?: ReturnType<typeof seconds>): OwnCheck =>
  check({ kind: 'module', path }, timeLimit);

/** Carries a check out as a launch does, and judges what came of it. */
async function carriedOut(
  own: OwnCheck,
  built?: string,
): Promise<{ verdicts: string[]; why: string[]; seen: readonly Measurement[] }> {
  const scratchFolder = join(folder, 'scratch');
  const seen = await carryOut(own, {
    host: localHost(),
    scratchFolder,
    source: await sourceTree(app, []),
    built,
    environment: 'preflight',
    url,
    caFile: undefined,
    clock: systemClock,
    signal: new AbortController().signal,
  });
  // Nothing of a check stays behind.
  expect(readdirSync(scratchFolder)).toEqual([]);
  const judged = seen.map((one) => judge(one, own.objective));
  return { verdicts: judged.map((v) => v.kind), why: judged.map((v) => v.because), seen };
}

describe("a team's own check that is sound", () => {
  it('is evidence with its number, from a command', async () => {
    const { verdicts, seen } = await carriedOut(command('sh', '-c', 'echo counting; echo 41'));
    expect(verdicts).toEqual(['pass']);
    expect(seen[0]).toMatchObject({ metric: 'queue.depth', unit: 'count', of: '', observed: { value: 41, n: 1 } });
    expect(seen[0]?.method).toEqual({ kind: 'command', text: 'sh -c echo counting; echo 41' });
  });

  it('fails where the number is beyond the threshold', async () => {
    expect((await carriedOut(command('echo', '100'))).verdicts).toEqual(['fail']);
  });

  it('is evidence with n, interval, note and what it is of, from a TypeScript module that imports others', async () => {
    file(
      'src/queue.ts',
      'export type Depth = { waiting: number };\nexport const names: readonly string[] = ["mail"];\n',
    );
    file(
      'checks/depth.ts',
      `import { names, type Depth } from '../src/queue.js';
       export default async function check(context: { urls: { app: string }; environment: string; signal: AbortSignal }) {
         console.log('999');
         const answer = await fetch(context.urls.app, { signal: context.signal });
         const { waiting } = (await answer.json()) as Depth;
         return names.map((of) => ({ of, value: waiting, n: 3, interval: [6, 8], note: context.environment }));
       }`,
    );
    const { verdicts, why, seen } = await carriedOut(module('checks/depth.ts'));
    expect(why).toEqual(['queue.depth < 100: 7 count, between 6 and 8, n = 3']);
    expect(verdicts).toEqual(['pass']);
    expect(seen[0]).toMatchObject({ of: 'mail', observed: { n: 3, interval: [6, 8] } });
    expect(seen[0]?.note).toMatch(/^preflight/);
  });

  it('begins in a copy of the source, with a home of its own and the clean environment', async () => {
    file('data/rows.txt', 'a\nb\n');
    process.env.HOLDPOINT_TEST_CREDENTIAL = 'hunter2';
    const script =
      'cat data/rows.txt >/dev/null; echo x >"$HOME/x"; if env | grep -q TEST_CREDENTIAL; then exit 4; fi; wc -l <data/rows.txt';
    const { why, verdicts } = await carriedOut(command('sh', '-euc', script));
    delete process.env.HOLDPOINT_TEST_CREDENTIAL;
    expect(why[0]).toContain('2 count');
    expect(verdicts).toEqual(['pass']);
  });
});

describe("a team's own check of an app that was built", () => {
  it('finds the packages that the build installed, and cannot change them', async () => {
    const built = mkdtempSync(join(folder, 'release-'));
    chmodSync(built, 0o755);
    mkdirSync(join(built, 'node_modules/depth'), { recursive: true });
    writeFileSync(join(built, 'node_modules/depth/package.json'), '{"main":"i.cjs"}');
    writeFileSync(join(built, 'node_modules/depth/i.cjs'), 'module.exports = () => 5;');
    file('checks/c.ts', 'import depth from "depth"; export default (): number => depth();');
    const { verdicts, seen } = await carriedOut(module('checks/c.ts'), built);
    expect([verdicts, seen[0]?.observed]).toEqual([['pass'], expect.objectContaining({ value: 5 })]);
    if (!isRoot()) return;
    const own = command('sh', '-ec', 'echo >node_modules/depth/new; echo 1');
    expect((await carriedOut(own, built)).verdicts).toEqual(['unknown']);
  });
});

describe("a team's own check that is wrong is unknown", () => {
  it.each<[string, OwnCheck, RegExp]>([
    ['prints nonsense', command('echo', 'all good'), /did not end with a number or with JSON/],
    ['prints nothing', command('true'), /did not end with a number or with JSON/],
    ['prints a number and fails', command('sh', '-c', 'echo 1; exit 3'), /ended with exit status 3/],
    ['is not there', command('no-such-program-here'), /status 127|could not be started/],
    [
      'answers with another metric',
      command('echo', '{"metric":"other","value":1}'),
      /another metric than was asked for/,
    ],
  ])('because it %s', async (_, own, because) => {
    const { verdicts, why } = await carriedOut(own);
    expect(verdicts).toEqual(['unknown']);
    expect(why[0]).toMatch(because);
  });

  it.each([
    ['returns NaN', 'export default () => ({ value: Number.NaN })', /no number as its value: "NaN"/],
    ['returns nothing', 'export default () => {}', /neither a number nor an object/],
    ['throws', 'export default () => { throw new RangeError("no queue") }', /exit status 1: RangeError: no queue/],
    ['throws while it loads', 'throw new Error("no settings"); export default () => 1', /Error: no settings/],
    ['exports no function', 'export const check = () => 1', /the default export is no function/],
    ['is no TypeScript', 'export default () => {', /checks\/c.ts cannot be loaded: .*\(line 1\)/],
    ['ends before it returns', 'export default () => process.exit(0)', /did not end with a number/],
    ['imports what is not there', 'import "./gone.ts"; export default () => 1', /\.\/gone\.ts is not in the source/],
    ['imports a package that is not there', 'import "no-such-package"; export default () => 1', /no-such-package/],
  ])('because its module %s', async (_, text, because) => {
    file('checks/c.ts', text);
    const { verdicts, why } = await carriedOut(module('checks/c.ts'));
    expect(verdicts).toEqual(['unknown']);
    expect(why[0]).toMatch(because);
  });

  it('because there is no such module', async () => {
    const { verdicts, why } = await carriedOut(module('checks/gone.ts'));
    expect([verdicts, why]).toEqual([['unknown'], ['there is no checks/gone.ts in the source']]);
  });
});

describe("a team's own check that is slow", () => {
  it('is ended with everything that it started, and is unknown', async () => {
    const mark = join(folder, 'still-there');
    mkdirSync(mark, { mode: 0o777 });
    chmodSync(mark, 0o777);
    const daemon = `setsid sh -c 'sleep 6; touch ${mark}/late' & sleep 60; echo 1`;
    const own = { ...command('sh', '-c', daemon), timeLimit: milliseconds(500) };
    const { verdicts, why } = await carriedOut(own);
    expect(verdicts).toEqual(['unknown']);
    expect(why[0]).toMatch(/was stopped after \d+ s/);
    await new Promise((waited) => setTimeout(waited, 6_000));
    // Where there is no namespace to end with it, that is said with the figure.
    if (noNamespaces === undefined) expect(existsSync(join(mark, 'late'))).toBe(false);
  });

  it('hears of its time limit before it is killed', async () => {
    file(
      'c.ts',
      `export default ({ signal }: { signal: AbortSignal }) => new Promise((resolve) => {
         setInterval(() => {}, 1000);
         signal.addEventListener('abort', () => resolve(1));
       });`,
    );
    // What it answers after its time is no answer.
    expect((await carriedOut(module('c.ts', milliseconds(1_500)))).verdicts).toEqual(['unknown']);
  });
});

describe.skipIf(!isRoot())("a team's own check that is malicious", () => {
  it('does not read a file of root', async () => {
    // The control: what everybody may read it reads.
    expect((await carriedOut(command('sh', '-c', 'wc -l </etc/passwd'))).verdicts).toEqual(['pass']);
    const { verdicts, why } = await carriedOut(command('sh', '-ec', `wc -c <${folder}/secret`));
    expect(verdicts).toEqual(['unknown']);
    expect(why[0]).toMatch(/Permission denied/);
  });

  it('does not get one through an import either', async () => {
    file('c.ts', `import secret from '../../../../../../..${folder}/secret'; export default () => secret.length;`);
    const { verdicts, why } = await carriedOut(module('c.ts'));
    expect([verdicts[0], why[0]]).toEqual(['unknown', expect.stringContaining('is not in the source')]);
  });

  it('does not write into the source', async () => {
    const script =
      "import { writeFileSync } from 'node:fs'; export default () => { writeFileSync('c.ts', ''); return 1; }";
    file('c.ts', script);
    const { verdicts, why } = await carriedOut(module('c.ts'));
    expect(verdicts).toEqual(['unknown']);
    expect(why[0]).toMatch(/EACCES/);
    expect((await carriedOut(command('sh', '-ec', 'touch new; echo 1'))).verdicts).toEqual(['unknown']);
  });

  it('gets no secret-looking line into the evidence', async () => {
    file('c.sh', 'echo "Error: postgres://app:hunter2@db/x" >&2; exit 1');
    const { verdicts, seen } = await carriedOut(command('sh', 'c.sh'));
    expect(verdicts).toEqual(['unknown']);
    expect(JSON.stringify(seen)).not.toContain('hunter2');
  });

  it('is neither root nor the user of the services', async () => {
    const { why } = await carriedOut(command('sh', '-c', 'id -un >&2; ls -d /proc/[0-9]* | wc -l >&2; exit 9'));
    expect(why[0]).toMatch(/exit status 9/);
    const { seen } = await carriedOut(command('sh', '-c', 'test "$(id -un)" = holdpoint-check; echo $?'));
    expect(seen[0]).toMatchObject({ observed: { value: 0 } });
  });

  it.skipIf(noNamespaces !== undefined)('sees no other process', async () => {
    const { verdicts } = await carriedOut(command('sh', '-c', 'ls -d /proc/[0-9]* | wc -l'));
    expect(verdicts).toEqual(['pass']);
  });

  it('is cut where it prints without end, and is unknown', async () => {
    const { verdicts } = await carriedOut(command('sh', '-c', 'yes nonsense | head -c 20000000'));
    expect(verdicts).toEqual(['unknown']);
  });
});
