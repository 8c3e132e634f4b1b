import { setTimeout as sleep } from 'node:timers/promises';
import type Docker from 'dockerode';
import { fail } from '../../evidence/problem.ts';
import { type Milliseconds, milliseconds } from '../../evidence/units.ts';
import { checkedName } from '../checked-name.ts';
import type { Job, JobEnd } from '../unit.ts';
import { endpoint, jobContainer } from './container.ts';
import { hasStatus, unlessAbsent } from './engine-problem.ts';
import { endOf, type Ground, imageOf, inspected } from './ground.ts';
import { LABELS } from './names.ts';
import { ensureNetworks } from './networks.ts';
import { lastOutput, plainOutput } from './output.ts';
import { exitOf, OVER_MEMORY } from './state.ts';

type Found = Docker.ContainerInspectInfo;

/** `timeout` says 124 when it ended the command, and 137 when it had to kill it. */
const TIMEOUT_CODES = [124, 137];
/** The engine notes the start a moment after the command began to be timed. */
const CLOCKS_MS = 250;
/** By SIGKILL and SIGTERM: so an engine that goes down, or finds them when it comes back, ends its containers. */
const ENGINE_WENT_DOWN = [137, 143];
/** Another command makes a container within this time. */
const IN_THE_MAKING_MS = 5_000;
/** Somebody else who waited for the same job has read its end by then. */
const READ_BY_ALL_MS = 60_000;
const TOLD_LINES = 20_000;

/**
 * One-shot work as named containers. The engine keeps exit code and output, so that a job is found again after a crash
 * of ours. A job whose end was handed over loses its name: the next call under that name runs it anew.
 */
export class Jobs {
  readonly #ground: Ground;

  constructor(ground: Ground) {
    this.#ground = ground;
  }

  /** @throws ProblemError `conflict`: another job runs under this name */
  async run(job: Job, signal?: AbortSignal): Promise<JobEnd> {
    checkedName(job.name);
    const { names, stores, engine } = this.#ground;
    const { image, details } = await imageOf(this.#ground, job.software, job.user);
    await stores.require(job.mounts.map(({ store }) => store));
    const options = { ...jobContainer(job, { names, image, details }), name: names.job(job.name) };
    await ensureNetworks(engine, names);
    const begun = await this.#begun(job, options);
    if (typeof begun !== 'string') return begun;
    const end = await this.#waited(begun, job, details === undefined ? undefined : job.timeLimit, signal);
    await this.#rename(begun, 'ended');
    // What is left of earlier ones goes while nobody waits for it.
    this.reap(READ_BY_ALL_MS).catch(() => {});
    return end;
  }

  /** The id of a container that runs or has ended. */
  async #begun(job: Job, options: Docker.ContainerCreateOptions): Promise<string | JobEnd> {
    const { engine, names } = this.#ground;
    const description = options.Labels?.[LABELS.description];
    for (let round = 0; round < 200; round++) {
      const found = await inspected(this.#ground, names.job(job.name));
      const same = found?.Config.Labels[LABELS.description] === description;
      const status = found?.State.Status;
      if (found !== undefined && same && status === 'created' && age(found) < IN_THE_MAKING_MS && round > 0) {
        await sleep(50);
        continue;
      }
      if (found !== undefined && (status === 'running' || status === 'paused')) {
        if (same) return found.Id;
        return fail({
          kind: 'conflict',
          what: `another job runs under the name ${job.name}`,
          where: names.job(job.name),
          next: 'wait for it to end, or stop the environment with `holdpoint down`',
        });
      }
      // It ended while nobody waited for it.
      if (found !== undefined && same && status === 'exited') return found.Id;
      if (found !== undefined) await this.#remove(found.Id);
      try {
        const { id } = await engine.call(`makes the job ${job.name}`, (docker) =>
          docker.createContainer({ ...options }),
        );
        return await this.#start(job, id);
      } catch (error) {
        // Somebody else makes it at this moment.
        if (!hasStatus(error, 409)) throw error;
        await sleep(50);
      }
    }
    return fail({
      kind: 'conflict',
      what: `the job ${job.name} is made and removed again and again by another command`,
      where: names.job(job.name),
      next: 'end the other command, then run this one again',
    });
  }

  async #start(job: Job, id: string): Promise<string | JobEnd> {
    const { engine, names } = this.#ground;
    for (const network of job.networks.slice(1)) {
      await engine.call(`puts the job ${job.name} on the network ${network}`, (docker) =>
        docker.getNetwork(names.network(network)).connect({ Container: id, EndpointConfig: endpoint(undefined) }),
      );
    }
    try {
      await engine.call(`starts the job ${job.name}`, (docker) => docker.getContainer(id).start());
    } catch (error) {
      if (hasStatus(error, 304)) return id;
      await this.#remove(id);
      // The command is not there or cannot be executed: what a shell would say.
      if (hasStatus(error, 400) && error instanceof Error) {
        return { kind: 'exited', code: 127, output: `${error.message}\n`, took: milliseconds(0) };
      }
      throw error;
    }
    return id;
  }

