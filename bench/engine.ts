/**
 * Holdpoint's own overhead per step: launches of steps that do nothing, on a real ledger in the embedded Postgres.
 * `npx tsx bench/engine.ts [STEPS]`. The target is less than 10 ms a step.
 *
 * `one after the other` is a chain: the time between a step's end and its successor's start is all ours. `side by side`
 * are steps without needs. `a job on …` are steps of a chain that run `true` as a job of that runtime: what a deed costs.
 * The bare peer is what any durable record costs: three inserts in two transactions.
 */
import { cpus, release } from 'node:os';
import { databasePool } from '../src/engine/database-pool.ts';
import { seconds } from '../src/evidence/units.ts';
import { OF_PARTS } from '../src/parts/part.ts';
import type { Step, StepId } from '../src/plan/step.ts';
import { openEngine, toyRequest } from '../test/open-engine.ts';
import { testDatabase } from '../test/temporary-state.ts';
import { type Marks, type Toy, toyPlan, toyStep } from '../test/toy-plan.ts';
import { benchRuntime } from './runtime.ts';

const steps = Number(process.argv[2] ?? 100);
const silent: Marks = { mark: () => undefined, lines: () => [] };
const idOf = (i: number): StepId => `A.1/step-${i}`;
const plan = (toy: (i: number) => Toy): Step[] =>
  Array.from({ length: steps }, (_, i) => toyStep(idOf(i), toy(i), silent));

const JOBS = 20;
const runtimes = new Map(
  await Promise.all(['process', 'docker'].map(async (kind) => [kind, await benchRuntime(kind)] as const)),
);

function jobs(kind: string): Step[] {
  const runtime = runtimes.get(kind)?.runtime;
  const during = async () => {
    const end = await runtime?.job({
      name: 'bench',
      software: OF_PARTS,
      command: ['/bin/true'],
      mounts: [],
      networks: [],
      environment: {},
      user: 'monitoring',
      timeLimit: seconds(30),
    });
    if (end?.kind !== 'exited' || end.code !== 0) throw new Error(`the job on ${kind} failed`);
  };
  return Array.from({ length: JOBS }, (_, i) =>
    toyStep(idOf(i), { during, ...(i === 0 ? {} : { needs: [idOf(i - 1)] }) }, silent),
  );
}

const SHAPES: Record<string, Step[]> = {
  'warm-up': plan(() => ({})),
  'one after the other': plan((i) => (i === 0 ? {} : { needs: [idOf(i - 1)] })),
  'side by side': plan(() => ({})),
  'a job on process': jobs('process'),
  'a job on docker': jobs('docker'),
};

const database = await testDatabase();
try {
  const test = await openEngine(database, {
    plans: async ({ environment }) =>
      toyPlan(SHAPES[environment.replaceAll('-', ' ')] ?? SHAPES[environment] ?? [], environment),
  });
  const closed = (launch: string) =>
    new Promise<void>((resolve) => {
      const leave = test.engine.subscribe((event) => {
        if (event.launch !== launch || event.kind !== 'launch-closed') return;
        leave();
        resolve();
      });
    });
  const rows: string[][] = [];
  for (const shape of Object.keys(SHAPES)) {
    const begun = performance.now();
    const launch = await test.engine.start({ ...toyRequest, environment: shape.replaceAll(' ', '-') });
    await closed(launch);
    const perStep = (performance.now() - begun) / (SHAPES[shape]?.length ?? steps);
    const end = await test.settled(launch);
    if (end !== 'complete') throw new Error(`${shape} came to ${end}`);
    if (shape !== 'warm-up') rows.push([shape, perStep.toFixed(2)]);
  }
  await test.stop();
  const peer = await bareInserts();
  const machine = `${cpus().length} cores ${cpus()[0]?.model ?? ''}, Linux ${release()}, Node ${process.versions.node}`;
  const date = new Date().toISOString().slice(0, 10);
  console.log(`${steps} steps; Postgres in memory (tmpfs), so the disk's own fsync is not in it\n`);
  console.log('| steps | ms a step | bare inserts, ms | ratio | machine | date |');
  console.log('| --- | --- | --- | --- | --- | --- |');
  for (const [shape, ms] of rows)
    console.log(`| ${[shape, ms, peer.toFixed(2), (Number(ms) / peer).toFixed(1), machine, date].join(' | ')} |`);
} finally {
  await database.end();
  for (const { close } of runtimes.values()) await close();
}

/** Three rows in two transactions: what a step's leaves would cost without order, signature and workflow. */
async function bareInserts(): Promise<number> {
  const pool = databasePool(database.database.connection, 1, () => undefined);
  await pool.query('CREATE TABLE bare (id bigserial PRIMARY KEY, body text)');
  const insert = (rows: number) =>
    pool.query(`INSERT INTO bare (body) SELECT $1 FROM generate_series(1, ${rows})`, ['x'.repeat(900)]);
  const begun = performance.now();
  for (let i = 0; i < steps; i++) {
    await insert(1);
    await insert(2);
  }
  const each = (performance.now() - begun) / steps;
  await pool.end();
  return each;
}
