import type { App, Command } from '../config/app.ts';
import type { Digest, Instant, Milliseconds } from '../evidence/units.ts';
import { digestOf, digestOfNamed } from './digest.ts';
import type { Tree } from './source-tree.ts';

/**
 * One immutable version of the app. `digest` names it everywhere: it covers the built artefact, the configuration and
 * the migrations, so that staging and production can be shown to run the same thing.
 */
export type Release = {
  readonly digest: Digest;
  /** Digest of the source that it was built from, with the build commands. */
  readonly source: Digest;
  /** Digest of the built tree, and of the images that services are made of. */
  readonly artefact: Digest;
  /** Digest of the built tree alone. */
  readonly tree: Digest;
  readonly configuration: Digest;
  /** Absolute path of the built tree. Nothing writes into it after the build. */
  readonly folder: string;
  readonly files: number;
  readonly builtAt: Instant;
  readonly buildTook: Milliseconds;
  readonly build: readonly Command[];
  /** By service, for those that are made of an image: its id and what it starts. */
  readonly images: Readonly<Record<string, ReleaseImage>>;
};

/** `command`: what an instance starts, from the image's own words and the service's. */
export type ReleaseImage = { readonly id: Digest; readonly command: Command; readonly ports: readonly number[] };

/** What a build depends on, known before anything is built: the key under which a release is found again. */
export function buildInputs(app: App, source: Tree): Digest {
  return digestOfNamed({
    source: source.digest,
    build: JSON.stringify(app.build),
    configuration: configurationDigest(app),
  });
}

/**
 * The part of the configuration that a release carries into each environment. Secrets are references here, so no
 * secret is part of a digest; where the app lies and what is asked of it is no part of the release.
 */
export function configurationDigest(app: App): Digest {
  const { services, database, cache, secrets, packages } = app;
  return digestOf(JSON.stringify({ services, database: database ?? null, cache: cache ?? null, secrets, packages }));
}

export function releaseDigest(parts: { readonly artefact: Digest; readonly configuration: Digest }): Digest {
  return digestOfNamed(parts);
}

/** The first twelve digits: enough to tell releases apart on a screen. */
export const shortDigest = (digest: Digest): string => digest.slice('sha256:'.length, 'sha256:'.length + 12);
