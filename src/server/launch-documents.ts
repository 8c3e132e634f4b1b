import { chown, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { deliverables } from '../deliverables/deliverables.ts';
import { FOLDER, presentDeliverables, writeDeliverables } from '../deliverables/write.ts';
import type { Engine } from '../engine/engine.ts';
import type { LaunchRequest } from '../engine/request.ts';
import { goldenSettingsOf } from '../environments/monitoring.ts';
import { readRecord } from '../environments/record.ts';
import { fail } from '../evidence/problem.ts';
import { Turns } from '../hosts/turns.ts';
import type { Plan } from '../plan/step.ts';
import { deploymentProcedure } from '../tracks/production/deployment/procedures.ts';
import { applicationCrashDrill } from '../tracks/staging/drills/application-crash.ts';
import type { World } from '../tracks/world.ts';
import type { Ground } from './serve.ts';

/** The world that a launch was about, as it was for its plan; of what is gone nothing is opened or made anew. */
export type Opened = (request: Pick<LaunchRequest, 'directory' | 'options'>, plan: Plan) => Promise<World>;

/** @property documents absolute paths of the documents that stand now */
export type Rendered = { readonly world: World; readonly documents: readonly string[] };

/** Renders the documents of launches, one launch after the other: all lie in the folder of their app. */
export class LaunchDocuments {
  readonly #ground: Ground;
  readonly #open: Opened;
  #engine: Engine | undefined;
  readonly #turns = new Turns();

  constructor(ground: Ground, open: Opened) {
    this.#ground = ground;
    this.#open = open;
  }

  follow(engine: Engine): void {
    this.#engine = engine;
  }

  /** Resolves when all documents of the launch are written as its ledger entries say now; none for a single check. */
  documentsOf(launch: string): Promise<Rendered> {
    const engine = this.#engine;
    if (engine === undefined)
      return fail({ kind: 'host', what: 'the resident process is still starting', next: 'try again in a moment' });
    return this.apart(() => render(engine, this.#ground, this.#open, launch));
  }

  /** Does something while nothing is rendered: an environment that is removed must not be opened at the same time. */
  apart<T>(act: () => Promise<T>): Promise<T> {
    return this.#turns.take('environments', act);
  }
}

async function render(engine: Engine, ground: Ground, open: Opened, launch: string): Promise<Rendered> {
  const { record, plan, state, leaves, asOf } = await engine.snapshot(launch);
  const world = await open(record.request, plan);
  if (record.kind !== 'launch') return { world, documents: [] };
  // Written while the environment stood, when there was more to say of it than now that it is destroyed.
  if (!world.app.observe && (await readRecord(world.production)).standsOn === undefined)
    return { world, documents: await presentDeliverables(world.app.root) };
  const written = await writeDeliverables(
    world.app.root,
    deliverables({
      app: world.app,
      plan,
      launch: state,
      now: asOf,
      release: leaves.findLast((leaf) => leaf.release !== undefined)?.release,
      ledger: { size: await ground.ledger.leaves.size(), checkpoint: await ground.ledger.checkpoint() },
      golden: goldenSettingsOf(world.production),
      procedures: [await deploymentProcedure(world)],
      drills: world.staging && world.app.recorder ? [applicationCrashDrill(world)] : [],
    }),
  );
  for (const each of written) if (each.kind === 'kept') ground.log(each.problem.what);
  const documents = written.flatMap((each) => (each.kind === 'kept' ? [] : [each.path]));
  await asTheirOwner(world.app.root, documents);
  return { world, documents };
}

/** Run as root in somebody's checkout, the documents belong to whom the checkout belongs to. */
async function asTheirOwner(root: string, paths: readonly string[]): Promise<void> {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = await stat(root);
  if (uid === 0) return;
  for (const path of [join(root, FOLDER), ...paths]) await chown(path, uid, gid);
}
