import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { ProblemError } from '../../src/evidence/problem.ts';
import { PUBLIC_KEY_FILE } from '../../src/ledger/keys.ts';
import { verifyLedger } from '../../src/ledger/verify.ts';
import { type ResidentClient, residentClient } from '../../src/server/client.ts';
import { isAlive, processesIn } from '../../src/server/process-facts.ts';
import { ensureUser } from '../../src/server/service-user.ts';
import { socketPath } from '../../src/server/socket-path.ts';
import { marksIn } from '../toy-plan.ts';

/** Every moment at which the process is ended; `random` is a timer from outside. */
export const BOUNDARIES = [
  'before-started',
  'after-started',
  'in-run',
  'before-append',
  'before-commit',
  'after-commit',
  'after-append',
  'before-checkpoint',
  'after-checkpoint',
  'random',
] as const;

export type KillReport = {
  readonly kills: number;
  readonly byBoundary: Readonly<Record<string, number>>;
  readonly launches: number;
  readonly attempts: number;
  readonly leaves: number;
  /** Everything that should not be; empty is good. */
  readonly faults: readonly string[];
};

type Child = { readonly process: ChildProcess; readonly ended: Promise<unknown>; readonly client: ResidentClient };

/** Starts a resident process again and again, and ends it by SIGKILL, until `kills` were done; then looks at what is there. */
export async function killMatrix(root: string, kills: number, said: (line: string) => void): Promise<KillReport> {
  ensureUser();
  const state = join(root, 'state');
  const marks = join(root, 'marks');
  const faults: string[] = [];
  const byBoundary: Record<string, number> = {};
  const servers = new Set<number>();
  let round = 0;
  for (let done = 0; done < kills; ) {
    const at = BOUNDARIES[done % BOUNDARIES.length] ?? 'random';
    // The flaky step and the attempts that are taken up again make some boundaries come more often than steps do.
    const count = 1 + ((done * 7) % 4);
    const child = await start(state, marks, at, count, done + 1);
    if (child === undefined) {
      faults.push(`kill ${done}: the process did not come up`);
      break;
    }
    servers.add(databaseProcess(state));
    const timer = setTimeout(() => child.process.kill('SIGKILL'), at === 'random' ? 40 + ((done * 131) % 900) : 15_000);
    // One launch after the other, so that the boundary comes at last.
    while (child.process.exitCode === null && child.process.signalCode === null) {
      round = await goOn(child.client, round);
      await Promise.race([child.ended, pause(100)]);
    }
    clearTimeout(timer);
    byBoundary[at] = (byBoundary[at] ?? 0) + 1;
    said(`${++done} of ${kills}: ${at}, ${count}`);
  }
  if (servers.size > 1) faults.push(`the database was started ${servers.size} times; it should have been adopted`);
  return { ...(await aftermath(state, marks, faults)), byBoundary, kills };
}

