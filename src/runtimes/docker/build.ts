import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { fail, ProblemError } from '../../evidence/problem.ts';
import { type Digest, isDigest, minutes } from '../../evidence/units.ts';
import type { Engine } from './engine.ts';
import { hasStatus, saidByEngine } from './engine-problem.ts';

export type Progress = (line: string) => void;

export type Build = {
  /** For messages: `the image of unit web`. */
  readonly what: string;
  /** Made anew for each try. */
  readonly context: () => Readable;
  /** Path in the context. */
  readonly dockerfile: string;
  readonly tag?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly target?: string;
  readonly buildArguments?: Readonly<Record<string, string>>;
  /** Who can mend it when it fails. */
  readonly blame: 'app' | 'host';
};

/** An image with its packages on a slow line. */
const BUILD_LIMIT = minutes(30);
const KEPT_LINES = 400;
const TOLD_LINES = 15;

type Builder = '1' | '2';

/**
 * Builds an image on the engine: by BuildKit, or by the classic builder where the engine has no BuildKit. Steps that run
 * commands use the network of the engine's machine.
 *
 * @throws ProblemError with the last lines of the step that failed
 */
export async function build(
  engine: Engine,
  settings: Build,
  progress: Progress,
  signal?: AbortSignal,
): Promise<Digest> {
  try {
    return await buildBy('2', engine, settings, progress, signal);
  } catch (error) {
    if (!refusesBuildKit(error)) throw error;
    return buildBy('1', engine, settings, progress, signal);
  }
}

const refusesBuildKit = (error: unknown): boolean =>
  hasStatus(error, 400, 404, 500, 501) &&
  error instanceof ProblemError &&
  /buildkit|session|upgrade/i.test((error.problem.detail ?? []).join(' '));

function buildBy(
  version: Builder,
  engine: Engine,
  settings: Build,
  progress: Progress,
  signal: AbortSignal | undefined,
): Promise<Digest> {
  return engine.call(
    `builds ${settings.what}`,
    async (docker) => {
      const stream = await docker.buildImage(settings.context(), {
        version,
        dockerfile: settings.dockerfile,
        networkmode: 'host',
        labels: { ...settings.labels },
        rm: true,
        forcerm: true,
        ...(settings.tag === undefined ? {} : { t: settings.tag }),
        ...(settings.target === undefined ? {} : { target: settings.target }),
        ...(settings.buildArguments === undefined ? {} : { buildargs: { ...settings.buildArguments } }),
        ...(signal === undefined ? {} : { abortSignal: signal }),
      });
      const end = await followed(docker, stream, progress);
      if (end.error !== undefined) return buildProblem(settings, end.error, end.lines);
      // A stream that just stops: the engine went away.
      return end.id ?? Promise.reject(new Error('socket hang up'));
    },
    { limit: BUILD_LIMIT, signal },
  );
}

function buildProblem({ what, blame, dockerfile }: Build, error: string, lines: readonly string[]): never {
  const known = saidByEngine(error, `builds ${what}`);
  const full = /no space left on device/i.test(`${error}\n${lines.join('\n')}`);
  if (full) fail(saidByEngine('no space left on device', `builds ${what}`));
  return fail({
    ...known,
    kind: blame,
    what: `${what} cannot be built`,
    where: dockerfile,
    detail: [...lines.slice(-TOLD_LINES), error],
    next:
      blame === 'app'
        ? 'mend the Dockerfile; `docker build` must succeed by hand'
        : 'look at the lines above: the packages of Debian must be reachable from the machine of the engine',
  });
}

type Followed = {
  readonly id: Digest | undefined;
  readonly error: string | undefined;
  readonly lines: readonly string[];
};

/** Reads what a build or pull tells until it ends. */
export async function followed(docker: Docker, stream: NodeJS.ReadableStream, progress: Progress): Promise<Followed> {
  if (!follows(docker)) throw new TypeError('dockerode has no followProgress');
  const lines: string[] = [];
  let id: Digest | undefined;
  let error: string | undefined;
  await new Promise<void>((resolve, reject) => {
    docker.followProgress(
      stream,
      (failure) => (failure ? reject(failure) : resolve()),
      (event) => {
        id = idIn(event) ?? id;
        error = textOf(event, 'error') ?? error;
        for (const line of (textOf(event, 'stream') ?? textOf(event, 'status') ?? '').split('\n')) {
          if (line.trim() === '' || INTERNAL.test(line)) continue;
          lines.push(line);
          if (lines.length > KEPT_LINES) lines.shift();
          if (STEP.test(line)) progress(line.replace(/^\[sha256:\w+\] /, '').slice(0, 110));
        }
      },
    );
  });
  return { id, error, lines };
}

/** Beginning of a step, by BuildKit and by the classic builder. */
const STEP = /^(?:\[sha256:\w+\] \[|Step \d+\/\d+)/;
/** Steps and states that say nothing of the Dockerfile. */
const INTERNAL = /\[internal\]|^(?:CACHED:|Built image:)|: \d+% \(/;

function idIn(event: unknown): Digest | undefined {
  const built = /^Built image: (\S+)/.exec(textOf(event, 'stream') ?? '')?.[1];
  const found = built ?? textOf(fieldOf(event, 'aux'), 'ID');
  return found !== undefined && isDigest(found) ? found : undefined;
}

const fieldOf = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null && name in value ? Reflect.get(value, name) : undefined;

function textOf(value: unknown, name: string): string | undefined {
  const found = fieldOf(value, name);
  return typeof found === 'string' ? found : undefined;
}

/** What dockerode 5 has and its types do not: it reads BuildKit's messages, too. */
type Following = {
  followProgress(
    stream: NodeJS.ReadableStream,
    finished: (error: Error | null) => void,
    progress: (event: unknown) => void,
  ): void;
};
const follows = (docker: unknown): docker is Following => typeof fieldOf(docker, 'followProgress') === 'function';
