import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs';

const MOST = 64 * 1024;

/** The last lines of a file, at most 64 KiB of it; `from` leaves out what stood before that byte. */
export function tail(path: string, lines: number, from = 0): string[] {
  if (!existsSync(path)) return [];
  const file = openSync(path, 'r');
  try {
    const { size } = fstatSync(file);
    const start = Math.max(Math.min(from, size), size - MOST);
    const buffer = Buffer.alloc(size - start);
    const read = readSync(file, buffer, 0, buffer.length, start);
    return buffer.subarray(0, read).toString('utf8').split('\n').filter(Boolean).slice(-lines);
  } finally {
    closeSync(file);
  }
}
