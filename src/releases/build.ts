import { chmod, mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { App, Command, Service } from '../config/app.ts';
import { fail, ProblemError } from '../evidence/problem.ts';
import type { Clock, Digest, Milliseconds } from '../evidence/units.ts';
import { between, minutes } from '../evidence/units.ts';
import type { CommandEnd, Host } from '../hosts/host.ts';
import type { ImageFacts, Images } from '../runtimes/runtime.ts';
import { missingImages } from './carried-images.ts';
import { digestOfNamed } from './digest.ts';
import type { Release, ReleaseImage } from './release.ts';
import { buildInputs, configurationDigest, releaseDigest, shortDigest } from './release.ts';
import { secretFiles } from './secret-files.ts';
import type { Tree } from './source-tree.ts';
import { copyTree, wholeTree } from './source-tree.ts';

/** A build that has not ended after this long is stopped: three times what the plan allows for it. */
export const BUILD_LIMIT: Milliseconds = minutes(18);

export type BuildSettings = {
  readonly host: Host;
  /** STATE/releases */
  readonly folder: string;
  readonly clock: Clock;
  readonly progress: (line: string) => void;
  readonly signal: AbortSignal;
  /** Where services that are made of an image come from; undefined where the runtime has none. */
  readonly images: Images | undefined;
};

/**
 * The release that was built from these inputs, or undefined where none was, or where its files are no longer there.
 */
export async function findRelease(folder: string, inputs: Digest): Promise<Release | undefined> {
  try {
    const release = JSON.parse(await readFile(recordPath(folder, inputs), 'utf8')) as Release;
    if (!(await stat(release.folder)).isDirectory()) return undefined;
    // A record of a version that knew no images.
    return { ...release, images: release.images ?? {}, tree: release.tree ?? release.artefact };
  } catch {
    // No record, or one that was cut off while it was written: the release is built (again).
    return undefined;
  }
}

const recordPath = (folder: string, inputs: Digest) => join(folder, `built-from-${shortDigest(inputs)}.json`);

/**
 * Builds the release once: a clean copy of the source, the build commands, a digest of what they left. A folder takes
 * its final name only when it is whole, so that a build that was cut off leaves nothing that looks like a release.
 */
export async function buildRelease(app: App, source: Tree, settings: BuildSettings): Promise<Release> {
  const inputs = buildInputs(app, source);
  const known = await findRelease(settings.folder, inputs);
  if (known && (await isWhole(known, settings))) return known;
  await mkdir(settings.folder, { recursive: true, mode: 0o755 });
  const work = await mkdtemp(join(settings.folder, 'building-'));
  try {
    await chmod(work, 0o755);
    const startedAt = settings.clock();
    await copyTree(source, work);
    await runBuild(app.build, work, settings);
    const built = await wholeTree(work);
    const images = await imagesOf(app, source.root, settings);
    const configuration = configurationDigest(app);
    const artefact = artefactDigest(built.digest, images);
    const digest = releaseDigest({ artefact, configuration });
    const folder = join(settings.folder, shortDigest(digest));
    await settle(work, folder, built.digest);
    const builtAt = settings.clock();
    const release: Release = {
      digest,
      source: inputs,
      artefact,
      tree: built.digest,
      images,
      configuration,
      folder,
      files: built.files.length,
      builtAt,
      buildTook: between(startedAt, builtAt),
      build: app.build,
    };
    await record(recordPath(settings.folder, inputs), release);
    return release;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Somebody may have tidied up the engine since. */
async function isWhole(known: Release, { images, progress }: BuildSettings): Promise<boolean> {
  const [gone] = (await missingImages(known, images)).values();
  if (gone !== undefined) progress(`the image of ${gone} is gone from the engine, so the release is built again`);
  return gone === undefined;
}

/** Each service's image: pulled, or built from the app's Dockerfile in its source. */
async function imagesOf(app: App, root: string, settings: BuildSettings): Promise<Release['images']> {
  const { images, progress, signal } = settings;
  const found: [string, ReleaseImage][] = [];
  for (const service of app.services) {
    const { source } = service;
    if (source.kind === 'tree') continue;
    if (images === undefined)
      return fail({
        kind: 'input',
        what: `the service ${service.name} is made of an image, which this runtime cannot run`,
        where: app.root,
        next: 'set `runtime: docker` for the environment, or give the service a `command`',
      });
    const facts =
      source.kind === 'image'
        ? await images.ensure(source.reference, progress, signal)
        : await images.build(
            `${app.name}-${service.name}`,
            {
              context: join(root, source.context),
              dockerfile: join(root, source.file),
              target: source.target,
              arguments: source.arguments,
              secretFiles: secretFiles(app).map((path) => join(app.root, path)),
            },
            progress,
            signal,
          );
    found.push([service.name, { id: facts.id, ports: facts.ports, command: startOf(service, facts) }]);
  }
  return Object.fromEntries(found);
}

/** As an engine puts it together: another ENTRYPOINT drops the image's CMD, another CMD leaves its ENTRYPOINT. */
function startOf(service: Service, image: ImageFacts): Command {
  const entrypoint = service.source.kind === 'tree' ? undefined : service.source.entrypoint;
  const usual = entrypoint === undefined ? image.arguments : [];
  const [program, ...words] = [...(entrypoint ?? image.entrypoint), ...(service.command ?? usual)];
  if (program !== undefined) return [program, ...words];
  return fail({
    kind: 'input',
    what: `the image of ${service.name} does not say what to start`,
    where: image.id,
    next: 'give the service a `command`',
  });
}

/** Of the tree alone where there are no images: what is running already keeps its name. */
function artefactDigest(tree: Digest, images: Release['images']): Digest {
  const ids = Object.fromEntries(Object.entries(images).map(([name, { id }]) => [`image ${name}`, id]));
  return Object.keys(ids).length === 0 ? tree : digestOfNamed({ tree, ...ids });
}

/** Other inputs may build the very same release: its folder stays then, because instances may run from it. */
async function settle(work: string, folder: string, artefact: Digest): Promise<void> {
  // Not there, or not to be read: either way it is put there anew.
  const there = await wholeTree(folder).catch(() => undefined);
  if (there?.digest === artefact) return;
  await rm(folder, { recursive: true, force: true });
  await rename(work, folder);
}

async function record(path: string, release: Release): Promise<void> {
  await writeFile(`${path}.new`, `${JSON.stringify(release, undefined, 2)}\n`, { mode: 0o644 });
  await rename(`${path}.new`, path);
}

/** Runs build commands one after another in a folder; the first that does not exit 0 is a Problem with its last lines. */
export async function runBuild(
  commands: readonly Command[],
  directory: string,
  settings: Pick<BuildSettings, 'host' | 'progress' | 'signal'> & {
    readonly environment?: Readonly<Record<string, string>>;
  },
): Promise<void> {
  for (const argv of commands) {
    settings.progress(`runs ${argv.join(' ')}`);
    const environment = { ...packageManagerSettings(process.env), ...settings.environment };
    const end = await settings.host.run({ argv, directory, environment, timeLimit: BUILD_LIMIT }, settings.signal);
    if (end.kind === 'exited' && end.code === 0) continue;
    throw new ProblemError({
      kind: 'app',
      what: `the build command \`${argv.join(' ')}\` ${howItEnded(end)}`,
      where: directory,
      next: 'run it by hand in a clean copy of the source, mend it, and launch again',
      detail: lastLines(end, 12),
    });
  }
}

export function howItEnded(end: CommandEnd): string {
  switch (end.kind) {
    case 'exited':
      return `ended with exit status ${end.code}`;
    case 'timed-out':
      return `was stopped after ${Math.round(end.took / 1000)} s`;
    case 'cancelled':
      return 'was cancelled';
    case 'not-started':
      return `could not be started: ${end.reason}`;
    case 'lost':
      return `was lost: ${end.reason}`;
  }
}

export function lastLines(end: CommandEnd, count: number): string[] {
  if (!('stdout' in end)) return [];
  return `${end.stdout}\n${end.stderr}`
    .split('\n')
    .filter((line) => line.trim() !== '')
    .slice(-count);
}

/**
 * What a package manager needs to reach its registry from a clean environment. A build runs as the user that Holdpoint
 * runs as, with that user's HOME, because registries and their credentials are configured there.
 */
export function packageManagerSettings(environment: NodeJS.ProcessEnv): Record<string, string> {
  const wanted =
    /^(HOME|(HTTPS?|NO)_PROXY|https?_proxy|no_proxy|npm_config_(registry|cafile|proxy|https_proxy|cache)|NPM_CONFIG_.*|PIP_.*|NODE_EXTRA_CA_CERTS|SSL_CERT_(FILE|DIR)|GOPROXY|CARGO_.*)$/;
  return Object.fromEntries(
    Object.entries(environment).filter(
      (pair): pair is [string, string] => pair[1] !== undefined && wanted.test(pair[0]),
    ),
  );
}
