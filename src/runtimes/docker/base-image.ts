import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fail, ProblemError, problemLines } from '../../evidence/problem.ts';
import { minutes, seconds } from '../../evidence/units.ts';
import { isRoot } from '../../hosts/accounts.ts';
import { localHost } from '../../hosts/local.ts';
import { installPackages, missingPackages } from '../../hosts/packages.ts';
import { followed, type Progress } from './build.ts';
import { type Engine, unlimited } from './engine.ts';
import { engineText } from './engine-problem.ts';
import { hasImage } from './image-facts.ts';
import { type Machine, RELEASE } from './machine.ts';
import { LABELS } from './names.ts';

/** debian:bookworm-slim of early 2026, for all architectures. */
const DEBIAN = 'debian@sha256:96e378d7e6531ac9a15ad505478fcc2e69f371b10f5cdf87857c4b8188404716';
const REPOSITORY = 'holdpoint-base';
/** Pulled and made ones are told apart: what stands on them is not the same. */
const PULLED = `${REPOSITORY}:${RELEASE}-pulled`;
const MADE = `${REPOSITORY}:${RELEASE}-made`;

/** An engine that pulls tells something within this time; most say at once that they cannot. */
const FIRST_WORD = seconds(10);
const DEBOOTSTRAP_LIMIT = minutes(15);

/**
 * The image that all others stand on: Debian's own, by digest, or one that is made here by debootstrap where that cannot
 * be pulled.
 *
 * @param reference what is pulled, with its digest
 * @returns its name on the engine
 * @throws ProblemError it can neither be pulled nor made
 */
export async function ensureBase(
  engine: Engine,
  machine: () => Promise<Machine>,
  progress: Progress,
  reference = DEBIAN,
): Promise<string> {
  for (const tag of [PULLED, MADE]) {
    if ((await hasImage(engine, tag)) === 'there') return tag;
  }
  const refusal = await pulled(engine, reference, progress);
  if (refusal === undefined) return PULLED;
  progress(`the base image cannot be pulled (${refusal}); it is made by debootstrap instead`);
  await made(engine, await machine(), { reference, refusal }, progress);
  return MADE;
}

/** Undefined once it is there; else why it is not. */
async function pulled(engine: Engine, reference: string, progress: Progress): Promise<string | undefined> {
  progress(`pulls ${reference}`);
  const stop = new AbortController();
  let timer = setTimeout(() => stop.abort(), FIRST_WORD);
  try {
    const error = await engine.call(
      'pulls the base image',
      async (docker) => {
        const stream = await docker.pull(reference, { abortSignal: stop.signal });
        stream.on('data', () => {
          clearTimeout(timer);
          timer = setTimeout(() => stop.abort(), minutes(2));
        });
        return (await followed(docker, stream, () => {})).error;
      },
      { limit: unlimited, signal: stop.signal },
    );
    if (error !== undefined) return error;
    await engine.call('names the base image', (docker) =>
      docker.getImage(reference).tag({ repo: REPOSITORY, tag: `${RELEASE}-pulled` }),
    );
    return undefined;
  } catch (error) {
    if (stop.signal.aborted) return 'no answer in time';
    if (error instanceof ProblemError) return error.problem.detail?.[0] ?? error.problem.what;
    return engineText(error);
  } finally {
    clearTimeout(timer);
  }
}

async function made(
  engine: Engine,
  machine: Machine,
  { reference, refusal }: { readonly reference: string; readonly refusal: string },
  progress: Progress,
): Promise<void> {
  const host = localHost();
  const cannot = (what: string, next: string, detail: readonly string[] = []): never =>
    fail({
      kind: 'host',
      what: `the base image can neither be pulled nor made: ${what}`,
      where: engine.where,
      detail: [`pull: ${refusal}`, ...detail],
      next,
    });
  if (!isRoot()) cannot('debootstrap needs root', `run the command as root, or \`docker pull debian:${RELEASE}-slim\``);
  if (engine.facts.architecture !== process.arch) {
    cannot(
      `this machine is ${process.arch} and the engine ${engine.facts.architecture}`,
      `let the engine pull ${reference}`,
    );
  }
  try {
    await installPackages(host, await missingPackages(host, [{ package: 'debootstrap', program: 'debootstrap' }]));
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    cannot('debootstrap cannot be installed', error.problem.next, problemLines(error.problem));
  }
  const parent = await mkdtemp('/var/tmp/holdpoint-base-');
  try {
    const root = join(parent, 'root');
    const end = await host.run({
      argv: ['debootstrap', '--variant=minbase', RELEASE, root, machine.mirror],
      environment: { ...machine.proxies },
      timeLimit: DEBOOTSTRAP_LIMIT,
      onLine: (line) => {
        if (/^I: (Retrieving|Base system|Installing)/.test(line) && !/Retrieving \S+ /.test(line)) progress(line);
      },
    });
    if (end.kind !== 'exited' || end.code !== 0) {
      const lines = end.kind === 'exited' || end.kind === 'timed-out' ? `${end.stdout}\n${end.stderr}` : end.kind;
      cannot(
        end.kind === 'timed-out' ? 'debootstrap took longer than 15 minutes' : 'debootstrap failed',
        `\`debootstrap --variant=minbase ${RELEASE} /tmp/base ${machine.mirror}\` must succeed by hand`,
        lines
          .split('\n')
          .filter((line) => line.trim() !== '')
          .slice(-6),
      );
    }
    await rm(join(root, 'var/cache/apt/archives'), { recursive: true, force: true });
    await imported(engine, root, cannot);
  } finally {
    await rm(parent, { recursive: true, force: true });
  }
}

async function imported(
  engine: Engine,
  root: string,
  cannot: (what: string, next: string, detail?: readonly string[]) => never,
) {
  const error = await engine.call(
    'takes in the base image',
    async (docker) => {
      const tar = spawn('tar', ['--numeric-owner', '-C', root, '-c', '.'], { stdio: ['ignore', 'pipe', 'ignore'] });
      const ended = once(tar, 'close');
      const stream = await docker.importImage(tar.stdout, {
        repo: REPOSITORY,
        tag: `${RELEASE}-made`,
        changes: `LABEL ${LABELS.kind}=base`,
      });
      const { error } = await followed(docker, stream, () => {});
      const [code] = await ended;
      return error ?? (code === 0 ? undefined : `tar ended with ${code}`);
    },
    { limit: DEBOOTSTRAP_LIMIT },
  );
  if (error !== undefined) cannot('the engine did not take it', 'look at the line above', [error]);
}
