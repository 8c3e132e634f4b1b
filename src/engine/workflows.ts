import { DBOS } from '@dbos-inc/dbos-sdk';
import pg from 'pg';

/**
 * The number of the contract between an attempt and the workflow library: arguments, the one step, what a replay may
 * assume. Workflows of another version are never resumed, and silently so; it is raised only together with a way to
 * finish what is pending, never by a change of code alone.
 */
export const STEP_CONTRACT = 1;

export type AttemptId = { readonly launch: string; readonly step: string; readonly attempt: number };

export const attemptText = ({ launch, step, attempt }: AttemptId): string => `${launch}/${step}/${attempt}`;

/** Carries out one attempt. Called again for one that a killed process had begun; looks up before it acts. */
export type Perform = (id: AttemptId) => Promise<void>;

export type Workflows = {
  /** Starts the attempt, or joins it where it is known already; resolves when its workflow has ended. */
  run(id: AttemptId): Promise<void>;
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

/**
 * A client whose missing socket counts as a refused connection. The library waits for a server that refuses, but takes
 * a missing socket (ENOENT, while Postgres is started again) for an error of ours and gives the workflow up.
 */
class PatientClient extends pg.Client {
  override connect(): Promise<pg.Client>;
  override connect(callback: (error: Error) => void): void;
  override connect(callback?: (error: Error) => void): Promise<pg.Client> | undefined {
    if (callback) {
      super.connect((error: Error) => callback(asRefused(error)));
      return undefined;
    }
    return super.connect().catch((error: unknown) => {
      throw error instanceof Error ? asRefused(error) : error;
    });
  }
}

function asRefused(error: Error): Error {
  if (error && 'code' in error && error.code === 'ENOENT') return Object.assign(error, { code: 'ECONNREFUSED' });
  return error;
}

export async function openWorkflows(options: WorkflowOptions): Promise<Workflows> {
  if (opened !== undefined) throw new Error('the engine is open already in this process');
  opened = options;
  const pool = new pg.Pool({ ...options.connection, max: 10, Client: PatientClient });
  pool.on('error', (error) => options.log(`workflows: ${error.message}`));
  pool.on('connect', (client) => client.on('error', () => undefined));
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
    run: async (id) => {
      const start = DBOS.startWorkflow(attemptWorkflow, { workflowID: attemptText(id) });
      const handle = await start(id.launch, id.step, id.attempt);
      await handle.getResult({ pollingIntervalMs: 100 });
    },
    unfinished: async () => (await DBOS.listWorkflows({ status: ['PENDING', 'ENQUEUED', 'DELAYED'] })).length,
    close,
  };
}

const text = (entry: unknown): string =>
  entry instanceof Error ? entry.message : typeof entry === 'string' ? entry : JSON.stringify(entry);
