import type Docker from 'dockerode';
import type { Command } from '../../config/app.ts';
import { fail } from '../../evidence/problem.ts';
import { type Digest, isDigest } from '../../evidence/units.ts';
import type { Engine } from './engine.ts';

/** What an image says of itself. */
export type ImageFacts = {
  readonly id: Digest;
  /** Entry point and arguments; undefined where it names none. */
  readonly command: Command | undefined;
  /** Its own user, where that is not root: `node`, `1000:1000`. */
  readonly user: string | undefined;
  /** TCP ports that it exposes. */
  readonly exposedPorts: readonly number[];
  readonly healthcheck: Docker.HealthConfig | undefined;
  /** Folders that it declares as volumes. */
  readonly volumes: readonly string[];
  /** It starts with an init of its own, which has to be process 1. */
  readonly hasInit: boolean;
};

const OWN_INITS = new Set(['tini', 'dumb-init', 'init', 'docker-init', 's6-svscan', 'catatonit', 'my_init']);
const ROOT = new Set(['', '0', 'root']);

export async function imageFacts(engine: Engine, name: string): Promise<ImageFacts> {
  const image = await engine.call(`looks at the image ${name}`, (docker) => docker.getImage(name).inspect());
  // The engine leaves out what an image does not say.
  const config: Partial<Docker.ImageInspectInfo['Config']> = image.Config ?? {};
  const id = isDigest(image.Id)
    ? image.Id
    : fail({ kind: 'host', what: `the id of the image ${name} is no digest`, where: engine.where, next: 'pull it again' });
  const words = (value: string | string[] | null | undefined): readonly string[] =>
    value === undefined || value === null ? [] : typeof value === 'string' ? ['/bin/sh', '-c', value] : value;
  const entry = words(config.Entrypoint);
  const [program, ...rest] = [...entry, ...words(config.Cmd)];
  const [user = ''] = (config.User ?? '').split(':');
  return {
    id,
    command: program === undefined ? undefined : [program, ...rest],
    user: ROOT.has(user) ? undefined : config.User,
    exposedPorts: Object.keys(config.ExposedPorts ?? {}).flatMap((port) => {
      const [number, protocol] = port.split('/');
      return protocol === undefined || protocol === 'tcp' ? [Number(number)] : [];
    }),
    healthcheck: config.Healthcheck,
    volumes: Object.keys(config.Volumes ?? {}),
    hasInit: OWN_INITS.has((program ?? '').split('/').at(-1) ?? ''),
  };
}
