import { fail } from '../../evidence/problem.ts';
import { type Digest, isDigest } from '../../evidence/units.ts';
import type { ImageFacts } from '../runtime.ts';
import type { Engine } from './engine.ts';
import { unlessAbsent } from './engine-problem.ts';

/** What an image that we did not make says of itself. */
export type ImageDetails = ImageFacts & {
  /** Folders that it declares as volumes. */
  readonly volumes: readonly string[];
  /** It starts with an init of its own, which has to be process 1. */
  readonly hasInit: boolean;
};

const OWN_INITS = new Set(['tini', 'dumb-init', 'init', 'docker-init', 's6-svscan', 'catatonit', 'my_init']);

/** @param name a tag, digest or id */
export async function hasImage(engine: Engine, name: string): Promise<'there' | 'absent'> {
  const found = engine.call(`looks for ${name}`, (docker) => docker.getImage(name).inspect());
  return (await unlessAbsent(found)) === undefined ? 'absent' : 'there';
}

/** Gives an image a name: without one it is taken for a leftover by whoever tidies the engine up. */
export async function nameImage(engine: Engine, id: Digest, repository: string): Promise<void> {
  const tag = id.slice('sha256:'.length, 'sha256:'.length + 16);
  await engine.call('names the image', (docker) => docker.getImage(id).tag({ repo: repository, tag }));
}

/** @param name a tag, digest or id that the engine has */
export async function imageDetails(engine: Engine, name: string): Promise<ImageDetails> {
  const image = await engine.call(`looks at the image ${name}`, (docker) => docker.getImage(name).inspect());
  // The engine leaves out what an image does not say.
  const config: Partial<typeof image.Config> = image.Config ?? {};
  const id = isDigest(image.Id)
    ? image.Id
    : fail({
        kind: 'host',
        what: `the id of the image ${name} is no digest`,
        where: engine.where,
        next: 'pull it again',
      });
  const entrypoint = words(config.Entrypoint);
  const [program = ''] = entrypoint;
  return {
    id,
    entrypoint,
    arguments: words(config.Cmd),
    ports: Object.keys(config.ExposedPorts ?? {}).flatMap((port) => {
      const [number, protocol] = port.split('/');
      return protocol === undefined || protocol === 'tcp' ? [Number(number)] : [];
    }),
    volumes: Object.keys(config.Volumes ?? {}),
    hasInit: OWN_INITS.has(program.split('/').at(-1) ?? ''),
  };
}

const words = (value: string | string[] | null | undefined): readonly string[] => {
  if (value === undefined || value === null) return [];
  return typeof value === 'string' ? ['/bin/sh', '-c', value] : value;
};
