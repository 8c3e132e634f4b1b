import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { COMMANDS, GLOBAL_OPTIONS } from '../../src/cli/catalogue.ts';
import type { OwnCheck } from '../../src/config/app.ts';
import { problemText } from '../../src/config/problem.ts';
import { appFromText } from '../../src/config/read.ts';
import { judge } from '../../src/evidence/judge.ts';
import { systemClock } from '../../src/evidence/units.ts';
import { localHost } from '../../src/hosts/local.ts';
import { sourceTree } from '../../src/releases/source-tree.ts';
import { findEngine } from '../../src/runtimes/docker/engine.ts';
import { carryOut } from '../../src/tracks/own-checks/carry-out.ts';
import { STACK } from '../hard-days/command-line.ts';
import { noSecondHost } from '../hosts/second-host.ts';
import { remove, temporaryDirectory } from '../temporary-state.ts';
import { engineGround, secondHostGround } from './grounds.ts';
import { commandsIn, fileOf, page } from './page.ts';
import { type Ground, needsGround, type Typed, Walk } from './walk.ts';

/**
 * Each command of the pages is typed as it stands there, in the order of the page, in the folder of a small app. The two
 * pages that launch are followed at the same time. docs/observe.md has a test of its own for its commands.
 */

vi.setConfig({ testTimeout: 600_000, hookTimeout: 120_000 });

const found = await findEngine();
const [hosts, runtimes, bringYourOwn, observe] = [
  page('hosts'),
  page('runtimes'),
  page('bring-your-own-app'),
  page('observe'),
];
const PAGES = [hosts, runtimes, bringYourOwn, observe];
/** Why the launch of a page does not run here; undefined where it does. */
const MISSING = new Map([
  [hosts, noSecondHost],
  [runtimes, found.kind === 'engine' ? undefined : found.reason],
]);

const apps = fileURLToPath(new URL('../apps', import.meta.url));
/** What a reader of a page that launches has already. */
const CLUB = `name: club
services:
  web: { static: site, health: { path: /, contentType: text/html } }
staging: false
`;

let root = '';
const grounds: Ground[] = [];
const walks = new Map<string, Walk>();

beforeAll(async () => {
  root = temporaryDirectory();
  const launching = async (followed: typeof hosts, make: () => Promise<Ground>) => {
    const ground = MISSING.get(followed) === undefined ? await make() : undefined;
    if (ground !== undefined) grounds.push(ground);
    const walk = new Walk(join(root, followed.name), ground);
    cpSync(join(apps, 'site'), join(walk.app, 'site'), { recursive: true });
    walk.write('holdpoint.yaml', CLUB);
    return walk;
  };
  const own = new Walk(join(root, bringYourOwn.name));
  cpSync(join(apps, 'fastapi'), own.app, { recursive: true });
  const begun = [
    [hosts, await launching(hosts, secondHostGround)],
    [runtimes, await launching(runtimes, async () => engineGround(found.kind === 'engine' ? found.engine : never()))],
    [bringYourOwn, own],
  ] as const;
  for (const [followed, walk] of begun) {
    walks.set(followed.name, walk);
    walk.follow(followed);
  }
});

const never = (): never => {
  throw new Error('no engine');
};

afterAll(async () => {
  for (const walk of walks.values()) await walk.end();
  for (const ground of grounds) await ground.close();
  remove(root);
});

const walkOf = ({ name }: typeof hosts): Walk => walks.get(name) ?? never();

/** The board of a launch that goes on, or that holds, ends with an exit status that says so. */
const isFine = ({ line, status }: Typed): boolean =>
  (line.startsWith('holdpoint status') ? [0, 1, 3] : [0]).includes(status);

describe.each([hosts, runtimes, bringYourOwn])('the page $name', (followed) => {
  const missing = MISSING.get(followed);
  const lines = followed.blocks.flatMap(commandsIn);

  for (const [at, line] of lines.entries()) {
    const skipped = missing !== undefined && needsGround(line);
    it.skipIf(skipped)(skipped ? `${line} (not run: ${missing})` : line, async () => {
      const typed = await walkOf(followed).typed(at);
      expect(`${typed.out}${typed.err}`).not.toMatch(STACK);
      expect({ ...typed, isFine: isFine(typed) }).toMatchObject({ isFine: true });
    });
  }

  it('has commands', () => {
    expect(lines.length).toBeGreaterThan(4);
  });
});

const notRun = (followed: typeof hosts): string => {
  const missing = MISSING.get(followed);
  return missing === undefined ? '' : ` (not run: ${missing})`;
};

describe.skipIf(MISSING.get(hosts) !== undefined)(`what docs/hosts.md promises${notRun(hosts)}`, () => {
  it('launches on the other machine, which is prepared by a step, and listens there on the loopback alone', async () => {
    const { view, units } = await walkOf(hosts).stood();
    expect(view).toMatchObject({ host: 'web1', runtime: 'process' });
    expect(view.steps.find(({ id }) => id === 'A.1/prepare')?.findings.map(({ objective }) => objective)).toEqual([
      'unprepared',
      'changes',
    ]);
    const open = units.filter((address) => !address.startsWith('127.0.0.1:'));
    expect(units.length).toBeGreaterThan(4);
    // sshd itself.
    expect(open.map((address) => address.replace(/^[\d.]+/, ''))).toEqual([':22']);
  });

  it('leaves nothing there but the agent and the trees of releases', async () => {
    const walk = walkOf(hosts);
    const destroyed = hosts.blocks.flatMap(commandsIn).findIndex((line) => line.startsWith('holdpoint destroy'));
    await walk.typed(destroyed);
    expect(await grounds[0]?.remains(walk.state)).toEqual([]);
  });
});

