import { DBOS, type WorkflowHandle } from '@dbos-inc/dbos-sdk';
import type pg from 'pg';
import { type AttemptId, attemptText } from './attempt-id.ts';
import { databasePool } from './database-pool.ts';

/**
 * The number of the contract between an attempt and the workflow library: arguments, the one step, what a replay may
 * assume. Workflows of another version are never resumed, and silently so; it is raised only together with a way to
 * finish what is pending, never by a change of code alone.
 */
export const STEP_CONTRACT = 1;

/** Carries out one attempt. Called again for one that a killed process had begun; looks up before it acts. */
export type Perform = (id: AttemptId) => Promise<void>;

export type Workflows = {
  /**
   * Starts the attempt, or joins it where it is known already; resolves when its workflow has ended.
   *
   * @param again whether an earlier call of this process failed. The start may have been recorded although its answer
   *   was lost; then nobody carries it out, and it must be handed out anew rather than waited for.
   */
  run(id: AttemptId, again: boolean): Promise<void>;
  /** How many workflows have not ended. */
  unfinished(): Promise<number>;
  close(): Promise<void>;
};

export type WorkflowOptions = {
  readonly url: string;
  readonly connection: pg.PoolConfig;
  /** Whose pending workflows are taken up at the start: one name per state directory. */
  readonly executor: string;
  readonly perform: Perform;
  readonly log: (line: string) => void;
  /** Called between the attempt's end and its checkpoint, and after it. For the kill matrix. */
  readonly boundary: (name: 'before-checkpoint' | 'after-checkpoint', id: AttemptId) => void;
};

/** The library knows one executor per process, so what it calls is set when it is opened. */
let opened: WorkflowOptions | undefined;

/** Never reached: a workflow that is given up for good would hold its step silently. */
const MORE_RECOVERIES_THAN_EVER = 1_000_000_000;

const attemptWorkflow = DBOS.registerWorkflow(
  async (launch: string, step: string, attempt: number): Promise<void> => {
    const options = opened;
    if (options === undefined) throw new Error('an attempt was resumed before the engine was opened');
    const id = { launch, step, attempt };
    await DBOS.runStep(
      async () => {
        await options.perform(id);
        options.boundary('before-checkpoint', id);
      },
      { name: 'attempt' },
    );
    options.boundary('after-checkpoint', id);
  },
  { name: 'attempt', maxRecoveryAttempts: MORE_RECOVERIES_THAN_EVER },
);

export async function openWorkflows(options: WorkflowOptions): Promise<Workflows> {
  if (opened !== undefined) throw new Error('the engine is open already in this process');
  opened = options;
  const pool = databasePool(options.connection, 10, options.log);
  const close = async () => {
    await DBOS.shutdown();
    await pool.end();
    opened = undefined;
  };
  try {
    DBOS.setConfig({
      name: 'holdpoint',
      systemDatabaseUrl: options.url,
      systemDatabasePool: pool,
      systemDatabaseSchemaName: 'workflows',
      applicationVersion: `step-contract-${STEP_CONTRACT}`,
      executorID: options.executor,
      useListenNotify: false,
      tracingEnabled: false,
      logger: {
        info: () => undefined,
        debug: () => undefined,
        warn: (entry: unknown) => options.log(`workflows: ${text(entry)}`),
        error: (entry: unknown) => options.log(`workflows: ${text(entry)}`),
      },
    });
    await DBOS.launch();
  } catch (thrown) {
    await close().catch(() => undefined);
    throw thrown;
  }
  return {
    run: async (id, again) => {
      const handle = (again ? await handOutAnew(attemptText(id)) : undefined) ?? (await start(id));
      await handle.getResult({ pollingIntervalMs: 100 });
    },
    unfinished: async () => (await DBOS.listWorkflows({ status: ['PENDING', 'ENQUEUED', 'DELAYED'] })).length,
    close,
  };
}

const start = ({ launch, step, attempt }: AttemptId): Promise<WorkflowHandle<void>> =>
  DBOS.startWorkflow(attemptWorkflow, { workflowID: attemptText({ launch, step, attempt }) })(launch, step, attempt);

async function handOutAnew(workflow: string): Promise<WorkflowHandle<void> | undefined> {
  const status = await DBOS.getWorkflowStatus(workflow);
  if (status === null) return undefined;
  return status.completedAt === undefined ? DBOS.resumeWorkflow(workflow) : DBOS.retrieveWorkflow(workflow);
}

const text = (entry: unknown): string =>
  entry instanceof Error ? entry.message : typeof entry === 'string' ? entry : JSON.stringify(entry);
