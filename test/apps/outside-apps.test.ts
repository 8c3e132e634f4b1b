import { chmodSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { appendFile, cp, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findEngine } from '../../src/runtimes/docker/engine.ts';
import type { LaunchView, StepView } from '../../src/server/launch-view.ts';
import { begin, type Ended, holdpoint, type Place } from '../hard-days/command-line.ts';
import { notRun } from '../runtimes/docker-ground.ts';
import { remove } from '../temporary-state.ts';

/**
 * Three apps that know nothing of Holdpoint: each is drafted by `holdpoint init`, gets a few lines by hand, and is
 * launched on both runtimes. What the app has passes; what it does not have is not applicable or not known, by name.
 */

type Outside = { readonly name: string; readonly byHand: string };

/** Enough requests in the short window for an error rate below 0.1 % to be told. */
const WINDOW = 'window: { requestsPerMinute: 3000 }';
/**
 * The three send no security headers, and the team lives with it for now: it is said, and the launch goes on. How fast they
 * answer while three launches share two cores is no property of theirs.
 */
const WARNED = 'objectives: { A.1/headers: { missing: { gate: warn } }, A.4/window: { latency: { gate: warn } } }';

const APPS: readonly Outside[] = [
  {
    name: 'parse',
    byHand: `
production: { httpsPort: 28710, firstPort: 28711 }
staging: false
${WINDOW}
${WARNED}
`,
  },
  {
    name: 'site',
    byHand: `
production: { httpsPort: 28110, firstPort: 28111 }
staging: false
${WINDOW}
${WARNED}
`,
  },
  {
    name: 'fastapi',
    byHand: `
production: { httpsPort: 28310, firstPort: 28311 }
staging: { httpsPort: 28510, firstPort: 28511 }
${WINDOW}
${WARNED}
recorder:
  write:
    path: /loans
    headers: { content-type: application/json }
    body: '{"idempotency_key":"{key}","tool":"saw","borrower":"drill"}'
  read: { path: "/loans/{key}", foundStatus: 200, absentStatus: 404 }
  perSecond: 10
ownChecks:
  described-routes:
    command:
      - python3
      - -c
      - |
        import json, os, ssl, urllib.request
        trust = ssl.create_default_context(cafile=os.environ["HOLDPOINT_CA_FILE"])
        answer = urllib.request.urlopen(os.environ["HOLDPOINT_URL"] + "/openapi.json", context=trust)
        print(json.dumps({"value": len(json.load(answer)["paths"]), "note": "paths in openapi.json"}))
    metric: api.described-paths
    unit: count
    comparator: ">="
    threshold: 3
`,
  },
];

type Launched = Outside & {
  readonly place: Place;
  readonly exit: number | null;
  readonly view: LaunchView;
};

const sources = fileURLToPath(new URL('.', import.meta.url));

/** A copy of the app as its team would clone it, drafted and filled in. */
async function prepared(root: string, { name, byHand }: Outside): Promise<Place> {
  const place = { app: join(root, name), state: join(root, name.charAt(0)) };
  await cp(join(sources, name), place.app, { recursive: true });
  await mkdir(place.state, { mode: 0o755 });
  const drafted = await holdpoint(place, 'init', '--yes');
  if (drafted.status !== 0) throw new Error(`init of ${name}: ${drafted.err}`);
  await appendFile(join(place.app, 'holdpoint.yaml'), byHand);
  return place;
}

/**
 * All three at once, or the waiting of each would add up. The next begins when the one before has its own ports, but for
 * the one that builds for longer than the others need to get theirs.
 */
async function launchAll(root: string, runtime: 'process' | 'docker', apps: readonly Outside[]): Promise<Launched[]> {
  const running: Promise<Launched>[] = [];
  for (const app of apps) {
    const place = await prepared(root, app);
    const launch = begin(place, 'launch', '--runtime', runtime, '--window', '30s', '--yes');
    const standing = new Promise<void>((resolve) => {
      launch.child.stdout.on('data', () => /A\.1\/health {2}(passed|held)/.test(launch.said.out) && resolve());
      void launch.ended.then(() => resolve());
    });
    const over = launch.ended.then((ended) => launched(app, place, ended));
    // It may fail while the others are still on their way; `Promise.all` tells.
    over.catch(() => undefined);
    running.push(over);
    if (app.name !== 'parse') await standing;
  }
  return Promise.all(running);
}

async function launched(app: Outside, place: Place, { status, out, err }: Ended): Promise<Launched> {
  const told = await holdpoint(place, 'status', '--json');
  const said: { launch?: LaunchView } = JSON.parse(told.out.trim().split('\n').at(-1) ?? '{}');
  if (said.launch === undefined) throw new Error(`no launch of ${app.name}: ${out}${err}${told.err}`);
  return { ...app, place, exit: status, view: said.launch };
}

async function endAll(root: string, apps: readonly Outside[]): Promise<string[]> {
  const left: string[] = [];
  for (const { name, byHand } of apps) {
    const place = { app: join(root, name), state: join(root, name.charAt(0)) };
    await holdpoint(place, 'abort', '--by', 'test', '--reason', 'the end of the test');
    await holdpoint(place, 'down');
    for (const environment of byHand.includes('staging: false') ? ['production'] : ['production', 'staging']) {
      const ended = await holdpoint(place, 'destroy', environment, '--yes-destroy', environment, '--without-backup');
      if (ended.status !== 0) left.push(`${name} ${environment}: ${ended.err}`);
    }
  }
  return [...left, ...killResidents(root)];
}

/** Where a launch came to nothing `down` may have failed, too: what serves a state directory of this test ends with it. */
function killResidents(root: string): string[] {
  return readdirSync('/proc').flatMap((pid) => {
    const command = /^\d+$/.test(pid) ? commandOf(pid) : [];
    if (!command.some((word) => word.startsWith(`${root}/`))) return [];
    process.kill(Number(pid), 'SIGKILL');
    return [`left running: ${command.join(' ')}`];
  });
}

function commandOf(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return [];
  }
}

