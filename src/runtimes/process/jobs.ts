import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { fail } from '../../evidence/problem.ts';
import { milliseconds } from '../../evidence/units.ts';
import { type Account, isRoot } from '../../hosts/accounts.ts';
import type { Host } from '../../hosts/host.ts';
import { cleanEnvironment } from '../../hosts/local.ts';
import type { Job, JobEnd } from '../unit.ts';
import { readProcess } from './proc.ts';
import { jobScript } from './script.ts';
import { killTagged, TAG, taggedProcesses } from './tag.ts';

const KEPT_OUTPUT = 256 * 1_024;
const POLL_MS = 40;
/** `timeout` says 124 when it ended the command, and 137 when it had to kill it. */
const TIMEOUT_CODES = [124, 137];

type Settings = {
  readonly host: Host;
  /** Of this job: holds its description, script, output and exit code. */
  readonly folder: string;
  readonly account: Account;
  readonly path: string;
  /** In which the command begins. */
  readonly directory: string;
  readonly handover: Handover;
};

/** `when heard`: whoever asks may not hear the answer, and says so by `heard` when it did. */
export type Handover = 'at once' | 'when heard';

/**
 * Runs a job to its end. One that runs already under this name and description is waited for; one that ended while
 * nobody waited gives the end that it had. Either is handed over once: the next call runs the job
 * anew.
 *
 * @throws ProblemError `conflict`: another job runs under this name
 */
export async function runJob(job: Job, settings: Settings, signal?: AbortSignal): Promise<JobEnd> {
  const earlier = await foundAgain(job, settings);
  if (earlier === 'nothing') await begin(job, settings);
  const end = await waited(job, settings, signal);
  if (settings.handover === 'at once') await heard(settings);
  return end;
}

/** The end of the job was handed over; where there is none, there is nothing to remember. */
export async function heard({ host, folder }: Pick<Settings, 'host' | 'folder'>): Promise<void> {
  if ((await textOf(join(folder, 'job.json'))) === undefined) return;
  await host.place([{ path: join(folder, 'handed-over'), content: '', mode: 0o600 }]);
}

async function foundAgain(job: Job, { folder }: Settings): Promise<'running' | 'ended' | 'nothing'> {
  const described = await textOf(join(folder, 'job.json'));
  const running = taggedProcesses(folder).length > 0;
  if (described === undefined) return 'nothing';
  const same = isDeepStrictEqual(JSON.parse(described), plain(job));
  if (running && !same) {
    return fail({
      kind: 'conflict',
      what: `another job runs under the name ${job.name}`,
      where: folder,
      next: 'wait for it to end, or stop the environment with `holdpoint down`',
    });
  }
  if (running) return 'running';
  const handedOver = (await textOf(join(folder, 'handed-over'))) !== undefined;
  const began = (await textOf(join(folder, 'started'))) !== undefined;
  return same && began && !handedOver ? 'ended' : 'nothing';
}

const plain = (job: Job): unknown => JSON.parse(JSON.stringify(job));

async function begin(job: Job, { host, folder, account, path, directory }: Settings): Promise<void> {
  await host.remove(folder);
  await host.folder(folder, { mode: 0o700, owner: account.name });
  const script = jobScript({
    command: job.command,
    directory,
    environment: job.environment,
    account,
    path,
    folder,
    limitSeconds: Math.max(1, Math.ceil(job.timeLimit / 1_000)),
  });
  await host.place([
    { path: join(folder, 'run'), content: script, mode: 0o400, owner: account.name },
    { path: join(folder, 'job.json'), content: JSON.stringify(job), mode: 0o600 },
  ]);
  const output = await open(join(folder, 'output'), 'w', 0o600);
  try {
    const child = spawn('/bin/sh', [join(folder, 'run')], {
      cwd: '/',
      env: { ...cleanEnvironment(account), [TAG]: folder },
      detached: true,
      stdio: ['ignore', output.fd, output.fd],
      ...(isRoot() ? { uid: account.uid, gid: account.gid } : {}),
    });
    await once(child, 'spawn');
    child.unref();
  } finally {
    await output.close();
  }
}

async function waited(job: Job, { folder }: Settings, signal: AbortSignal | undefined): Promise<JobEnd> {
  const begun = performance.now();
  for (;;) {
    const code = await textOf(join(folder, 'exit'));
    if (code !== undefined) return finished(job, folder, Number(code));
    if (signal?.aborted === true) {
      await killTagged(folder);
      return { kind: 'lost', reason: 'it was cancelled' };
    }
    if (!(await stillRuns(folder, performance.now() - begun))) {
      // The exit code may have come between the two looks.
      const late = await textOf(join(folder, 'exit'));
      if (late !== undefined) return finished(job, folder, Number(late));
      return { kind: 'lost', reason: 'it ended without leaving an exit code (killed, or the machine was restarted)' };
    }
    await sleep(POLL_MS);
  }
}

/** From spawn to the first line of the script. */
const FIRST_LINE_MS = 10_000;

async function stillRuns(folder: string, waitedMs: number): Promise<boolean> {
  const started = await textOf(join(folder, 'started'));
  if (started === undefined) return waitedMs < FIRST_LINE_MS && taggedProcesses(folder).length > 0;
  const [pid, startTicks] = started.trim().split(' ').map(Number);
  return pid !== undefined && readProcess(pid)?.startTicks === startTicks;
}

async function finished(job: Job, folder: string, code: number): Promise<JobEnd> {
  const output = await lastBytes(join(folder, 'output'));
  const [from, to] = await Promise.all([stat(join(folder, 'started')), stat(join(folder, 'exit'))]);
  const took = milliseconds(Math.max(0, to.mtimeMs - from.mtimeMs));
  if (TIMEOUT_CODES.includes(code) && took >= job.timeLimit) return { kind: 'timed-out', output };
  return { kind: 'exited', code, output, took };
}

/** The end of a file that may be large. */
export async function lastBytes(path: string, limit = KEPT_OUTPUT): Promise<string> {
  let file: Awaited<ReturnType<typeof open>>;
  try {
    file = await open(path, 'r');
  } catch {
    return '';
  }
  try {
    const { size } = await file.stat();
    const length = Math.min(size, limit);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length);
    return buffer.subarray(0, bytesRead).toString('utf8');
  } finally {
    await file.close();
  }
}

const textOf = (path: string): Promise<string | undefined> => readFile(path, 'utf8').catch(() => undefined);
