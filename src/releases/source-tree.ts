import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { copyFile, lstat, mkdir, readdir, readFile, readlink, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { ProblemError } from '../evidence/problem.ts';
import type { Digest } from '../evidence/units.ts';
import { digestOf } from './digest.ts';

/** One file of a tree: its path with `/`, what it is, and a digest of its content (or of where a link points). */
export type TreeFile = {
  readonly path: string;
  readonly kind: 'file' | 'executable' | 'link';
  readonly digest: Digest;
};

/** The files that a release is made of. `digest` covers paths, kinds and contents, so it names the tree. */
export type Tree = { readonly root: string; readonly files: readonly TreeFile[]; readonly digest: Digest };

/** Never part of a source: what version control, package managers and Holdpoint itself leave in a working tree. */
const NEVER = new Set(['.git', 'node_modules', '__pycache__', '.venv']);
/** Where the rendered documents lie, beside holdpoint.yaml: they describe a release and are no part of it. */
const DOCUMENTS = 'launch';

/**
 * The source of an app: in a git work tree every file that git tracks or would track (so what `.gitignore` names is
 * left out), elsewhere every file. `ignore` names further files and folders, relative to the root.
 */
export async function sourceTree(root: string, ignore: readonly string[]): Promise<Tree> {
  const listed = (await listedByGit(root)) ?? (await listedByWalking(root, NEVER));
  const left = listed.filter((path) => {
    const parts = path.split('/');
    if (parts.some((part) => NEVER.has(part)) || parts[0] === DOCUMENTS) return false;
    return !ignore.some((name) => path === name || path.startsWith(`${name.replace(/\/$/, '')}/`));
  });
  if (left.length === 0)
    throw new ProblemError({
      kind: 'input',
      what: 'the app has no source files',
      where: root,
      next: 'look whether .gitignore or `ignore` in holdpoint.yaml leaves everything out',
    });
  return treeOf(root, left);
}

/** Everything below a folder, as a tree: what a build left, with the packages that it installed. */
export async function wholeTree(root: string): Promise<Tree> {
  return treeOf(root, await listedByWalking(root, new Set()));
}

/** Files that are read at once: packages that a build installs are tens of thousands of small ones. */
const AT_ONCE = 16;

async function treeOf(root: string, paths: readonly string[]): Promise<Tree> {
  const sorted = [...paths].sort();
  const described: (TreeFile | undefined)[] = new Array(sorted.length).fill(undefined);
  const queue = sorted.entries();
  const reader = async () => {
    for (const [at, path] of queue) described[at] = await describe(root, path);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, reader));
  const files = described.filter((file) => file !== undefined);
  const digest = digestOf(files.map((f) => `${f.kind}\0${f.path}\0${f.digest}\n`).join(''));
  return { root, files, digest };
}

async function describe(root: string, path: string): Promise<TreeFile | undefined> {
  const full = join(root, path);
  const found = await lstat(full).catch(() => undefined);
  // Tracked by git and deleted in the working tree: it is no part of what would be built.
  if (found === undefined) return undefined;
  if (found.isSymbolicLink()) return { path, kind: 'link', digest: digestOf(await readlink(full)) };
  if (!found.isFile()) return undefined;
  return { path, kind: found.mode & 0o111 ? 'executable' : 'file', digest: await digestOfFile(full, found.size) };
}

/** Of a file that is read whole. A stream for each of many small files costs five times as much. */
const SMALL = 1024 ** 2;

async function digestOfFile(full: string, size: number): Promise<Digest> {
  const hash = createHash('sha256');
  if (size <= SMALL) hash.update(await readFile(full));
  else await pipeline(createReadStream(full), hash);
  return `sha256:${hash.digest('hex')}` as Digest;
}

async function listedByGit(root: string): Promise<string[] | undefined> {
  const arguments_ = ['-C', root, 'ls-files', '-z', '--cached', '--others', '--exclude-standard', '--deduplicate', '.'];
  try {
    const { stdout } = await promisify(execFile)('git', arguments_, { maxBuffer: 256 * 1024 * 1024 });
    return stdout.split('\0').filter((path) => path !== '');
  } catch {
    // No git on the machine, or the folder is in no work tree: then every file counts.
    return undefined;
  }
}

async function listedByWalking(root: string, skip: ReadonlySet<string>): Promise<string[]> {
  const found: string[] = [];
  const walk = async (folder: string) => {
    for (const entry of await readdir(join(root, folder), { withFileTypes: true })) {
      if (skip.has(entry.name)) continue;
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) await walk(path);
      else found.push(path);
    }
  };
  await walk('');
  return found;
}

/** Copies a tree into an empty or new folder: files, their executable bit, and links as links. */
export async function copyTree(tree: Tree, to: string): Promise<void> {
  for (const { path, kind } of tree.files) {
    const target = join(to, path);
    await mkdir(dirname(target), { recursive: true });
    if (kind === 'link') await symlink(await readlink(join(tree.root, path)), target);
    else await copyFile(join(tree.root, path), target);
  }
}