describe.skipIf(MISSING.get(runtimes) !== undefined)(`what docs/runtimes.md promises${notRun(runtimes)}`, () => {
  const ground = () => grounds.at(-1);

  it('launches in containers, of which the load balancer alone publishes ports, on the loopback', async () => {
    const { view, units } = await walkOf(runtimes).stood();
    expect(view).toMatchObject({ runtime: 'docker' });
    const published = units.filter((unit) => !unit.endsWith(' inside'));
    expect(units.some((unit) => unit === 'web-blue-1 inside' || /^web-blue-1 /.test(unit))).toBe(true);
    expect(published.length).toBeGreaterThan(0);
    expect(published.filter((unit) => !unit.startsWith('caddy 127.0.0.1:'))).toEqual([]);
  });

  it('leaves no container, volume or network', async () => {
    const walk = walkOf(runtimes);
    const destroyed = runtimes.blocks.flatMap(commandsIn).findIndex((line) => line.startsWith('holdpoint destroy'));
    await walk.typed(destroyed);
    expect(await ground()?.remains(walk.state)).toEqual([]);
  });
});

describe('docs/bring-your-own-app.md', () => {
  it('drafts a file that a plan can be made of, and keeps it when another is drafted', async () => {
    const { app, typed } = { app: walkOf(bringYourOwn).app, typed: walkOf(bringYourOwn) };
    const lines = bringYourOwn.blocks.flatMap(commandsIn);
    expect((await typed.typed(0)).out).toContain('app/main.py');
    await typed.typed(lines.length - 1);
    expect(existsSync(join(app, 'holdpoint.yaml.before-1'))).toBe(true);
    expect(JSON.parse(readFileSync(join(app, 'holdpoint.schema.json'), 'utf8'))).toMatchObject({
      title: 'holdpoint.yaml',
    });
  });

  it('shows a module that measures what it says', async () => {
    const folder = join(root, 'own-check');
    const [module] = bringYourOwn.blocks.filter(({ language }) => language === 'ts');
    const [described] = bringYourOwn.blocks
      .flatMap((block) => fileOf(block) ?? [])
      .filter(({ text }) => text.includes('ownChecks'));
    const reading = appFromText(described?.text ?? '', 'holdpoint.yaml', folder);
    const check = reading.kind === 'app' ? reading.app.checks.find(({ by }) => by.kind === 'module') : undefined;
    const { by } = check ?? never();
    const path = by.kind === 'module' ? by.path : never();
    expect(module?.text.split('\n')[0]).toBe(`// ${path}`);
    mkdirSync(dirname(join(folder, 'app', path)), { recursive: true });
    writeFileSync(join(folder, 'app', path), module?.text ?? '');
    const { measurements, verdicts } = await measured(check ?? never(), folder, '{"waiting":7}');
    expect(measurements).toMatchObject([{ metric: 'queue.depth', observed: { value: 7, n: 1 } }]);
    expect(verdicts).toEqual(['pass']);
  });
});

/** Carries the check out against a server that answers `said` to everything. */
async function measured(check: OwnCheck, folder: string, said: string) {
  const server = createServer((_, answer) => answer.end(said));
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  try {
    const measurements = await carryOut(check, {
      host: localHost(),
      scratchFolder: join(folder, 'scratch'),
      source: await sourceTree(join(folder, 'app'), []),
      built: undefined,
      environment: 'preflight',
      url: `http://127.0.0.1:${port}`,
      caFile: undefined,
      clock: systemClock,
      signal: new AbortController().signal,
    });
    return { measurements, verdicts: measurements.map((one) => judge(one, check.objective).kind) };
  } finally {
    await new Promise((closed) => server.close(closed));
  }
}

describe.each(PAGES)('the page $name', (shown) => {
  const files = shown.blocks.flatMap((block) => fileOf(block) ?? []);

  it('has files that are read without a finding', () => {
    expect(files.length).toBeGreaterThan(0);
    const compose = files.find(({ file }) => file === 'compose.yaml')?.text;
    const problems = files
      .filter(({ file }) => file === 'holdpoint.yaml')
      .flatMap(({ text }) => {
        const reading = appFromText(text, 'holdpoint.yaml', '/app', (path) =>
          path === 'compose.yaml' ? compose : undefined,
        );
        return reading.kind === 'problems'
          ? reading.problems.map((problem) => `${problemText(problem)} in ${text}`)
          : [];
      });
    expect(problems).toEqual([]);
  });

  it('speaks of commands and options that there are', () => {
    const spoken = [...shown.inline, ...shown.blocks.flatMap(commandsIn)].filter((code) =>
      /^holdpoint [a-z]/.test(code),
    );
    expect(spoken.flatMap((code) => unknownIn(code))).toEqual([]);
  });

  it('leads to pages that are there', () => {
    const targets = [...shown.text.matchAll(/\]\((?!https?:)([^)#]+)/g)].map(([, target = '']) => target);
    expect(targets.length).toBeGreaterThan(0);
    expect(
      targets.filter((target) => !existsSync(fileURLToPath(new URL(`../../docs/${target}`, import.meta.url)))),
    ).toEqual([]);
  });
});

/** What of a command line holdpoint does not know. */
function unknownIn(code: string): string[] {
  const [, ...words] = code.split(' ');
  const spec = COMMANDS.find(({ name }) => name === words[0] || name === words.slice(0, 2).join(' '));
  if (spec === undefined) return [code];
  const options = [...GLOBAL_OPTIONS, ...(spec.options ?? [])].map(({ flags }) => flags.split(' ')[0]);
  return words.filter((word) => word.startsWith('--') && !options.includes(word)).map((word) => `${word} in ${code}`);
}
