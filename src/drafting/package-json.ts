import type { Facts } from './facts.ts';

/** What of package.json says how the app is built and run. */
export type PackageJson = {
  readonly name: string | undefined;
  readonly main: string | undefined;
  readonly scripts: Readonly<Record<string, string>>;
  /** All of them: what a build or a migration needs may be a development dependency. */
  readonly dependencies: ReadonlyMap<string, string>;
  /** What the app itself stands on. */
  readonly own: ReadonlySet<string>;
  /** `npm`, `yarn` or `pnpm`, told by the lock file. */
  readonly runner: 'npm' | 'yarn' | 'pnpm';
  readonly install: string;
  readonly node: string | undefined;
};

type Json = Readonly<Record<string, unknown>>;
const isJson = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Undefined where there is none, or none that can be read. */
export function packageJson(facts: Facts): PackageJson | undefined {
  let read: unknown;
  try {
    read = JSON.parse(facts.texts.get('package.json') ?? '');
  } catch {
    return undefined;
  }
  if (!isJson(read)) return undefined;
  const own = texts(read.dependencies);
  const lock = (name: string) => facts.files.includes(name);
  const runner = lock('pnpm-lock.yaml') ? 'pnpm' : lock('yarn.lock') ? 'yarn' : 'npm';
  const installs = {
    pnpm: 'pnpm install --frozen-lockfile',
    yarn: 'yarn install --frozen-lockfile',
    npm: 'npm ci',
  } as const;
  return {
    name: typeof read.name === 'string' ? read.name : undefined,
    main: typeof read.main === 'string' ? read.main : undefined,
    scripts: texts(read.scripts),
    dependencies: new Map([...Object.entries(texts(read.devDependencies)), ...Object.entries(own)]),
    own: new Set(Object.keys(own)),
    runner,
    install: runner === 'npm' && !lock('package-lock.json') ? 'npm install' : installs[runner],
    node: isJson(read.engines) && typeof read.engines.node === 'string' ? read.engines.node : undefined,
  };
}

const texts = (value: unknown): Record<string, string> =>
  isJson(value)
    ? Object.fromEntries(
        Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
      )
    : {};
