import { createHash } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { App, HostSettings, RuntimeKind } from '../config/app.ts';
import { PORTS_PER_ENVIRONMENT } from '../config/schema/environments.ts';
import { type Environment, openEnvironment } from '../environments/environment.ts';
import { hostOf } from '../environments/hosts.ts';
import { portPlan } from '../environments/ports.ts';
import { fail } from '../evidence/problem.ts';
import type { Clock } from '../evidence/units.ts';
import type { Host } from '../hosts/host.ts';

/** Where throw-away environments look for a run of free ports. */
const FIRST = 31_000;
const LAST = 60_000;

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
  const mine: Mark = {
    launch,
    firstPort: await freeRun(settings),
    on: settings.on ?? HERE,
  };
  await settings.host.place([{ path: markOf(settings), content: JSON.stringify(mine), mode: 0o644 }]);
  return open(settings, mine);
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

/** Every run once. Two state directories begin at different ones, so that launches at the same moment do not meet. */
function runs(state: string): readonly number[] {
  const count = Math.floor((LAST - FIRST) / PORTS_PER_ENVIRONMENT);
  const begin = createHash('sha256').update(state).digest().readUInt16BE(0) % count;
  return Array.from({ length: count }, (_, at) => FIRST + ((begin + at) % count) * PORTS_PER_ENVIRONMENT);
}

async function freeRun({ app, state, host: here, on }: PreflightSettings): Promise<number> {
  const host = await hostOf((on ?? HERE).host, { here, state });
  for (const first of runs(state)) {
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
    where: `127.0.0.1:${FIRST}-${LAST}`,
    next: 'see what holds them (`ss -ltnp`), and launch again',
  });
}
