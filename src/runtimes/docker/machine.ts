import { readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { seconds } from '../../evidence/units.ts';
import { localHost } from '../../hosts/local.ts';
import type { Entry } from './archive.ts';

/** The release of Debian that the images are made of. */
export const RELEASE = 'bookworm';
/** What that release carries; its programs lie in a folder of that name. */
export const POSTGRES_VERSION = 15;

const DEBIAN_KEYS = '/usr/share/keyrings/debian-archive-keyring.gpg';

const DEFAULT_SOURCES = `Types: deb
URIs: http://deb.debian.org/debian
Suites: ${RELEASE} ${RELEASE}-updates
Components: main
Signed-By: ${DEBIAN_KEYS}

Types: deb
URIs: http://deb.debian.org/debian-security
Suites: ${RELEASE}-security
Components: main
Signed-By: ${DEBIAN_KEYS}
`;

/** How this machine reaches Debian's packages, so that images can be built where it can reach them only that way. */
export type Machine = {
  /** Content of a `debian.sources`. */
  readonly sources: string;
  /** Where debootstrap takes the release from. */
  readonly mirror: string;
  /** Content of a file in apt.conf.d; empty where nothing is special. */
  readonly configuration: string;
  /** Of proxies: handed to the build as the variables that leave no trace in an image. */
  readonly proxies: Readonly<Record<string, string>>;
  /** Certificate authorities that this machine trusts beside the public ones. */
  readonly certificates: readonly Entry[];
};

export async function thisMachine(): Promise<Machine> {
  const [sources, configuration, certificates] = await Promise.all([aptSources(), aptConfiguration(), authorities()]);
  const release = sources.find((stanza) => words(stanza, 'Suites').includes(RELEASE));
  const security = sources.some((stanza) => words(stanza, 'Suites').includes(`${RELEASE}-security`));
  // A base without the security suite would never see a fix.
  const taken = release !== undefined && security ? sources.map(plainStanza).join('\n') : DEFAULT_SOURCES;
  const mirror = (release && security ? words(release, 'URIs')[0] : undefined) ?? 'http://deb.debian.org/debian';
  return { sources: taken, mirror, certificates, ...configuration };
}

/** Stanzas of this machine's sources that belong to the release; other suites and other people's are left out. */
async function aptSources(): Promise<readonly string[]> {
  const folder = '/etc/apt/sources.list.d';
  const names = (await readdir(folder).catch(() => [])).sort();
  const text = async (path: string) => (await readFile(path, 'utf8').catch(() => '')).replace(/^\s*#.*\n?/gm, '');
  const stanzas = await Promise.all(
    names
      .filter((name) => name.endsWith('.sources'))
      .map(async (name) => (await text(join(folder, name))).split(/\n\s*\n/)),
  );
  const lists = await Promise.all(
    ['/etc/apt/sources.list', ...names.filter((name) => name.endsWith('.list')).map((name) => join(folder, name))].map(
      async (path) => (await text(path)).split('\n').flatMap(fromOneLine),
    ),
  );
  return [...stanzas.flat(), ...lists.flat()].filter((stanza) => {
    const suites = words(stanza, 'Suites');
    const ours = [RELEASE, `${RELEASE}-updates`, `${RELEASE}-security`];
    return words(stanza, 'Types').includes('deb') && suites.length > 0 && suites.every((suite) => ours.includes(suite));
  });
}

/** `deb [options] URI suite components` in the newer form. */
function fromOneLine(line: string): readonly string[] {
  const found = /^deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)\s+(.+)$/.exec(line.trim());
  if (found === null) return [];
  return [`Types: deb\nURIs: ${found[1]}\nSuites: ${found[2]}\nComponents: ${found[3]}`];
}

function words(stanza: string, name: string): readonly string[] {
  const found = new RegExp(`^${name}:(.*)$`, 'mi').exec(stanza);
  return (
    found?.[1]
      ?.trim()
      .split(/\s+/)
      .filter((word) => word !== '') ?? []
  );
}

/** The image has Debian's keys where Debian puts them. */
const plainStanza = (stanza: string): string =>
  [
    'Types: deb',
    ...['URIs', 'Suites', 'Components'].map((name) => `${name}: ${words(stanza, name).join(' ')}`),
    `Signed-By: ${DEBIAN_KEYS}`,
    '',
  ].join('\n');

async function aptConfiguration(): Promise<Pick<Machine, 'configuration' | 'proxies'>> {
  const end = await localHost().run({ argv: ['apt-config', 'dump'], timeLimit: seconds(10) });
  const lines = end.kind === 'exited' && end.code === 0 ? end.stdout.split('\n') : [];
  const value = (name: string) =>
    lines.map((line) => new RegExp(`^${name} "(.+)";$`, 'i').exec(line)?.[1]).findLast((found) => found !== undefined);
  const kept = ['Acquire::Check-Valid-Until', 'Acquire::Check-Date', 'Acquire::ForceIPv4'].flatMap((name) => {
    const found = value(name);
    return found === undefined ? [] : [`${name} "${found}";`];
  });
  const proxies = Object.fromEntries(
    (['http', 'https'] as const).flatMap((scheme) => {
      const proxy = value(`Acquire::${scheme}::Proxy`);
      return proxy === undefined || proxy === 'DIRECT' ? [] : [[`${scheme}_proxy`, proxy]];
    }),
  );
  return { configuration: kept.length === 0 ? '' : `${kept.join('\n')}\n`, proxies };
}

async function authorities(): Promise<readonly Entry[]> {
  const folder = '/usr/local/share/ca-certificates';
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.crt')).sort();
  return Promise.all(
    names.map(async (name) => ({
      kind: 'file' as const,
      path: name,
      mode: 0o644,
      content: await readFile(join(folder, name)),
    })),
  );
}

/** The Node that runs Holdpoint, and the npm that came with it. */
export type OwnNode = { readonly program: string; readonly size: number; readonly npm: string | undefined };

export async function ownNode(): Promise<OwnNode> {
  const npm = join(dirname(dirname(process.execPath)), 'lib', 'node_modules', 'npm');
  const [{ size }, hasNpm] = await Promise.all([
    stat(process.execPath),
    stat(join(npm, 'bin', 'npm-cli.js')).then(
      () => true,
      () => false,
    ),
  ]);
  return { program: process.execPath, size, npm: hasNpm ? npm : undefined };
}
