import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool, PoolClient } from 'pg';
import type { Checkpoint } from '../evidence/checkpoint.ts';
import type { SignerKey } from '../evidence/note.ts';
import type { Problem } from '../evidence/problem.ts';
import { fail, ProblemError, problemOf } from '../evidence/problem.ts';
import type { Milliseconds } from '../evidence/units.ts';
import { milliseconds, seconds } from '../evidence/units.ts';
import { HALF_WRITTEN, isCode } from './durable-file.ts';
import { confirmTable, publish } from './publish.ts';
import { LEDGER_SCHEMA, quotedSchema } from './schema.ts';

export type SequencerSettings = {
  /** One of its connections is kept for the lock as long as the sequencer lives. */
  readonly pool: Pool;
  readonly key: SignerKey;
  /** STATE/ledger */
  readonly directory: string;
  readonly schema?: string;
  /** Least time between two checkpoints; what is appended meanwhile goes into one. */
  readonly quiet?: Milliseconds;
  /** How long to wait for a sequencer that is just going away. */
  readonly patience?: Milliseconds;
  /** Told of each failure that is tried again (disk full, server away) and of the one that ends the sequencer. */
  readonly onProblem?: (problem: Problem) => void;
};

/** The one writer of the ledger's files. Appends in any process reach it through the database. */
export type Sequencer = {
  /** Waits until a signed checkpoint covers the first `size` leaves. Rejects where the sequencer ended before that. */
  settled(size: number): Promise<Checkpoint>;
  /** Settles when the sequencer has ended: with a problem where it could not go on. */
  readonly ended: Promise<Problem | undefined>;
  stop(): Promise<void>;
};

/** Wait before a failed pass is tried again. */
const TRY_AGAIN = milliseconds(500);

/**
 * Starts the sequencer, with a first pass done when this returns.
 *
 * @throws ProblemError `conflict` where another process is the sequencer, or the table does not go on from what was
 *   published
 */
export async function startSequencer(settings: SequencerSettings): Promise<Sequencer> {
  const schema = quotedSchema(settings.schema ?? LEDGER_SCHEMA);
  const loop = new Loop(settings, schema);
  await loop.begin();
  return { settled: (size) => loop.settled(size), ended: loop.run(), stop: () => loop.stop() };
}

type Waiter = { readonly size: number; resolve(checkpoint: Checkpoint): void; reject(problem: ProblemError): void };

class Loop {
  readonly #settings: SequencerSettings;
  readonly #schema: string;
  #connection: Connection | undefined;
  #checkpoint: Checkpoint | undefined;
  #waiters: Waiter[] = [];
  #stopped = false;
  #ended: Promise<Problem | undefined> | undefined;
  #over: Problem | undefined;
  #wake: () => void = () => undefined;
  #woken = false;

  constructor(settings: SequencerSettings, schema: string) {
    this.#settings = settings;
    this.#schema = schema;
  }