  /** @param limit where nothing in the container keeps the time */
  async #waited(
    id: string,
    job: Job,
    limit: Milliseconds | undefined,
    signal: AbortSignal | undefined,
  ): Promise<JobEnd> {
    const started = await inspected(this.#ground, id);
    if (started === undefined) return REMOVED;
    const left =
      limit === undefined ? undefined : Math.max(0, Date.parse(started.State.StartedAt) + limit - Date.now());
    const stop = new AbortController();
    const what = await firstOf(endOf(this.#ground, id, stop.signal), left, signal).finally(() => stop.abort());
    if (what === 'cancelled') {
      await this.#cancel(id);
      return { kind: 'lost', reason: 'it was cancelled' };
    }
    if (what === 'late') {
      await this.#kill(id);
      return { kind: 'timed-out', output: await this.#output(id) };
    }
    return what === undefined ? REMOVED : this.#end(what, job);
  }

  async #end(found: Found, job: Job): Promise<JobEnd> {
    if (found.Name.includes('.cancelled.')) return { kind: 'lost', reason: 'it was cancelled' };
    const { ExitCode: code, StartedAt, FinishedAt, OOMKilled } = found.State;
    const output = await this.#output(found.Id);
    const took = milliseconds(Math.max(0, Date.parse(FinishedAt) - Date.parse(StartedAt)));
    if (TIMEOUT_CODES.includes(code) && took + CLOCKS_MS >= job.timeLimit) return { kind: 'timed-out', output };
    if (ENGINE_WENT_DOWN.includes(code) && !OOMKilled) {
      return { kind: 'lost', reason: `it was ended from outside (${exitOf(found.State)})` };
    }
    return { kind: 'exited', code, output: OOMKilled ? `${output}${OVER_MEMORY}\n` : output, took };
  }

  async #output(id: string): Promise<string> {
    const raw = await unlessAbsent(
      this.#ground.engine.call('reads the output of a job', (docker) =>
        docker.getContainer(id).logs({ stdout: true, stderr: true, tail: TOLD_LINES }),
      ),
    );
    return raw === undefined ? '' : lastOutput(plainOutput(raw));
  }

  /** Ends every job of the environment; whoever waits for one learns that it was cancelled. */
  async cancelAll(): Promise<void> {
    for (const { Id, State } of await this.#all()) {
      if (State === 'running' || State === 'paused') await this.#cancel(Id);
      else await this.#remove(Id);
    }
  }

  async #cancel(id: string): Promise<void> {
    // The name first: by it others who wait tell this from an end of its own.
    await this.#rename(id, 'cancelled');
    await this.#kill(id);
    await this.#remove(id);
  }

  async #kill(id: string): Promise<void> {
    await this.#tolerant(`ends a job`, (docker) => docker.getContainer(id).kill());
    await endOf(this.#ground, id);
  }

  async #rename(id: string, how: 'ended' | 'cancelled'): Promise<void> {
    const name = `${this.#ground.names.job(how)}.${how}.${id.slice(0, 12)}`;
    await this.#tolerant('takes the name from a job', (docker) => docker.getContainer(id).rename({ name }));
  }

  async #remove(id: string): Promise<void> {
    await this.#tolerant('removes a job', (docker) => docker.getContainer(id).remove({ force: true, v: true }));
  }

  /** Somebody else may do the same at the same time. */
  async #tolerant(doing: string, act: (docker: Docker) => Promise<unknown>): Promise<void> {
    try {
      await this.#ground.engine.call(doing, act);
    } catch (error) {
      if (!hasStatus(error, 304, 400, 404, 409)) throw error;
    }
  }

  /** Removes what is left of jobs that were handed over. */
  async reap(olderThanMs: number): Promise<void> {
    for (const { Id, Names, State } of await this.#all()) {
      if (State === 'running' || !Names.some((name) => name.includes('.ended.') || name.includes('.cancelled.')))
        continue;
      const found = await inspected(this.#ground, Id);
      if (found !== undefined && Date.now() - Date.parse(found.State.FinishedAt) > olderThanMs) await this.#remove(Id);
    }
  }

  #all(): Promise<readonly Docker.ContainerInfo[]> {
    return this.#ground.engine.call('lists the jobs', (docker) =>
      docker.listContainers({ all: true, filters: { label: [this.#ground.names.ours, `${LABELS.kind}=job`] } }),
    );
  }
}

const REMOVED: JobEnd = { kind: 'lost', reason: 'its container was removed' };
const age = (found: Found): number => Date.now() - Date.parse(found.Created);

async function firstOf<T>(
  over: Promise<T>,
  left: number | undefined,
  signal: AbortSignal | undefined,
): Promise<T | 'late' | 'cancelled'> {
  const end = new AbortController();
  // What comes later than the first has been told, or does not matter any more.
  over.catch(() => {});
  const never = new Promise<never>(() => {});
  const cancelled = signal?.aborted
    ? Promise.resolve('cancelled' as const)
    : new Promise<'cancelled'>((resolve) => {
        signal?.addEventListener('abort', () => resolve('cancelled'), { once: true, signal: end.signal });
      });
  const late = left === undefined ? never : sleep(left, 'late' as const, { signal: end.signal }).catch(() => never);
  try {
    return await Promise.race([over, cancelled, late]);
  } finally {
    end.abort();
  }
}