async function start(
  state: string,
  marks: string,
  at: string,
  count: number,
  seed: number,
): Promise<Child | undefined> {
  const { pathname } = new URL('./resident.ts', import.meta.url);
  const environment = { STATE: state, MARKS: marks, AT: at, COUNT: String(count), SEED: String(seed) };
  const child = spawn(process.execPath, ['--import', 'tsx', pathname], {
    env: { ...process.env, ...Object.fromEntries(Object.entries(environment).map(([k, v]) => [`KILL_${k}`, v])) },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  const ready = once(child.stdout, 'data').then(() => true);
  if (!(await Promise.race([ready, ended.then(() => false)]))) return undefinedUnlessKilled(child, state, ended);
  return { process: child, ended, client: residentClient(socketPath({ run: join(state, 'run') })) };
}

/** An attempt that is taken up again may reach the boundary before the process says that it is ready. */
function undefinedUnlessKilled(child: ChildProcess, state: string, ended: Promise<unknown>): Child | undefined {
  if (child.signalCode !== 'SIGKILL') return undefined;
  return { process: child, ended, client: residentClient(socketPath({ run: join(state, 'run') })) };
}

/** Sees to it that a launch is open. The process may die at any moment of it. */
async function goOn(client: ResidentClient, round: number): Promise<number> {
  try {
    if ((await client.launches()).some(({ isOpen }) => isOpen)) return round;
    const options = { round: round + 1 };
    await client.launch({ directory: '/srv/toy', environment: 'production', by: 'kill', options });
    return round + 1;
  } catch (thrown) {
    if (thrown instanceof ProblemError && thrown.problem.kind === 'host') return round;
    throw thrown;
  }
}

const databaseProcess = (state: string): number =>
  Number(readFileSync(join(state, 'database', 'data', 'postmaster.pid'), 'utf8').split('\n')[0]);

type Aftermath = Omit<KillReport, 'kills' | 'byBoundary'>;

/** Lets what is open come to its end, and holds the ledger against what the steps really did. */
async function aftermath(state: string, marks: string, faults: string[]): Promise<Aftermath> {
  const child = await start(state, marks, 'none', 1, 1);
  if (child === undefined) return { launches: 0, attempts: 0, leaves: 0, faults: [...faults, 'no last process'] };
  const { client } = child;
  const deadline = Date.now() + 60_000;
  while ((await client.launches()).some(({ isOpen }) => isOpen) && Date.now() < deadline) await pause(50);
  const counted = { launches: 0, attempts: 0, leaves: 0 };
  for (const { launch, isOpen, over } of await client.launches()) {
    counted.launches++;
    if (isOpen || over?.end !== 'launched') faults.push(`${launch} did not come to its end: ${over?.end ?? 'open'}`);
    const { leaves } = await client.picture(launch);
    counted.leaves += leaves.length;
    counted.attempts += faultsOfLaunch(launch, leaves, marks, faults);
  }
  const pending = await untilNonePending(state);
  if (pending > 0) faults.push(`${pending} workflows are pending`);
  await verify(client, state, faults);
  const server = databaseProcess(state);
  child.process.kill('SIGTERM');
  const [code] = (await child.ended) as [number | null];
  if (code !== 0) faults.push(`the last process ended with ${code}`);
  if (isAlive(server) || processesIn(join(state, 'database', 'data')).length > 0) faults.push('a server was left');
  return { ...counted, faults };
}

type Leaves = Awaited<ReturnType<ResidentClient['picture']>>['leaves'];

function faultsOfLaunch(launch: string, leaves: Leaves, marks: string, faults: string[]): number {
  const attempts = new Map<string, Leaves[number][]>();
  for (const leaf of leaves) {
    if (leaf.key.attempt === 0) continue;
    const name = `${leaf.key.step} ${leaf.key.attempt}`;
    attempts.set(name, [...(attempts.get(name) ?? []), leaf]);
  }
  const did = marksIn(marks)
    .lines()
    .filter((line) => line.startsWith(`${launch} `))
    .map((line) => line.slice(launch.length + 1));
  const completed = new Map<string, number>();
  for (const [name, own] of attempts) {
    const order = own.map(({ key }) => key.sequence).join();
    if (order !== own.map((_, i) => i).join()) faults.push(`${launch} ${name} has the leaves ${order}`);
    const last = own.at(-1)?.body;
    if (last?.kind !== 'finished') faults.push(`${launch} ${name} has no end`);
    const begun = did.filter((line) => line === `${name} begun`).length;
    if (begun > 1) faults.push(`${launch} ${name} was run ${begun} times`);
    if (last?.kind !== 'finished' || last.end.kind !== 'completed') continue;
    const step = own[0]?.key.step ?? '';
    completed.set(step, (completed.get(step) ?? 0) + 1);
    if (!did.includes(`${name} ended`)) faults.push(`${launch} ${name} is complete in the ledger, but did not run`);
  }
  for (const [step, times] of completed) if (times !== 1) faults.push(`${launch} ${step} was completed ${times} times`);
  if (completed.size !== 12) faults.push(`${launch} has ${completed.size} completed steps, not 12`);
  for (const line of did)
    if (!attempts.has(line.replace(/ (begun|ended)$/, ''))) faults.push(`${launch} ${line}, unknown to the ledger`);
  return attempts.size;
}

async function untilNonePending(state: string): Promise<number> {
  const database = new pg.Client({
    host: join(state, 'database', 'socket'),
    user: 'holdpoint',
    database: 'holdpoint',
    password: readFileSync(join(state, 'keys', 'database-password'), 'utf8').trim(),
  });
  await database.connect();
  try {
    for (const deadline = Date.now() + 10_000; ; await pause(50)) {
      const { rows } = await database.query<{ pending: number }>(
        `SELECT count(*)::int AS pending FROM workflows.workflow_status WHERE status NOT IN ('SUCCESS')`,
      );
      const pending = rows[0]?.pending ?? -1;
      if (pending === 0 || Date.now() > deadline) return pending;
    }
  } finally {
    await database.end();
  }
}

async function verify(client: ResidentClient, state: string, faults: string[]): Promise<void> {
  const directory = join(state, '..', 'exported');
  await client.exportLedger(directory);
  const key = readFileSync(join(state, 'keys', PUBLIC_KEY_FILE), 'utf8');
  const verification = await verifyLedger({ directory, key });
  if (verification.kind !== 'sound') faults.push(`the ledger does not verify: ${JSON.stringify(verification)}`);
}
