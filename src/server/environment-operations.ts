import { rename, rm } from 'node:fs/promises';
import type { App, Observe } from '../config/app.ts';
import { fieldOf, type Json } from '../engine/request.ts';
import { writePosition } from '../environments/backup.ts';
import { withDatabase } from '../environments/database-access.ts';
import type { Environment } from '../environments/environment.ts';
import { changeRecord, readRecord } from '../environments/record.ts';
import { fail } from '../evidence/problem.ts';
import { isCode } from '../ledger/durable-file.ts';
import type { World } from '../tracks/world.ts';
import type { OperationRun } from './operation.ts';

const named = (world: World, environment: string): Environment => {
  if (environment === world.production.name) return world.production;
  if (world.staging && environment === world.staging.name) return world.staging;
  return fail({
    kind: 'input',
    what: `there is no environment ${environment}`,
    next: `name one of ${[world.production, world.staging].flatMap((e) => (e ? [e.name] : [])).join(', ')}`,
  });
};

const refuseObserved = (app: App, { url }: Observe): never =>
  fail({
    kind: 'input',
    what: `${app.name} is only observed: nothing of it is Holdpoint's to remove`,
    where: url,
    next: 'end it with what deployed it; for what Holdpoint once deployed, take `observe` out of holdpoint.yaml first',
  });

/** How many units of the app still run, whatever environment they belong to. */
async function unitsRunning(world: World): Promise<number> {
  let running = 0;
  for (const environment of [world.production, world.staging])
    if (environment)
      running += (await environment.runtime.list()).filter(({ state }) => state.kind === 'running').length;
  return running;
}

/** Stops every environment of the app and keeps all data; a later launch starts it again. */
export async function takeDown(world: World, run: OperationRun): Promise<Json> {
  const { app } = world;
  // Nothing of Holdpoint's runs but the resident process, which ends with this.
  if (app.observe) return { lines: [`${app.name} is only observed: nothing was stopped`], running: 0 };
  const lines: string[] = [];
  for (const environment of [world.production, world.staging]) {
    if (!environment) continue;
    const units = await environment.runtime.list();
    run.progress(`stops ${units.length} units of ${environment.name}`);
    await environment.runtime.down();
    const { epoch, live } = await readRecord(environment);
    if (units.length > 0 && live)
      await changeRecord(environment, { epoch: epoch + 1, live: undefined, candidate: undefined });
    lines.push(`${environment.name} is down; its data stays ${whereDataLies(environment)}`);
  }
  return { lines, running: await unitsRunning(world) };
}

const whereDataLies = ({ runtime, host, folder }: Environment): string => {
  const where = runtime.kind === 'docker' ? 'in volumes of the engine' : `in ${folder}`;
  return host.kind === 'local' ? where : `on ${host.name}`;
};

/** Removes an environment with its data. The ledger stays. */
export async function destroyEnvironment(world: World, input: Json, run: OperationRun): Promise<Json> {
  if (world.app.observe) refuseObserved(world.app, world.app.observe);
  const environment = named(world, String(fieldOf(input, 'environment') ?? ''));
  if (fieldOf(input, 'withoutBackup') !== true) await refuseUnsavedWrites(environment);
  run.progress(`stops and removes ${environment.name}`);
  const { epoch } = await readRecord(environment);
  await environment.runtime.destroy();
  await rm(environment.folder, { recursive: true, force: true });
  // Keys of what is gone open its backups alone: the next environment has others, and copies of its own.
  const escrow = await setAside(environment.escrowFolder, epoch);
  // Only the epoch is kept: evidence about what is gone counts for nothing that comes after it.
  await changeRecord(environment, { epoch: epoch + 1 });
  return {
    lines: [
      `${environment.name} of ${world.app.name} is gone, with its data and its backups.`,
      `What remains: the ledger, the documents in ${world.app.root}/launch, the releases in ${world.releasesFolder}, and the escrowed keys${escrow === undefined ? '' : ` in ${escrow}`}.`,
    ],
    running: await unitsRunning(world),
  };
}

/** Undefined where there is nothing to set aside. */
async function setAside(folder: string, epoch: number): Promise<string | undefined> {
  const aside = `${folder}-epoch-${epoch}`;
  try {
    await rename(folder, aside);
    return aside;
  } catch (error) {
    if (isCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** Refuses while the database holds writes that no verified backup has. What cannot be looked at counts as unsaved. */
async function refuseUnsavedWrites(environment: Environment): Promise<void> {
  if (environment.app.database?.managed.kind !== 'by-holdpoint') return;
  if (!(await environment.runtime.stores()).includes('postgres-data')) return;
  const refuse = (what: string): never =>
    fail({
      kind: 'conflict',
      what,
      where: environment.name,
      next: '`holdpoint check A.2/backup` takes and verifies one (`holdpoint launch` starts the database where it is down); or give --without-backup to lose the data',
    });
  const { verifiedBackup } = await readRecord(environment);
  if (!verifiedBackup) return refuse('the environment has data and no verified backup');
  const now = await withDatabase(environment, 'superuser', writePosition).catch(() => undefined);
  if (now === undefined)
    return refuse('the database does not answer, so it is not known what was written since the last verified backup');
  if (now !== verifiedBackup.position)
    return refuse(`there were writes since the last verified backup ${verifiedBackup.label}`);
}
