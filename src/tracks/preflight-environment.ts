import { createHash } from 'node:crypto';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { App, HostSettings, RuntimeKind } from '../config/app.ts';
import { PORTS_PER_ENVIRONMENT } from '../config/schema/environments.ts';
import { type Environment, openEnvironment } from '../environments/environment.ts';
import { hostOf } from '../environments/hosts.ts';
import { portPlan } from '../environments/ports.ts';
import { fail } from '../evidence/problem.ts';
import type { Clock } from '../evidence/units.ts';
import type { Host } from '../hosts/host.ts';
import { Turns } from '../hosts/turns.ts';

/**
 * Where throw-away environments look for a run of free ports: outside of 32768 to 60999, from which Linux takes the near
 * ends of connections (ip(7), ip_local_port_range). A port in there that is free now may be none when a unit starts.
 */
const RANGES = [
  [61_000, 65_500],
  [10_000, 20_900],
] as const;

export type PreflightSettings = {
  readonly app: App;
  readonly state: string;
  /** The machine that Holdpoint itself runs on. */
  readonly host: Host;
  /** What production stands on; undefined: what the throw-away environment was made on. */
  readonly on: On | undefined;
  readonly clock: Clock;
};

const NAME = 'preflight';
const folderOf = ({ app, state }: PreflightSettings) => join(state, 'environments', `${app.name}-${NAME}`);

type On = { readonly host: HostSettings; readonly runtime: RuntimeKind };
const HERE: On = { host: { kind: 'local' }, runtime: 'process' };

/** Which launch a throw-away environment was made for, and on which ports. Beside its folder, so that it goes last. */
type Mark = { readonly launch: string; readonly firstPort: number; readonly on: On };

const markOf = (settings: PreflightSettings) => `${folderOf(settings)}.json`;

async function readMark(settings: PreflightSettings): Promise<Mark | undefined> {
  return readFile(markOf(settings), 'utf8').then(
    (text) => JSON.parse(text) as Mark,
    () => undefined,
  );
}

/** The launch's own throw-away environment; what an earlier launch left of one is removed first. */
export async function openPreflight(settings: PreflightSettings, launch: string): Promise<Environment> {
  const mark = await readMark(settings);
  if (mark?.launch === launch) return open(settings, mark);
  if (mark) await removePreflight(settings);
  return open(settings, await turns.take('ports', () => markMine(settings, launch)));
}

async function markMine(settings: PreflightSettings, launch: string): Promise<Mark> {
  const mine: Mark = { launch, firstPort: await freeRun(settings), on: settings.on ?? HERE };
  await settings.host.place([{ path: markOf(settings), content: JSON.stringify(mine), mode: 0o644 }]);
  return mine;
}

/** Launches of two apps may look for ports at one moment: the second sees what the first has taken. */
const turns = new Turns();

/** The runs that other apps of this state directory have taken, whether or not anything listens there yet. */
async function takenRuns({ state }: PreflightSettings): Promise<ReadonlySet<number>> {
  const folder = join(state, 'environments');
  // What cannot be read holds nothing that is known; whether a port is free is looked at all the same.
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith(`-${NAME}.json`));
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8').catch(() => '{}')));
  return new Set(texts.map((text) => (JSON.parse(text) as Partial<Mark>).firstPort ?? 0));
}

function open({ app, state, host, clock }: PreflightSettings, { firstPort, on }: Mark): Promise<Environment> {
  const httpsPort = firstPort + PORTS_PER_ENVIRONMENT - 1;
  const production = app.environments.production;
  return openEnvironment({
    app,
    name: NAME,
    kind: 'throw-away',
    settings: { ...production, firstPort, httpsPort, ...(on ?? HERE) },
    state,
    host,
    clock,
  });
}

/** Ends and removes the throw-away environment with all its data; harmless where there is none. */
export async function removePreflight(settings: PreflightSettings): Promise<'removed' | 'was-not-there'> {
  const mark = await readMark(settings);
  if (!mark) return 'was-not-there';
  const environment = await open(settings, mark);
  await environment.runtime.destroy();
  await rm(environment.folder, { recursive: true, force: true });
  await rm(environment.escrowFolder, { recursive: true, force: true });
  await settings.host.remove(markOf(settings));
  return 'removed';
}

/** The launch that a throw-away environment belongs to. */
export const preflightOwner = async (settings: PreflightSettings): Promise<string | undefined> =>
  (await readMark(settings))?.launch;

/** Every run once. Each app of each state directory begins at another one, so that launches at the same moment do not meet. */
function runs(settings: PreflightSettings): readonly number[] {
  const all = RANGES.flatMap(([first, end]) =>
    Array.from(
      { length: Math.floor((end - first) / PORTS_PER_ENVIRONMENT) },
      (_, at) => first + at * PORTS_PER_ENVIRONMENT,
    ),
  );
  const begin = createHash('sha256').update(folderOf(settings)).digest().readUInt16BE(0) % all.length;
  return [...all.slice(begin), ...all.slice(0, begin)];
}

async function freeRun(open: PreflightSettings): Promise<number> {
  const { app, state, host: here, on } = open;
  const host = await hostOf((on ?? HERE).host, { here, state });
  const taken = await takenRuns(open);
  for (const first of runs(open).filter((run) => !taken.has(run))) {
    const settings = { ...app.environments.production, firstPort: first, httpsPort: first + PORTS_PER_ENVIRONMENT - 1 };
    const states = await Promise.all(
      portPlan(app, settings)
        .all()
        .map((p) => host.portState(p.port)),
    );
    if (states.every((s) => s.kind === 'free')) return first;
  }
  return fail({
    kind: 'host',
    what: `no run of ${PORTS_PER_ENVIRONMENT} free ports was found for the pre-flight environment`,
    where: RANGES.map(([first, end]) => `127.0.0.1:${first}-${end - 1}`).join(', '),
    next: 'see what holds them (`ss -ltnp`), and launch again',
  });
}
