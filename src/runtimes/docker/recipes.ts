import type { UnitUser } from '../unit.ts';
import type { Entry } from './archive.ts';
import { type Machine, POSTGRES_VERSION } from './machine.ts';
import { LABELS } from './names.ts';
import { IMAGE_USERS } from './users.ts';

/** What an image is made of, as data: the same recipe, the same image, built once on an engine. */
export type Recipe = {
  /** For messages. */
  readonly what: string;
  readonly dockerfile: string;
  /** The context's files, small ones; what is large is added when it is built. */
  readonly files: readonly Entry[];
};

/** PATH of every unit whose image is ours. */
export const IMAGE_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

const APT_INSTALL = 'apt-get install -y --no-install-recommends -o Dpkg::Options::=--force-confold';

const install = (packages: readonly string[]): string =>
  `RUN apt-get update && ${APT_INSTALL} ${packages.join(' ')} && rm -rf /var/lib/apt/lists/* /var/cache/apt /var/log/*`;

/** Left out before any package is installed: removing it later would leave it in the layer below. */
const EXCLUDED = `path-exclude /usr/share/doc/*
path-include /usr/share/doc/*/copyright
path-exclude /usr/share/man/*
path-exclude /usr/share/info/*
path-exclude /usr/share/locale/*
`;

/** Debian's packages start their servers when they are installed, and would do so while the image is built. */
const NO_SERVICES = '#!/bin/sh\nexit 101\n';

const file = (path: string, content: string, mode = 0o644): Entry => ({ kind: 'file', path, content, mode });

const makeUsers = Object.values(IMAGE_USERS)
  .map(
    ({ name, uid }) =>
      `groupadd --gid ${uid} ${name} && useradd --uid ${uid} --gid ${uid} --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin ${name}`,
  )
  .join(' && ');

/**
 * What all images of ours share: users with fixed ids, the way to Debian's packages, Node. Also what a tree runs on that
 * asks for no packages, and what the runtime's own hands are.
 */
export const commonRecipe = (base: string, machine: Machine, withNpm: boolean): Recipe => ({
  what: 'the common image',
  dockerfile: [
    `FROM ${base}`,
    `ENV PATH=${IMAGE_PATH} LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive`,
    `RUN ${makeUsers}`,
    'COPY policy-rc.d /usr/sbin/policy-rc.d',
    'COPY excluded /etc/dpkg/dpkg.cfg.d/holdpoint',
    'COPY apt.conf /etc/apt/apt.conf.d/90holdpoint',
    'RUN rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/*',
    'COPY debian.sources /etc/apt/sources.list.d/debian.sources',
    'COPY certificates/ /usr/local/share/ca-certificates/',
    install(['ca-certificates', 'bash', 'tzdata']),
    'RUN update-ca-certificates',
    'COPY node /usr/local/bin/node',
    // Says in the build, not in the first unit, where a Node does not run here (built for a newer system, for example).
    'RUN node --version',
    ...(withNpm
      ? [
          'COPY npm /usr/local/lib/node_modules/npm',
          'RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm && ln -s ../lib/node_modules/npm/bin/npx-cli.js /usr/local/bin/npx',
        ]
      : []),
    'RUN mkdir -m 0755 /stores /app',
    `LABEL ${LABELS.kind}=part`,
    '',
  ].join('\n'),
  files: [
    file('policy-rc.d', NO_SERVICES, 0o755),
    file('excluded', EXCLUDED),
    file('apt.conf', machine.configuration),
    file('debian.sources', machine.sources),
    { kind: 'folder', path: 'certificates', mode: 0o755 },
    ...machine.certificates.map((entry) => ({ ...entry, path: `certificates/${entry.path}` })),
  ],
});

/** Roles that have an image of their own; the app's is the common one. */
export type PartRole = Exclude<UnitUser, 'app'>;

type PartImage = { readonly packages: readonly string[]; readonly excluded: readonly string[] };

const PARTS: Readonly<Record<PartRole, PartImage>> = {
  proxy: { packages: ['caddy', 'mtail'], excluded: [] },
  postgres: {
    packages: ['postgresql', 'pgbackrest'],
    // LLVM and what it compiles for: 107 MB for a just-in-time compiler that short queries never reach.
    excluded: [
      '/usr/lib/llvm*',
      '/usr/lib/*/libLLVM*',
      `/usr/lib/postgresql/${POSTGRES_VERSION}/lib/bitcode/*`,
      `/usr/lib/postgresql/${POSTGRES_VERSION}/lib/llvmjit*`,
    ],
  },
  cache: { packages: ['redis-server'], excluded: [] },
  monitoring: {
    packages: [
      'prometheus',
      'prometheus-alertmanager',
      'prometheus-node-exporter',
      'prometheus-postgres-exporter',
      'prometheus-blackbox-exporter',
    ],
    // 218 MB that Prometheus drags in for its pages.
    excluded: ['/usr/share/nodejs/*', '/usr/lib/*/perl5/*/auto/share/*'],
  },
};

export const PART_ROLES = Object.keys(PARTS).filter((role): role is PartRole => role in PARTS);

export const partRecipe = (role: PartRole, common: string): Recipe => {
  const { packages, excluded } = PARTS[role];
  return {
    what: `the image of ${packages.join(', ')}`,
    dockerfile: [
      `FROM ${common}`,
      'COPY excluded /etc/dpkg/dpkg.cfg.d/holdpoint-part',
      // Debian would make a database cluster of its own in the image.
      'RUN mkdir -p /etc/postgresql-common && echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf',
      install(packages),
      `LABEL ${LABELS.kind}=part`,
      '',
    ].join('\n'),
    files: [file('excluded', excluded.map((path) => `path-exclude ${path}\n`).join(''))],
  };
};

/** What a tree stands on that asks for packages of Debian beside Node. */
export const packagesRecipe = (packages: readonly string[], common: string): Recipe => ({
  what: `the image with ${packages.join(', ')}`,
  dockerfile: [`FROM ${common}`, install(packages), `LABEL ${LABELS.kind}=part`, ''].join('\n'),
  files: [],
});

export const treeRecipe = (base: string): Recipe => ({
  what: 'the image of the release',
  dockerfile: [`FROM ${base}`, 'COPY tree/ /app/', 'WORKDIR /app', ''].join('\n'),
  files: [],
});
