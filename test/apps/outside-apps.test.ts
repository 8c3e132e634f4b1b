import { chmodSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
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

type RuntimeName = 'process' | 'docker';
/** The first port of each environment. */
type Ports = { readonly production: number; readonly staging: number };
type Outside = {
  readonly name: string;
  readonly environments: readonly ('production' | 'staging')[];
  readonly byHand: (ports: Ports) => string;
};

/** Below the ports that the kernel takes for connections, above those that other tests look for. */
const PORTS: Readonly<Record<RuntimeName, number>> = { process: 31_000, docker: 31_800 };

/** Enough requests in the short window for an error rate below 0.1 % to be told. */
const WINDOW = 'window: { requestsPerMinute: 3000 }';
/**
 * None sends security headers, and the team lives with it for now: it is said, and the launch goes on. How fast they
 * answer while launches on two runtimes share two cores is no property of theirs.
 */
const WARNED = 'objectives: { A.1/headers: { missing: { gate: warn } }, A.4/window: { latency: { gate: warn } } }';

const APPS: readonly Outside[] = [
  {
    name: 'parse',
    environments: ['production', 'staging'],
    byHand: ({ production, staging }) => `
production: { httpsPort: ${production}, firstPort: ${production + 1} }
staging: { httpsPort: ${staging}, firstPort: ${staging + 1} }
${WINDOW}
${WARNED}
recorder:
  write:
    path: /parse/classes/Note
    headers: { content-type: application/json, X-Parse-Application-Id: field-notes }
    body: '{"objectId":"{key}","title":"drill"}'
  read: { path: "/parse/classes/Note/{key}", headers: { X-Parse-Application-Id: field-notes } }
  perSecond: 10
`,
  },
  {
    name: 'fastapi',
    environments: ['production', 'staging'],
    byHand: ({ production, staging }) => `
production: { httpsPort: ${production}, firstPort: ${production + 1} }
staging: { httpsPort: ${staging}, firstPort: ${staging + 1} }
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
  {
    name: 'site',
    environments: ['production'],
    byHand: ({ production }) => `
production: { httpsPort: ${production}, firstPort: ${production + 1} }
staging: false
${WINDOW}
${WARNED}
`,
  },
];

type Launched = {
  readonly exit: number | null;
  readonly view: LaunchView;
};

const sources = fileURLToPath(new URL('.', import.meta.url));

/** Everything shares one state directory, so that what measures time waits for a quiet machine. */
const placeOf = (root: string, { name }: Outside, runtime: RuntimeName): Place => ({
  app: join(root, runtime, name),
  state: join(root, 's'),
});

/** What is written by hand, with ports of its own for each environment of each app. */
function byHandOf(app: Outside, runtime: RuntimeName): string {
  const first = PORTS[runtime] + APPS.indexOf(app) * 250;
  return app.byHand({ production: first, staging: first + 110 });
}

/** A copy of the app as its team would clone it, drafted and filled in; the second of one app has another name. */
async function prepared(root: string, app: Outside, runtime: RuntimeName): Promise<Place> {
  const place = placeOf(root, app, runtime);
  await cp(join(sources, app.name), place.app, { recursive: true });
  const drafted = await holdpoint(place, 'init', '--yes');
  if (drafted.status !== 0) throw new Error(`init of ${app.name}: ${drafted.err}`);
  const file = join(place.app, 'holdpoint.yaml');
  const named = (await readFile(file, 'utf8'))
    .replace(/^name: .*$/m, `name: ${app.name}-${runtime}`)
    // Six start at the same time beside all other tests: how long that takes is no property of theirs.
    .replace(/^ {2}web:$/m, '  web:\n    readyWithin: 5m');
  await writeFile(file, named + byHandOf(app, runtime));
  return place;
}

type One = { readonly app: Outside; readonly runtime: RuntimeName };
const keyOf = ({ app, runtime }: One): string => `${app.name} on ${runtime}`;

/** All at once in one resident process: what only waits costs nothing then. The one that builds for longest comes first. */
async function launchAll(root: string, all: readonly One[]): Promise<ReadonlyMap<string, Launched>> {
  await mkdir(join(root, 's'), { mode: 0o755 });
  const running: Promise<readonly [string, Launched]>[] = [];
  for (const one of all) {
    const place = await prepared(root, one.app, one.runtime);
    const { ended } = begin(place, 'launch', '--runtime', one.runtime, '--window', '30s', '--yes');
    const over = ended.then(async (end) => [keyOf(one), await launched(one, place, end)] as const);
    // It may fail while the others are still on their way; `Promise.all` tells.
    over.catch(() => undefined);
    running.push(over);
  }
  return new Map(await Promise.all(running));
}

async function launched(one: One, place: Place, { status, out, err }: Ended): Promise<Launched> {
  const told = await holdpoint(place, 'status', '--json');
  const said: { launch?: LaunchView } = JSON.parse(told.out.trim().split('\n').at(-1) ?? '{}');
  if (said.launch === undefined) throw new Error(`no launch of ${keyOf(one)}: ${out}${err}${told.err}`);
  return { exit: status, view: said.launch };
}

/** What is open comes to its end first: no environment is taken away from under a launch of its resident process. */
async function endAll(root: string, all: readonly One[]): Promise<string[]> {
  for (const one of all) {
    if (launches.get(keyOf(one))?.view.isOpen === false) continue;
    const place = placeOf(root, one.app, one.runtime);
    await holdpoint(place, 'abort', '--by', 'test', '--reason', 'the end of the test');
    await holdpoint(place, 'attach');
  }
  const left: string[] = [];
  for (const one of all) {
    for (const name of one.app.environments) {
      const words = ['destroy', name, '--yes-destroy', name, '--without-backup'];
      const ended = await holdpoint(placeOf(root, one.app, one.runtime), ...words);
      if (ended.status !== 0) left.push(`${keyOf(one)}, ${name}: ${ended.err}`);
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
const runtimes: readonly RuntimeName[] = engine.kind === 'none' ? ['process'] : ['process', 'docker'];
const ALL: readonly One[] = APPS.flatMap((app) => runtimes.map((runtime) => ({ app, runtime })));

// Short: the path of a Postgres socket below it must stay below 108 bytes.
const root = mkdtempSync('/tmp/hpo-');
let launches: ReadonlyMap<string, Launched> = new Map();

beforeAll(async () => {
  chmodSync(root, 0o755);
  launches = await launchAll(root, ALL);
}, 1_800_000);

afterAll(async () => {
  const left = await endAll(root, ALL);
  remove(root);
  expect(left).toEqual([]);
}, 300_000);

describe('apps that we did not write, on process', () => launchedOn('process'));
describe.skipIf(engine.kind === 'none')(`apps that we did not write, on docker${notRun(engine)}`, () =>
  launchedOn('docker'),
);

function launchedOn(runtime: RuntimeName): void {
  const launchOf = (name: string): Launched => {
    const found = launches.get(`${name} on ${runtime}`);
    if (found === undefined) throw new Error(`${name} was not launched`);
    return found;
  };
  const step = (name: string, id: string): StepView | undefined => launchOf(name).view.steps.find((s) => s.id === id);
  const why = (name: string, id: string) => [step(name, id)?.state, step(name, id)?.because];
  const verdictOf = (name: string, id: string, objective: string) =>
    step(name, id)?.findings.find((finding) => finding.objective === objective)?.verdict;

  it.each(APPS)('$name needs at most 30 lines by hand', (app) => {
    expect(byHandOf(app, runtime).trim().split('\n').length).toBeLessThanOrEqual(30);
  });

  it.each(APPS)('$name is launched', ({ name }) => {
    const { exit, view } = launchOf(name);
    const stopped = view.steps
      .filter((s) => !['passed', 'warned', 'not-applicable'].includes(s.state))
      .map((s) => ({ id: s.id, state: s.state, found: s.findings.map((f) => f.verdict.because), problem: s.problem }));
    expect(stopped).toEqual([]);
    expect([exit, view.runtime, view.end.kind, view.tally.unknown]).toEqual([0, runtime, 'complete', 0]);
  });

  it.each(APPS)('$name has no readiness: that is not applicable, and says so', ({ name }) => {
    const [state, because] = why(name, 'A.1/readiness');
    expect(state).toBe('not-applicable');
    expect(because).toMatch(name === 'site' ? /no database/ : /no service declares readiness/);
  });

  it.each(APPS)('$name sends no security headers: that is no pass', ({ name }) => {
    expect(step(name, 'A.1/headers')?.state).toBe('warned');
    expect(verdictOf(name, 'A.1/headers', 'missing')?.kind).not.toBe('pass');
  });

  it.each(APPS)(
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

  it.each(APPS)('$name declares no tests and no load: not applicable', ({ name }) => {
    expect(why(name, 'C.1/tests')).toEqual(['not-applicable', 'the app declares no tests']);
    expect(why(name, 'A.1/latency')).toEqual(['not-applicable', 'the app declares no load']);
  });

  it('site has no database', () => {
    for (const id of ['A.1/restore', 'A.1/migrations', 'A.2/database', 'A.2/backup', 'A.2/migrate'])
      expect([id, ...why('site', id)]).toEqual([id, 'not-applicable', 'the app has no database']);
  });

  it('parse changes its schema at start: migrations are not applicable, its database is backed up all the same', () => {
    for (const id of ['A.1/migrations', 'A.2/migrate'])
      expect([id, ...why('parse', id)]).toEqual([id, 'not-applicable', 'the app declares no migrations']);
    for (const id of ['A.1/restore', 'A.2/database', 'A.2/backup'])
      expect([id, step('parse', id)?.state]).toEqual([id, 'passed']);
  });

  it('fastapi has a way back for each migration', () => {
    expect(verdictOf('fastapi', 'A.1/migrations', 'failing')?.kind).toBe('pass');
    expect(verdictOf('fastapi', 'A.1/migrations', 'reversible')?.kind).toBe('pass');
  });

  it.each(['fastapi', 'parse'])('%s loses no write when it is killed', (name) => {
    expect(step(name, 'B.1/twin')?.state).toBe('passed');
    expect(step(name, 'B.2/application-crash')?.state).toBe('passed');
    for (const objective of ['lost', 'unexpected', 'fault'])
      expect([objective, verdictOf(name, 'B.2/application-crash', objective)?.kind]).toEqual([objective, 'pass']);
  });

  it("fastapi's own check is evidence like ours", () => {
    const check = step('fastapi', 'A.1/check-described-routes');
    expect(check?.state).toBe('passed');
    expect(check?.findings[0]?.verdict.because).toContain('api.described-paths >= 3');
  });
}
