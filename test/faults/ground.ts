import { createHash } from 'node:crypto';
import { chmod, cp, mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { App } from '../../src/config/app.ts';
import { readApp } from '../../src/config/read.ts';
import { type Digest, seconds, systemClock } from '../../src/evidence/units.ts';
import { localHost } from '../../src/hosts/local.ts';
import { portState } from '../../src/hosts/ports.ts';
import type { Attempt, StepId } from '../../src/plan/step.ts';
import { ensureUser } from '../../src/server/service-user.ts';
import { makeWorld } from '../../src/tracks/make-world.ts';
import { removePreflight } from '../../src/tracks/preflight-environment.ts';
import type { World } from '../../src/tracks/world.ts';
import type { Standing } from './fault.ts';
import { type Look, look } from './looking.ts';

const HERE = dirname(fileURLToPath(import.meta.url));
const LAUNCH = 'faults';

/** The steps that bring each part of the ground up, and so are looked at on the sound app before anything is planted. */
const STEPS: Readonly<Record<Standing, readonly StepId[]>> = {
  nothing: ['A.1/host', 'A.1/secrets', 'A.2/release', 'A.1/check-letters', 'C.1/build', 'C.1/tests'],
  preflight: ['A.1/health', 'A.1/addresses', 'A.1/headers', 'A.1/tls', 'A.1/restore', 'A.1/migrations'],
  production: [
    'A.2/keys',
    'A.2/certificates',
    'A.2/database',
    'A.2/backup',
    'A.2/cache',
    'A.2/migrate',
    'A.2/candidate',
    'A.2/agents',
    'A.2/switch',
    'A.2/smoke',
    'A.2/retire',
  ],
  monitoring: ['A.3/watched'],
  staging: ['B.1/twin', 'B.2/application-crash'],
};
const BEFORE: Readonly<Record<Standing, readonly Standing[]>> = {
  nothing: [],
  preflight: ['nothing'],
  production: ['nothing'],
  monitoring: ['nothing', 'production'],
  staging: ['nothing'],
};

/** One warm place for all faults: the post office stood up once by the plan's own steps, in each kind of environment. */
export type Ground = {
  readonly world: World;
  readonly folder: string;
  /** What the first run of each step came to, on the sound app. */
  readonly sound: readonly Look[];
  attempt(): Attempt;
  /** Stands up what is not there yet, and everything below it. */
  stand(what: Standing): Promise<void>;
  /** Tells the running app what to do wrong; nothing: be sound. */
  tellApp(fault: Readonly<Record<string, string | number>>): Promise<void>;
  /** The app in a folder of its own, changed, with the same environments. */
  anotherWorld(change: (folder: string) => Promise<void>, window?: number): Promise<World>;
  end(): Promise<void>;
};

export async function openGround(): Promise<Ground> {
  const folder = await mkdtemp('/tmp/hp-faults-');
  await chmod(folder, 0o755);
  ensureUser();
  const faults = join(folder, 'faults.json');
  const root = join(folder, 'app');
  await layApp(root, faults);
  const state = join(folder, 'state');
  await mkdir(state, { mode: 0o755 });
  const world = await open(root, state, 60);
  const sound: Look[] = [];
  const standing = new Set<Standing>();
  let number = 0;
  const attempt = (): Attempt => ({
    launch: LAUNCH,
    number: ++number,
    signal: AbortSignal.timeout(600_000),
    clock: systemClock,
    progress: () => undefined,
    artefact: async (name, content) => {
      await writeFile(join(folder, `artefact-${number}-${name}`), content);
      return `sha256:${createHash('sha256').update(content).digest('hex')}` as Digest;
    },
  });
  const stand = async (what: Standing): Promise<void> => {
    if (standing.has(what)) return;
    for (const below of BEFORE[what]) await stand(below);
    standing.add(what);
    for (const step of STEPS[what]) sound.push(await look(world, step, attempt()));
  };
  return {
    world,
    folder,
    sound,
    attempt,
    stand,
    tellApp: (fault) => writeFile(faults, JSON.stringify(fault), { mode: 0o644 }),
    anotherWorld: async (change, window = 60) => {
      const other = await mkdtemp(join(folder, 'app-'));
      await chmod(other, 0o755);
      await cp(root, other, { recursive: true });
      await change(other);
      return open(other, state, window);
    },
    end: () => endAll(world, folder, state),
  };
}

async function endAll(world: World, folder: string, state: string): Promise<void> {
  const { app, host, clock } = world;
  await removePreflight({ app, state, host, clock, on: undefined });
  await world.production.runtime.destroy();
  await world.staging?.runtime.destroy();
  await rm(folder, { recursive: true, force: true });
}

async function open(root: string, state: string, windowSeconds: number): Promise<World> {
  const reading = await readApp(root);
  if (reading.kind !== 'app') throw new Error(`holdpoint.yaml of the post office: ${JSON.stringify(reading.problems)}`);
  return makeWorld({
    on: { runtime: 'process' },
    app: reading.app,
    state,
    host: localHost(),
    clock: systemClock,
    version: '0.0.0-faults',
    before: undefined,
    window: seconds(windowSeconds),
    purpose: 'to-launch',
  });
}

async function layApp(root: string, faults: string): Promise<void> {
  await cp(join(HERE, 'app'), root, { recursive: true });
  const first = await freePorts();
  const text = await readFile(join(root, 'holdpoint.yaml'), 'utf8');
  await writeFile(
    join(root, 'holdpoint.yaml'),
    text
      .replaceAll('FAULTS_FILE', faults)
      .replaceAll('PACKAGES', (await packagesOf('pg')).join(' '))
      .replaceAll('PRODUCTION_FIRST', String(first))
      .replaceAll('PRODUCTION_PORT', String(first + 200))
      .replaceAll('STAGING_FIRST', String(first + 100))
      .replaceAll('STAGING_PORT', String(first + 201)),
  );
  await writeFile(join(root, 'faults-file'), `${faults}\n`);
}

/** Folders of a package and of all that it needs, from this checkout: the app's build copies them. */
async function packagesOf(name: string): Promise<string[]> {
  const found = new Map<string, string>();
  const visit = async (wanted: string, from: string): Promise<void> => {
    if (found.has(wanted)) return;
    const folder = await folderOf(wanted, from);
    if (folder === undefined) return;
    found.set(wanted, folder);
    const { dependencies = {} } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as {
      dependencies?: Record<string, string>;
    };
    for (const each of Object.keys(dependencies)) await visit(each, folder);
  };
  await visit(name, HERE);
  return [...found.values()];
}

async function folderOf(name: string, from: string): Promise<string | undefined> {
  const require = createRequire(join(from, 'x.js'));
  for (const base of require.resolve.paths(name) ?? []) {
    const folder = await realpath(join(base, name)).catch(() => undefined);
    if (folder !== undefined) return folder;
  }
  return undefined;
}

/** The beginning of two runs of a hundred ports and a few more, none of which is taken where it will be used. */
async function freePorts(): Promise<number> {
  for (let first = 27_000; first < 29_700; first += 210) {
    const wanted = [0, 100, 200].flatMap((by) => Array.from({ length: 24 }, (_, i) => first + by + i));
    const states = await Promise.all(wanted.map(portState));
    if (states.every((s) => s.kind === 'free')) return first;
  }
  throw new Error('no free ports between 27000 and 29800');
}

/** A world whose app is described otherwise, without being another release. */
export const withApp = (world: World, change: Partial<App>): World => ({ ...world, app: { ...world.app, ...change } });
