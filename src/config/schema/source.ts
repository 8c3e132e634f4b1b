import * as z from 'zod';
import type { Command, ServiceSource } from '../app.ts';
import { environment } from './environment.ts';
import { key, refuse } from './key.ts';
import { command, relativePath } from './values.ts';

/** As Docker's own reference grammar has it: host, path, tag, digest. */
const IMAGE = 'an image such as `nginx:1.27`, better with its digest: `nginx@sha256:…`';
const WORD = '[a-z0-9]+(?:(?:\\.|_{1,2}|-+)[a-z0-9]+)*';
const IMAGE_FORM = new RegExp(
  `^(?:[A-Za-z0-9.-]+(?::\\d+)?/)?${WORD}(?:/${WORD})*(?::\\w[\\w.-]{0,127})?(?:@sha256:[a-f0-9]{64})?$`,
);

export const image = key(z.string({ error: IMAGE }).regex(IMAGE_FORM, { error: IMAGE }).optional(), {
  description: 'The service comes from this image instead of the built tree; only on the runtime `docker`.',
  examples: ['nginx:1.27'],
  absent: 'the service comes from the built tree',
});

const DOCKERFILE = 'the path of a Dockerfile, or a mapping with `file`';
const dockerfileKeys = z.strictObject(
  {
    file: key(relativePath.default('Dockerfile'), {
      description: 'The Dockerfile.',
      examples: ['docker/web.Dockerfile'],
    }),
    context: key(relativePath.default('.'), { description: 'The folder that it is built from.', examples: ['web/'] }),
    target: key(z.string({ error: 'the name of a stage' }).min(1, { error: 'the name of a stage' }).optional(), {
      description: 'The stage that is built.',
      examples: ['production'],
      absent: 'the last one',
    }),
    arguments: key(environment, {
      description: 'Build arguments, which everybody can read in the image.',
      examples: [{ NODE_VERSION: '20' }],
    }),
  },
  { error: (issue) => (issue.code === 'invalid_type' ? DOCKERFILE : undefined) },
);

export const dockerfile = key(
  z
    .union(
      [
        relativePath.transform((file): z.input<typeof dockerfileKeys> => ({ file })).pipe(dockerfileKeys),
        dockerfileKeys,
      ],
      { error: DOCKERFILE },
    )
    .optional(),
  {
    description: 'The service comes from an image that is built from this Dockerfile; only on the runtime `docker`.',
    examples: [
      'Dockerfile',
      { file: 'Dockerfile', context: '.', target: 'production', arguments: { NODE_VERSION: '20' } },
    ],
    absent: 'the service comes from the built tree',
  },
);

export const staticFolder = key(relativePath.optional(), {
  description: 'The service is the files of this folder of the built app, served by Caddy. It needs no `command`.',
  examples: ['public'],
  absent: 'the service is what `command` starts',
});

export const entrypoint = key(command.optional(), {
  description: "In the place of the image's ENTRYPOINT.",
  examples: [['/bin/sh', '-c', 'exec app']],
  absent: 'what the image has',
  with: { here: { image: 'nginx:1.27' } },
});

type Given = {
  readonly command: Command | undefined;
  readonly image: string | undefined;
  readonly dockerfile: z.output<typeof dockerfileKeys> | undefined;
  readonly static: string | undefined;
  readonly entrypoint: Command | undefined;
  readonly hostVariable: string;
  readonly portVariable: string;
};

export type Made = { readonly source: ServiceSource; readonly command: Command | undefined };

/** What a service is made of and what starts it: exactly one of tree, image, Dockerfile and folder of files. */
export function made(given: Given, ctx: Parameters<typeof refuse>[0]): Made | undefined {
  const sources = (['image', 'dockerfile', 'static'] as const).filter((source) => given[source] !== undefined);
  const refused = (found: string, expected: string, path: string[] = []) => {
    refuse(ctx, given, { expected, quote: 'hidden', found }, path);
    return undefined;
  };
  const [source, second] = sources;
  if (second !== undefined)
    return refused(`${sources.map((s) => `\`${s}\``).join(' and ')}`, 'only one of them', [second]);
  if (source === undefined && given.command === undefined)
    return refused('nothing that could run', '`command`, `image`, `dockerfile` or `static`');
  if (given.entrypoint !== undefined && source !== 'image' && source !== 'dockerfile')
    return refused(
      'an entrypoint without an image',
      '`image` or `dockerfile`, or the whole command line in `command`',
      ['entrypoint'],
    );
  if (given.static === undefined) return { source: sourceOf(given), command: given.command };
  if (given.command !== undefined) return refused('a command beside `static`', 'one of them', ['command']);
  return { source: { kind: 'tree' }, command: fileServer(given.static, given.hostVariable, given.portVariable) };
}

function sourceOf({ image: reference, dockerfile: built, entrypoint: entry }: Given): ServiceSource {
  if (reference !== undefined) return { kind: 'image', reference, entrypoint: entry };
  if (built === undefined) return { kind: 'tree' };
  const { file, context, target, arguments: values } = built;
  return { kind: 'dockerfile', file, context, target, arguments: values, entrypoint: entry };
}

/** The package that `fileServer` needs. */
export const FILE_SERVER_PACKAGE = 'caddy';

/**
 * Caddy's own file server, without an admin endpoint. Where the folder is the app's root, what lies beside the pages is
 * hidden: files that begin with a dot (`.env`, `.git`), descriptions and what Holdpoint renders.
 */
const fileServer = (folder: string, host: string, port: string): Command => [
  '/bin/sh',
  '-c',
  `exec caddy run --adapter caddyfile --config - <<END
{
	admin off
	auto_https off
}
http://:$${port} {
	bind $${host}
	root * "$1"
	file_server {
		hide .* holdpoint.yaml compose.yaml docker-compose.yml Dockerfile launch
	}
}
END`,
  'static',
  folder,
];
