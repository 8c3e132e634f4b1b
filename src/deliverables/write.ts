import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Problem } from '../evidence/problem.ts';
import { ProblemError } from '../evidence/problem.ts';
import type { Deliverable } from './source.ts';

/** The folder beside holdpoint.yaml. */
export const FOLDER = 'launch';

/**
 * What became of a document. `kept`: a file that Holdpoint did not write has its name, so it was left alone.
 */
export type Written =
  | { readonly path: string; readonly kind: 'written' | 'unchanged' }
  | { readonly path: string; readonly kind: 'kept'; readonly problem: Problem };

/** Every document of ours says so; a file that does not is somebody else's. */
const OURS = 'Rendered by Holdpoint';

/**
 * Writes documents into the folder `launch/` beside holdpoint.yaml: each whole or not at all, none that says the same as
 * before, none over somebody else's file, and nothing is ever deleted.
 *
 * @param root folder of holdpoint.yaml
 * @returns the absolute path of each document and what became of it
 * @throws ProblemError of kind `host` where a file cannot be read or written; documents before it are written
 */
export async function writeDeliverables(root: string, documents: readonly Deliverable[]): Promise<Written[]> {
  const written: Written[] = [];
  for (const { path, content } of documents) {
    const file = join(root, FOLDER, path);
    try {
      written.push(await writeOne(file, content));
    } catch (error) {
      throw new ProblemError(cannotWrite(file, error), { cause: error });
    }
  }
  return written;
}

/** The absolute paths of the documents that stand in the folder, however old they are. */
export async function presentDeliverables(root: string): Promise<string[]> {
  const folder = join(root, FOLDER);
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) =>
    codeOf(error) === 'ENOENT' ? [] : Promise.reject(error),
  );
  const present: string[] = [];
  for (const { name } of entries.filter((entry) => entry.isFile() && !entry.name.startsWith('.'))) {
    const path = join(folder, name);
    if ((await readIfThere(path))?.includes(OURS)) present.push(path);
  }
  return present.sort();
}

async function writeOne(path: string, content: string): Promise<Written> {
  const before = await readIfThere(path);
  if (before !== undefined && !before.includes(OURS)) return { path, kind: 'kept', problem: notOurs(path) };
  if (before !== undefined && lasting(before) === lasting(content)) return { path, kind: 'unchanged' };
  await mkdir(dirname(path), { recursive: true });
  // Always the same name: what a kill leaves behind is replaced by the next rendering.
  const beside = join(dirname(path), `.${basename(path)}.holdpoint`);
  try {
    const handle = await open(beside, 'w', 0o644);
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(beside, path);
  } catch (error) {
    await rm(beside, { force: true });
    throw error;
  }
  return { path, kind: 'written' };
}

/** A document without the moment of its rendering, which alone is no news. */
const lasting = (content: string): string =>
  content.replace(/(rendered[ |]+)\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2} UTC/g, '$1');

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;

const notOurs = (path: string): Problem => ({
  kind: 'conflict',
  what: 'a file with the name of a document was not written by Holdpoint, so it was left as it is',
  where: path,
  next: 'move it away, then run `holdpoint launch` again',
});

function cannotWrite(path: string, error: unknown): Problem {
  const code = codeOf(error);
  const reason =
    code === 'ENOSPC'
      ? 'the disk is full'
      : code === 'EACCES' || code === 'EPERM' || code === 'EROFS'
        ? 'no right to write there'
        : code === 'EISDIR' || code === 'ENOTDIR'
          ? 'a folder or file of that name is in the way'
          : (code ?? 'an unexpected error');
  return {
    kind: 'host',
    what: `a document could not be written: ${reason}`,
    where: path,
    next: 'mend that and render again; the ledger holds everything that the document shows',
  };
}
