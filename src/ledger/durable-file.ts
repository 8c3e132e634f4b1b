import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Files that are either there whole or not there, whatever moment the process or the machine dies at. */

/** Writes a file so that a reader meets the old content or the new, and the new survives a power cut. */
export async function writeDurably(path: string, content: string | Uint8Array, mode: number): Promise<void> {
  const half = await writeBeside(path, content, mode);
  try {
    await rename(half, path);
  } catch (error) {
    await rm(half, { force: true });
    throw error;
  }
  await syncDirectory(dirname(path));
}

/** Writes a file unless there is one. False: somebody else was first, and their file stands. */
export async function writeOnce(path: string, content: string | Uint8Array, mode: number): Promise<boolean> {
  const half = await writeBeside(path, content, mode);
  try {
    await link(half, path);
  } catch (error) {
    if (isCode(error, 'EEXIST')) return false;
    throw error;
  } finally {
    await rm(half, { force: true });
  }
  await syncDirectory(dirname(path));
  return true;
}

/** The mark of a file that was not finished; nobody reads one, and a sweep may remove it. */
export const HALF_WRITTEN = '.half';

async function writeBeside(path: string, content: string | Uint8Array, mode: number): Promise<string> {
  await makeDirectory(dirname(path), mode);
  const half = `${path}.${randomBytes(4).toString('hex')}${HALF_WRITTEN}`;
  const file = await open(half, 'wx', mode);
  try {
    await file.writeFile(content);
    await file.sync();
  } catch (error) {
    await rm(half, { force: true });
    throw error;
  } finally {
    await file.close();
  }
  return half;
}

/** A directory for files of `mode`: closed to everybody else where they are. */
async function makeDirectory(path: string, mode: number): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: (mode & 0o077) === 0 ? 0o700 : 0o755 });
  if (first === undefined) return;
  // A name is durable only when the directory that holds it is.
  for (let at = path; at.length >= first.length; at = dirname(at)) await syncDirectory(dirname(at));
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** A file's content, or undefined where there is none. Any other trouble is thrown. */
export async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (isCode(error, 'ENOENT') || isCode(error, 'ENOTDIR')) return undefined;
    throw error;
  }
}

export const isCode = (error: unknown, code: string): boolean =>
  error instanceof Error && 'code' in error && error.code === code;
