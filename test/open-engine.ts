import { join } from 'node:path';
import { attemptLog } from '../src/engine/attempt-log.ts';
import { databasePool } from '../src/engine/database-pool.ts';
import { Engine, type EngineSettings } from '../src/engine/engine.ts';
import type { EngineEvent } from '../src/engine/event.ts';
import type { LaunchRequest } from '../src/engine/request.ts';
import { type Digest, systemClock } from '../src/evidence/units.ts';
import { ledgerKey } from '../src/ledger/keys.ts';
import { type Leaves, openLeaves } from '../src/ledger/leaves.ts';
import type { StepState } from '../src/plan/state.ts';
import type { StepId } from '../src/plan/step.ts';
import type { TestDatabase } from './temporary-state.ts';

export type TestEngine = {
  readonly engine: Engine;
  readonly leaves: Leaves;
  readonly events: EngineEvent[];
  /** Resolves with where the launch stands once it is closed or held. */
  settled(launch: string): Promise<string>;
  stateOf(launch: string, step: string): Promise<StepState>;
  stop(): Promise<void>;
};

export const toyRequest: LaunchRequest = {
  directory: '/srv/toy',
  environment: 'production',
  by: 'Ada',
  options: {},
};

/** The engine on a real ledger in a real Postgres. */
export async function openEngine(
  { state, database }: TestDatabase,
  settings: Pick<EngineSettings, 'plans'> & Partial<EngineSettings>,
): Promise<TestEngine> {
  const pool = databasePool(database.connection, 5, () => undefined);
  const leaves = await openLeaves({ pool, key: await ledgerKey(state.keys) });
  const engine = await Engine.open({
    leaves,
    database,
    executor: state.id,
    launches: state.launches,
    keep: async () => `sha256:${'0'.repeat(64)}` as Digest,
    attemptLog: (id) => attemptLog(join(state.logs, 'launches'), id),
    clock: systemClock,
    version: 'test',
    log: () => undefined,
    ...settings,
  });
  const events: EngineEvent[] = [];
  engine.subscribe((event) => events.push(event));
  return {
    engine,
    leaves,
    events,
    settled: (launch) =>
      new Promise((resolve) => {
        const look = async () => {
          const { state, isOpen, record } = await engine.snapshot(launch);
          if (!isOpen || (state.end.kind === 'held' && record.kind === 'launch')) {
            leave();
            resolve(state.end.kind);
          }
        };
        const leave = engine.subscribe(() => setImmediate(() => void look()));
        void look();
      }),
    stateOf: async (launch, step) => {
      const found = (await engine.snapshot(launch)).state.steps.get(step as StepId);
      if (found === undefined) throw new Error(`no step ${step}`);
      return found;
    },
    stop: async () => {
      await engine.stop();
      await pool.end();
    },
  };
}