const engine = await findEngine();

describe('apps that we did not write, on process', () => launchedOn('process'));
describe.skipIf(engine.kind === 'none')(`apps that we did not write, on docker${notRun(engine)}`, () =>
  launchedOn('docker'),
);

/**
 * All six launches take a quarter of an hour on two cores. A short run takes one app for each runtime, and names those that
 * it left out; `HOLDPOINT_ALL_APPS=1` launches all.
 */
const SHORT: Readonly<Record<'process' | 'docker', readonly string[]>> = { process: ['site'], docker: ['fastapi'] };

function launchedOn(runtime: 'process' | 'docker'): void {
  const isMeant = (name: string) => process.env.HOLDPOINT_ALL_APPS === '1' || SHORT[runtime].includes(name);
  const apps = APPS.filter(({ name }) => isMeant(name));
  it.skip.each(APPS.filter(({ name }) => !isMeant(name)))(
    `$name on ${runtime}: only with HOLDPOINT_ALL_APPS=1`,
    () => {},
  );
  let root = '';
  let launches: readonly Launched[] = [];
  beforeAll(async () => {
    // Short: the path of a Postgres socket below it must stay below 108 bytes.
    root = mkdtempSync('/tmp/hpo-');
    chmodSync(root, 0o755);
    launches = await launchAll(root, runtime, apps);
  }, 1_200_000);
  afterAll(async () => {
    const left = await endAll(root, apps);
    remove(root);
    expect(left).toEqual([]);
  }, 300_000);

  const launchOf = (name: string): Launched => {
    const found = launches.find((launch) => launch.name === name);
    if (found === undefined) throw new Error(`${name} was not launched`);
    return found;
  };
  const step = (name: string, id: string): StepView | undefined => launchOf(name).view.steps.find((s) => s.id === id);
  const why = (name: string, id: string) => [step(name, id)?.state, step(name, id)?.because];
  const verdictOf = (name: string, id: string, objective: string) =>
    step(name, id)?.findings.find((finding) => finding.objective === objective)?.verdict;

  it.each(apps)('$name needs at most 30 lines by hand', ({ byHand }) => {
    expect(byHand.trim().split('\n').length).toBeLessThanOrEqual(30);
  });

  it.each(apps)('$name is launched', ({ name }) => {
    const { exit, view } = launchOf(name);
    const stopped = view.steps
      .filter((s) => !['passed', 'warned', 'not-applicable'].includes(s.state))
      .map((s) => ({ id: s.id, state: s.state, found: s.findings.map((f) => f.verdict.because), problem: s.problem }));
    expect(stopped).toEqual([]);
    expect([exit, view.runtime, view.end.kind, view.tally.unknown]).toEqual([0, runtime, 'complete', 0]);
  });

  it.each(apps)('$name has no readiness: that is not applicable, and says so', ({ name }) => {
    const [state, because] = why(name, 'A.1/readiness');
    expect(state).toBe('not-applicable');
    expect(because).toMatch(name === 'site' ? /no database/ : /no service declares readiness/);
  });

  it.each(apps)('$name sends no security headers: that is no pass', ({ name }) => {
    expect(step(name, 'A.1/headers')?.state).toBe('warned');
    expect(verdictOf(name, 'A.1/headers', 'missing')?.kind).not.toBe('pass');
  });

  it.each(apps)(
    '$name has no metrics: the window is judged by what the load balancer and the client saw',
    ({ name }) => {
      for (const objective of ['error-rate', 'client-errors', 'cpu', 'memory'])
        expect([objective, verdictOf(name, 'A.4/window', objective)?.kind]).toEqual([objective, 'pass']);
      // Passed or not, it was seen.
      expect(verdictOf(name, 'A.4/window', 'latency')?.because).toMatch(
        /golden\.latency-within >= 95 %: .* n = \d{3,}/,
      );
    },
  );

  it.each(apps)('$name declares no tests and no load: not applicable', ({ name }) => {
    expect(why(name, 'C.1/tests')).toEqual(['not-applicable', 'the app declares no tests']);
    expect(why(name, 'A.1/latency')).toEqual(['not-applicable', 'the app declares no load']);
  });

  it.runIf(isMeant('site'))('site has no database', () => {
    for (const id of ['A.1/restore', 'A.1/migrations', 'A.2/database', 'A.2/backup', 'A.2/migrate'])
      expect([id, ...why('site', id)]).toEqual([id, 'not-applicable', 'the app has no database']);
  });

  it.runIf(isMeant('parse'))(
    'parse changes its schema at start: migrations are not applicable, its database is backed up all the same',
    () => {
      for (const id of ['A.1/migrations', 'A.2/migrate'])
        expect([id, ...why('parse', id)]).toEqual([id, 'not-applicable', 'the app declares no migrations']);
      for (const id of ['A.1/restore', 'A.2/database', 'A.2/backup'])
        expect([id, step('parse', id)?.state]).toEqual([id, 'passed']);
    },
  );

  it.runIf(isMeant('fastapi'))(
    'fastapi has a way back for each migration, and loses no write when it is killed',
    () => {
      expect(verdictOf('fastapi', 'A.1/migrations', 'failing')?.kind).toBe('pass');
      expect(verdictOf('fastapi', 'A.1/migrations', 'reversible')?.kind).toBe('pass');
      expect(step('fastapi', 'B.1/twin')?.state).toBe('passed');
      expect(step('fastapi', 'B.2/application-crash')?.state).toBe('passed');
    },
  );

  it.runIf(isMeant('fastapi'))("fastapi's own check is evidence like ours", () => {
    const check = step('fastapi', 'A.1/check-described-routes');
    expect(check?.state).toBe('passed');
    expect(check?.findings[0]?.verdict.because).toContain('api.described-paths >= 3');
  });
}
