import { posix } from 'node:path';

/**
 * A TypeScript (or JavaScript) module of the app's repository with what it imports from there, as one file that any
 * Node runs, or why there is none. Packages stay imports.
 */
export type Bundled =
  | { readonly kind: 'bundled'; readonly code: string }
  | { readonly kind: 'refused'; readonly because: string };

/** The files that may be bundled, by path relative to the root with `/`: nothing else is ever read. */
export type ModuleFiles = { readonly paths: ReadonlySet<string>; read(path: string): Promise<string> };

const LOADERS = {
  ts: 'ts',
  mts: 'ts',
  cts: 'ts',
  tsx: 'tsx',
  jsx: 'jsx',
  js: 'js',
  mjs: 'js',
  cjs: 'js',
  json: 'json',
} as const;
type Loader = (typeof LOADERS)[keyof typeof LOADERS];

/** In this order where an import names no ending, as TypeScript looks for them. */
const ENDINGS = ['.ts', '.mts', '.tsx', '.js', '.mjs', '.json', '/index.ts', '/index.js'];

/**
 * Calls the check and prints what it returns. A team's `console.log` must not stand between the lines that are read, so
 * what it prints goes to where errors go. JSON has no word for NaN: it is written as text, which is no number either.
 */
const CALLER = (path: string): string => `
const answer = process.stdout.write.bind(process.stdout);
process.stdout.write = process.stderr.write.bind(process.stderr);
const aborted = new AbortController();
process.once('SIGTERM', () => aborted.abort(new Error('the time limit of the check is over')));
const numbers = (_key, value) => (typeof value === 'number' && !Number.isFinite(value) ? String(value) : value);
try {
  const { default: check } = await import(${JSON.stringify(`./${path}`)});
  if (typeof check !== 'function') throw new TypeError('the default export is no function');
  const given = { ...JSON.parse(process.env.HOLDPOINT_CHECK ?? '{}'), signal: aborted.signal };
  answer('\\n' + JSON.stringify((await check(given)) ?? null, numbers) + '\\n', () => process.exit());
} catch (error) {
  process.stderr.write('\\n' + String(error).split('\\n')[0] + '\\n', () => process.exit(1));
}
`;

/**
 * esbuild only joins and strips; where an import leads is decided here, because esbuild runs as the user that Holdpoint
 * runs as: a module that imports \`../../etc/shadow\` as text must not get it. Its own look at the file system (packages,
 * tsconfig.json) is never asked.
 */
export async function bundleModule(path: string, files: ModuleFiles): Promise<Bundled> {
  if (!files.paths.has(path)) return { kind: 'refused', because: `there is no ${path} in the source` };
  const { build } = await import('esbuild');
  try {
    const { outputFiles } = await build({
      stdin: { contents: CALLER(path), loader: 'js', sourcefile: 'caller.js' },
      bundle: true,
      write: false,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      logLevel: 'silent',
      tsconfigRaw: {},
      plugins: [{ name: 'source', setup: (builder) => lookInSource(builder, files) }],
    });
    const code = outputFiles[0]?.text;
    return code === undefined ? { kind: 'refused', because: `${path} came to nothing` } : { kind: 'bundled', code };
  } catch (error) {
    return { kind: 'refused', because: `${path} cannot be loaded: ${firstMessage(error)}` };
  }
}

type Builder = Parameters<
  NonNullable<NonNullable<Parameters<typeof import('esbuild').build>[0]['plugins']>[number]>['setup']
>[0];

const NAMESPACE = 'source';

function lookInSource(builder: Builder, files: ModuleFiles): void {
  builder.onResolve({ filter: /.*/ }, ({ path, importer, namespace }) => {
    // A package, a builtin or an absolute path: Node finds it, or not, as the user that the check runs as.
    if (!path.startsWith('.')) return { path, external: true };
    const from = namespace === NAMESPACE ? posix.dirname(importer) : '.';
    const found = candidates(posix.join(from, path)).find((candidate) => files.paths.has(candidate));
    return found === undefined
      ? { errors: [{ text: `${path} is not in the source` }] }
      : { path: found, namespace: NAMESPACE };
  });
  builder.onLoad({ filter: /.*/, namespace: NAMESPACE }, async ({ path }) => {
    const loader = loaderOf(path);
    if (loader === undefined) return { errors: [{ text: `${path} is no module: one ends with .ts, .js or .json` }] };
    return { contents: await files.read(path), loader };
  });
}

/** `./queue.js` may mean `queue.ts`, as TypeScript has it. */
const candidates = (path: string): string[] => [
  path,
  ...[/\.js$/, /\.mjs$/]
    .filter((ending) => ending.test(path))
    .map((ending) => path.replace(ending, (e) => e.replace('j', 't'))),
  ...ENDINGS.map((ending) => `${path}${ending}`),
];

function loaderOf(path: string): Loader | undefined {
  const ending = posix.extname(path).slice(1);
  return Object.entries(LOADERS).find(([known]) => known === ending)?.[1];
}

function firstMessage(error: unknown): string {
  const [first] =
    typeof error === 'object' && error !== null && 'errors' in error && Array.isArray(error.errors) ? error.errors : [];
  const text: unknown = first?.text ?? (error instanceof Error ? error.message : error);
  const line: unknown = first?.location?.line;
  return typeof line === 'number' ? `${String(text)} (line ${line})` : String(text);
}
