import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fail, ProblemError } from '../../evidence/problem.ts';
import { minutes } from '../../evidence/units.ts';
import { localHost } from '../../hosts/local.ts';
import { checkedPath } from '../checked-name.ts';
import type { ImageBuild, ImageFacts } from '../runtime.ts';
import { archive, type Entry, folderEntries } from './archive.ts';
import { build, followed, type Progress } from './build.ts';
import type { Engine } from './engine.ts';
import { saidByEngine } from './engine-problem.ts';
import { hasImage, imageDetails, nameImage } from './image-facts.ts';
import { LABELS } from './names.ts';
import { loginFor } from './registry-login.ts';

const PULL_LIMIT = minutes(30);

/**
 * Builds an image from an app's own Dockerfile. What its .dockerignore names is not sent.
 *
 * @param name of the service, for messages and for the image's name
 * @throws ProblemError `app` with the last lines of the step that failed, `input` where there is no such Dockerfile
 */
export async function buildFromDockerfile(
  engine: Engine,
  name: string,
  { context, dockerfile, target, arguments: given, secretFiles }: ImageBuild,
  progress: Progress,
  signal?: AbortSignal,
): Promise<ImageFacts> {
  if (!(await isFile(dockerfile))) {
    fail({
      kind: 'input',
      what: `there is no Dockerfile for the service ${name}`,
      where: dockerfile,
      next: 'mend `dockerfile` of the service in holdpoint.yaml',
    });
  }
  const sent = await sentFor(context, dockerfile, secretFiles);
  const id = await build(
    engine,
    {
      what: `the image of ${name}`,
      context: () => archive(sent.entries()),
      dockerfile: sent.dockerfile,
      labels: { [LABELS.kind]: 'app' },
      ...(target === undefined ? {} : { target }),
      buildArguments: given,
      blame: 'app',
    },
    progress,
    signal,
  );
  await nameImage(engine, id, `holdpoint-app-${name.toLowerCase()}`);
  return factsOf(engine, id);
}

/** An image that the engine has, else pulls. @throws ProblemError it can be had in neither way */
export async function ensureImage(
  engine: Engine,
  reference: string,
  progress: Progress,
  signal?: AbortSignal,
): Promise<ImageFacts> {
  if ((await hasImage(engine, reference)) === 'absent') await pull(engine, reference, progress, signal);
  return factsOf(engine, reference);
}

async function pull(engine: Engine, reference: string, progress: Progress, signal: AbortSignal | undefined) {
  progress(`pulls ${reference}`);
  // Without a tag the engine would pull every one that there is.
  const whole = /[:@][^/]*$/.test(reference) ? reference : `${reference}:latest`;
  const login = await loginFor(reference);
  const refused = (text: string): never => {
    const problem = saidByEngine(text, `pulls ${reference}`);
    const full = /disk of the Docker engine is full/.test(problem.what);
    return fail(
      full
        ? problem
        : {
            kind: 'host',
            what: `the image ${reference} is not on the engine and cannot be pulled`,
            where: engine.where,
            detail: [text],
            next: `\`docker pull ${reference}\` must succeed there by hand (\`docker login\` for a private registry), or load it with \`docker load\``,
          },
    );
  };
  try {
    const error = await engine.call(
      `pulls ${reference}`,
      async (docker) => {
        const stream = await docker.pull(whole, {
          ...(login === undefined ? {} : { authconfig: login }),
          ...(signal === undefined ? {} : { abortSignal: signal }),
        });
        return (await followed(docker, stream, progress)).error;
      },
      { limit: PULL_LIMIT, signal },
    );
    if (error !== undefined) refused(error);
  } catch (error) {
    if (!(error instanceof ProblemError) || error.problem.detail === undefined) throw error;
    refused(error.problem.detail.join(' '));
  }
}

async function factsOf(engine: Engine, name: string): Promise<ImageFacts> {
  const { id, entrypoint, arguments: words, ports } = await imageDetails(engine, name);
  return { id, entrypoint, arguments: words, ports };
}

/** What the engine is sent, and the name that the Dockerfile has in it. */
async function sentFor(context: string, dockerfile: string, secretFiles: readonly string[]) {
  const secret = new Set(secretFiles.map((path) => relative(context, path)));
  const ignored = await ignoredBy(context, dockerfile);
  const isIgnored = (path: string) => secret.has(path) || ignored(path);
  const inside = relative(context, dockerfile);
  if (inside !== '..' && !inside.startsWith('../')) {
    const name = checkedPath(inside);
    // The Dockerfile itself is needed whatever is ignored.
    const kept = (path: string) => path === name || !isIgnored(path);
    return { dockerfile: name, entries: () => folderEntries(context, { kept }) };
  }
  const content = await readFile(dockerfile);
  // By its content, so that the same source makes the same layers.
  const name = `.dockerfile.${createHash('sha256').update(content).digest('hex').slice(0, 16)}`;
  async function* entries(): AsyncGenerator<Entry> {
    yield { kind: 'file', path: name, mode: 0o644, content };
    yield* folderEntries(context, { kept: (path) => !isIgnored(path) });
  }
  return { dockerfile: name, entries };
}

/** By `DOCKERFILE.dockerignore` where there is one, else by `.dockerignore` of the context. */
async function ignoredBy(context: string, dockerfile: string): Promise<(path: string) => boolean> {
  for (const file of [`${dockerfile}.dockerignore`, join(context, '.dockerignore')]) {
    // One that is there and cannot be read is a Problem: without its rules, secrets could be sent along.
    const text = await localHost().read(file);
    if (text === undefined) continue;
    const rules = (await dockerignore())({ ignorecase: false }).add(Buffer.from(text).toString('utf8'));
    return (path) => rules.ignores(path);
  }
  return () => false;
}

const isFile = (path: string): Promise<boolean> =>
  stat(path).then(
    (facts) => facts.isFile(),
    () => false,
  );

type Rules = { add(text: string): Rules; ignores(path: string): boolean };
type MakeRules = (options: { readonly ignorecase: boolean }) => Rules;

/** Its types speak of a default export; what there is is the function itself. */
async function dockerignore(): Promise<MakeRules> {
  const found: unknown = (await import('@balena/dockerignore')).default;
  return isMaker(found) ? found : Promise.reject(new TypeError('dockerignore has changed'));
}
const isMaker = (found: unknown): found is MakeRules => typeof found === 'function';