  async begin(): Promise<void> {
    await mkdir(this.#settings.directory, { recursive: true, mode: 0o755 });
    try {
      await this.#pass();
    } catch (error) {
      this.#connection?.drop();
      throw error;
    }
  }

  run(): Promise<Problem | undefined> {
    this.#ended ??= this.#goOn();
    return this.#ended;
  }

  async #goOn(): Promise<Problem | undefined> {
    while (!this.#stopped && this.#over === undefined) {
      await this.#untilWoken();
      if (this.#stopped) break;
      try {
        await this.#pass();
        await sleep(this.#settings.quiet ?? 100);
      } catch (error) {
        await this.#afterFailure(error);
      }
    }
    this.#connection?.drop();
    const reason = this.#over ?? STOPPED;
    for (const waiter of this.#waiters.splice(0)) waiter.reject(new ProblemError(reason));
    return this.#over;
  }

  /** One pass from whatever state: connects and takes the lock where that is needed. */
  async #pass(): Promise<void> {
    this.#woken = false;
    const { directory, key, pool, patience } = this.#settings;
    if (this.#connection === undefined || this.#connection.lost) {
      this.#connection = undefined;
      this.#connection = await connect(pool, this.#schema, patience ?? seconds(5), () => this.#wakeUp());
      await sweepHalfWritten(directory);
      await confirmTable({ client: this.#connection.client, schema: this.#schema, key, directory });
    }
    const { client } = this.#connection;
    const checkpoint = await publish({ client, schema: this.#schema, key, directory });
    this.#checkpoint = checkpoint;
    const served = this.#waiters.filter((waiter) => waiter.size <= checkpoint.size);
    this.#waiters = this.#waiters.filter((waiter) => waiter.size > checkpoint.size);
    for (const waiter of served) waiter.resolve(checkpoint);
  }

  /** A fork ends the sequencer. Everything else may pass: the disk is cleared, the server comes back. */
  async #afterFailure(error: unknown): Promise<void> {
    const problem = problemOfPass(error, this.#settings.directory);
    if (problem.kind === 'conflict') this.#over = problem;
    this.#settings.onProblem?.(problem);
    if (this.#over !== undefined) return;
    await sleep(TRY_AGAIN);
    this.#wakeUp();
  }

  settled(size: number): Promise<Checkpoint> {
    if (this.#checkpoint !== undefined && this.#checkpoint.size >= size) return Promise.resolve(this.#checkpoint);
    if (this.#stopped || this.#over) return Promise.reject(new ProblemError(this.#over ?? STOPPED));
    return new Promise((resolve, reject) => this.#waiters.push({ size, resolve, reject }));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#wakeUp();
    await this.run();
  }

  #wakeUp(): void {
    this.#woken = true;
    this.#wake();
  }

  #untilWoken(): Promise<void> {
    if (this.#woken) return Promise.resolve();
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

const STOPPED: Problem = { kind: 'host', what: 'the sequencer was stopped', next: 'start `holdpoint serve` again' };

function problemOfPass(error: unknown, where: string): Problem {
  if (isCode(error, 'ENOSPC'))
    return {
      kind: 'host',
      what: 'the disk is full: the ledger’s files are behind its database',
      where,
      next: 'make room; the sequencer goes on by itself and no entry is lost',
    };
  return problemOf(error, where);
}

/** The connection that holds the lock and hears of appends. */
type Connection = { readonly client: PoolClient; readonly lost: boolean; drop(): void };

async function connect(pool: Pool, schema: string, patience: Milliseconds, wake: () => void): Promise<Connection> {
  const client = await pool.connect();
  let lost = false;
  let dropped = false;
  const drop = (): void => {
    if (!dropped) client.release(true);
    dropped = true;
  };
  client.on('error', () => {
    lost = true;
    drop();
    wake();
  });
  client.on('notification', wake);
  try {
    await takeLock(client, schema, patience);
    await client.query(`LISTEN ${schema}`);
  } catch (error) {
    drop();
    throw error;
  }
  return {
    client,
    get lost() {
      return lost;
    },
    drop,
  };
}

/** Held by the session: it goes when the process dies, however it dies. */
const LOCK = 'hashtextextended($1, 2)';

async function takeLock(client: PoolClient, schema: string, patience: Milliseconds): Promise<void> {
  for (let waited = 0; ; waited += 100) {
    const { rows } = await client.query<{ held: boolean }>(`SELECT pg_try_advisory_lock(${LOCK}) AS held`, [schema]);
    if (rows[0]?.held) return;
    if (waited >= patience) break;
    await sleep(100);
  }
  fail({
    kind: 'conflict',
    what: 'another process writes the files of this ledger',
    where: `schema ${schema}`,
    next: 'use the running `holdpoint serve`, or stop it first',
  });
}

/** Takes away what a killed sequencer left half written. Only the holder of the lock may. Artefacts are not its own. */
async function sweepHalfWritten(directory: string): Promise<void> {
  const ofTree = (await filesIn(join(directory, 'tile'), true)).map((file) => join('tile', file));
  for (const file of [...(await filesIn(directory, false)), ...ofTree])
    if (file.endsWith(HALF_WRITTEN)) await rm(join(directory, file), { force: true });
}

async function filesIn(directory: string, recursive: boolean): Promise<string[]> {
  try {
    return await readdir(directory, { recursive });
  } catch (error) {
    if (isCode(error, 'ENOENT')) return [];
    throw error;
  }
}
