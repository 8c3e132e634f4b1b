import { chmodSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { isRoot } from '../../src/hosts/accounts.ts';
import { findProgram } from '../../src/hosts/programs.ts';
import { findEngine } from '../../src/runtimes/docker/engine.ts';
import { LABELS } from '../../src/runtimes/docker/names.ts';
import type { LaunchView, StepView } from '../../src/server/launch-view.ts';
import { findResident } from '../../src/server/start.ts';
import { notRun } from '../runtimes/docker-ground.ts';
import { type OwnEngine, ownEngine } from '../servers/docker.ts';
import { takePartImages } from '../servers/part-images.ts';
import { remove } from '../temporary-state.ts';
import { holdpoint, type Place } from './command-line.ts';

const DESCRIPTION = `
name: dying
services:
  web:
    command: node server.cjs
    health: /health
staging: false
window: { requestsPerMinute: 3000 }
# How fast it answers on a machine that does other work is no matter of these tests, nor are headers.
objectives: { A.1/headers: { missing: { gate: warn } }, A.4/window: { latency: { gate: warn } } }
`;

const SERVER = `
const known = new Set(['/', '/health']);
require('node:http').createServer((request, answer) => {
  answer.statusCode = known.has(request.url) ? 200 : 404;
  answer.end(known.has(request.url) ? 'sound' : 'not found');
}).listen(process.env.PORT, process.env.HOST);
process.on('SIGTERM', () => process.exit(0));
`;

const machine = await findEngine();

/**
 * Why launches on an engine of the test's own are not tried, for the name of a test; empty where they are. They wait, as the
 * product does, for engines that stay away: too long for every run. `npm run test:long` has them.
 */
export const notTried =
  process.env.HOLDPOINT_LONG_TESTS !== '1'
    ? ' (not run: it takes five minutes; `npm run test:long` runs it)'
    : machine.kind === 'none'
      ? notRun(machine)
      : isRoot() && findProgram('dockerd') !== undefined && findProgram('nsenter') !== undefined
        ? ''
        : ' (not run: an engine of the test’s own needs root, dockerd and nsenter)';

export type OwnGround = { readonly place: Place; readonly own: OwnEngine; close(): Promise<void> };

/** A small app, a state directory, and an engine that nobody else uses, which has the images of the parts. */
export async function ownGround(): Promise<OwnGround> {
  if (machine.kind === 'none') throw new Error(machine.reason);
  const root = mkdtempSync('/tmp/hpe-');
  chmodSync(root, 0o755);
  const own = await ownEngine();
  const place = { app: join(root, 'app'), state: join(root, 's'), engine: own };
  mkdirSync(place.app);
  writeFileSync(join(place.app, 'holdpoint.yaml'), DESCRIPTION);
  writeFileSync(join(place.app, 'server.cjs'), SERVER);
  const close = async () => {
    await endResident(place).finally(() => own.close());
    remove(root);
  };
  try {
    await takePartImages(machine.engine, own.socket);
    return { place, own, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Whatever a test that failed has left running, ends with the engine; the resident process by its pid. */
async function endResident({ state }: Place): Promise<void> {
  const pid = await residentPid({ state });
  if (pid === undefined) return;
  process.kill(pid, 'SIGTERM');
  for (let round = 0; round < 400 && isThere(pid); round++) await pause(100);
}

export async function residentPid({ state }: Pick<Place, 'state'>): Promise<number | undefined> {
  return (await (await findResident(state))?.health())?.pid;
}

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** What the engine has of Holdpoint's, as one sees it who looks from outside: `caddy running`, `job exited`. */
export async function onEngine({ own }: OwnGround): Promise<readonly string[]> {
  const found = await findEngine({ socket: own.socket });
  if (found.kind === 'none') throw new Error(found.reason);
  const filters = { label: [LABELS.environment] };
  const [containers, { Volumes }, networks] = await Promise.all([
    found.engine.docker.listContainers({ all: true, filters }),
    found.engine.docker.listVolumes({ filters }),
    found.engine.docker.listNetworks({ filters }),
  ]);
  return [
    ...containers.map(({ Labels, State }) => `${Labels[LABELS.unit] ?? Labels[LABELS.kind]} ${State}`),
    ...Volumes.map(({ Name }) => `volume ${Name}`),
    ...networks.map(({ Name }) => `network ${Name}`),
  ].sort();
}

/** Waits until the first unit of a launch runs: a step is in the middle then of what it cannot do without the engine. */
export async function untilUnits(ground: OwnGround, withinMs = 300_000): Promise<void> {
  for (const end = Date.now() + withinMs; Date.now() < end; await pause(50))
    if ((await onEngine(ground)).includes('caddy running')) return;
  throw new Error(`no unit was made: ${(await holdpoint(ground.place, 'status')).out}`);
}

export async function launchView({ state }: Place): Promise<LaunchView> {
  const resident = await findResident(state);
  const launch = (await resident?.launches())?.at(-1)?.launch;
  if (resident === undefined || launch === undefined) throw new Error('nothing was launched yet');
  return resident.view(launch);
}

/** Waits until the launch is closed: what its steps had in hand has ended by then. */
export async function untilClosed(place: Place, withinMs = 120_000): Promise<void> {
  for (const end = Date.now() + withinMs; Date.now() < end; await pause(100))
    if ((await launchView(place)).closed !== undefined) return;
  throw new Error(`the launch does not close: ${(await holdpoint(place, 'status')).out}`);
}

/** Asks for another attempt of every step that holds the launch, and says which those are. */
export async function retryHeld(place: Place): Promise<readonly string[]> {
  const { steps } = await launchView(place);
  const held = steps.filter(({ state }) => state === 'held').map(({ id }) => id);
  for (const step of held) {
    const { status, err } = await holdpoint(place, 'retry', step);
    if (status !== 0) throw new Error(err);
  }
  return held;
}

/** Waits until a step is as wanted, and says what stood in the way where it does not become so. */
export async function untilStep(
  place: Place,
  id: string,
  wanted: (step: StepView) => boolean,
  withinMs = 300_000,
): Promise<StepView> {
  let seen: StepView | undefined;
  for (const end = Date.now() + withinMs; Date.now() < end; await pause(100)) {
    // The resident process is still starting.
    const view = await launchView(place).catch(() => undefined);
    seen = view?.steps.find((step) => step.id === id);
    if (seen !== undefined && wanted(seen)) return seen;
    if (view?.end.kind === 'held' && !view.end.by.some((step) => step === id)) break;
  }
  const { out } = await holdpoint(place, 'status');
  throw new Error(`${id} did not become as wanted:\n${out}`);
}
