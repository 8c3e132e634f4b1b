import type { Dirent } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';

/** What lies in an app's folder: the names of its files, and the texts of those that say something about it. */
export type Facts = {
  /** Name of the folder itself. */
  readonly folder: string;
  /** Relative to the folder, sorted, those near its root first. */
  readonly files: readonly string[];
  readonly texts: ReadonlyMap<string, string>;
};

/** Made by tools, or installed: nothing that the team wrote. */
const FOREIGN = new Set([
  'node_modules',
  'vendor',
  'venv',
  'site-packages',
  '__pycache__',
  'coverage',
  'target',
  'test',
  'tests',
  '__tests__',
  'spec',
  'fixtures',
]);
/** Built output may be what a static site is; its texts are of no use. */
const BUILT = new Set(['dist', 'build', 'out', 'public']);
const DEEPEST = 5;
const MOST_FILES = 4_000;
const MOST_TEXTS = 600;
const LARGEST_TEXT = 400_000;

const NAMED =
  /^(package\.json|pyproject\.toml|requirements[\w.-]*\.txt|Pipfile|setup\.cfg|Procfile|(docker-)?compose(\.[\w-]+)?\.ya?ml|Dockerfile|alembic\.ini|manage\.py|(openapi|swagger)\.(ya?ml|json)|prometheus\.ya?ml|index\.html|schema\.prisma|\.env(\.(example|sample|template))?|Makefile)$/i;
const SOURCE = /\.(py|[cm]?[jt]sx?)$/;

/** Reads what is there. A file or folder that cannot be read is passed over, like one that is not there. */
export async function gatherFacts(folder: string): Promise<Facts> {
  const root = resolve(folder);
  const files = await walk(root);
  const worth = files.filter((file) => NAMED.test(basename(file)) || (SOURCE.test(file) && !isBuilt(file)));
  const texts = new Map<string, string>();
  for (const file of worth.slice(0, MOST_TEXTS)) {
    const text = await textOf(join(root, file));
    if (text !== undefined) texts.set(file, text);
  }
  return { folder: basename(root), files, texts };
}

const isBuilt = (file: string): boolean => file.split('/').some((part) => BUILT.has(part));

/** Breadth first, so that what lies near the root is seen however large the rest is. */
async function walk(root: string): Promise<string[]> {
  const files: string[] = [];
  let level = [''];
  for (let depth = 0; depth < DEEPEST && level.length > 0 && files.length < MOST_FILES; depth++) {
    const next: string[] = [];
    for (const folder of level) {
      for (const entry of await entriesOf(join(root, folder))) {
        const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
        if (entry.isFile()) files.push(path);
        else if (entry.isDirectory() && !entry.name.startsWith('.') && !FOREIGN.has(entry.name)) next.push(path);
      }
    }
    level = next;
  }
  return files.slice(0, MOST_FILES);
}

async function entriesOf(folder: string): Promise<Dirent[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch {
    return [];
  }
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    return (await stat(path)).size > LARGEST_TEXT ? undefined : await readFile(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** The first of some names that is there, at the root. */
export const firstOf = (facts: Facts, names: readonly string[]): string | undefined =>
  names.find((name) => facts.files.includes(name));

/** Files of the folder whose path fits, with their texts. */
export const textsLike = (facts: Facts, form: RegExp): (readonly [path: string, text: string])[] =>
  [...facts.texts].filter(([path]) => form.test(path));

export const lineAt = (text: string, index: number): number => text.slice(0, index).split('\n').length;
