import { createReadStream } from 'node:fs';
import { lstat, readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { extract, type Headers, pack } from 'tar-stream';

/** Something of a tar archive. Owner: root where nothing is said. */
export type Entry = {
  /** Relative to where the archive is unpacked. */
  readonly path: string;
  readonly mode: number;
  readonly uid?: number;
} & (
  | { readonly kind: 'file'; readonly content: string | Uint8Array }
  | { readonly kind: 'copy'; readonly from: string; readonly size: number }
  | { readonly kind: 'folder' }
  | { readonly kind: 'link'; readonly to: string }
);

/** For images: with a fixed time the same content is the same layer. */
const LONG_AGO = new Date(0);

/** A tar archive of the entries, as a stream: nothing large is held in memory. */
export function archive(entries: Iterable<Entry> | AsyncIterable<Entry>, changed = LONG_AGO): Readable {
  const tar = pack();
  const write = async () => {
    for await (const entry of entries) await add(tar, entry, changed);
    tar.finalize();
  };
  write().catch((error: unknown) => tar.destroy(error instanceof Error ? error : new Error(String(error))));
  return tar;
}

function add(tar: ReturnType<typeof pack>, entry: Entry, mtime: Date): Promise<void> {
  const { uid = 0 } = entry;
  const headers: Headers = { name: entry.path, mode: entry.mode, uid, gid: uid, mtime };
  return new Promise((resolve, reject) => {
    const done = (error?: Error | null) => (error ? reject(error) : resolve());
    switch (entry.kind) {
      case 'file':
        tar.entry(headers, Buffer.from(entry.content), done);
        return;
      case 'folder':
        tar.entry({ ...headers, type: 'directory' }, done);
        return;
      case 'link':
        tar.entry({ ...headers, type: 'symlink', linkname: entry.to }, done);
        return;
      case 'copy': {
        const into: Writable = tar.entry({ ...headers, size: entry.size }, done);
        // A file that shrinks while it is read would leave the archive waiting for the rest.
        pipeline(createReadStream(entry.from, { start: 0, end: Math.max(0, entry.size - 1) }), into).catch(reject);
      }
    }
  });
}

/**
 * All of a folder, in a fixed order. Sockets and devices are passed over.
 *
 * @param kept says of a path relative to the folder whether it is taken; folders are looked into all the same
 */
export async function* folderEntries(
  folder: string,
  { under = '', kept = () => true }: { readonly under?: string; readonly kept?: (path: string) => boolean } = {},
): AsyncGenerator<Entry> {
  async function* walk(relative: string): AsyncGenerator<Entry> {
    const names = await readdir(join(folder, relative));
    for (const name of names.sort()) {
      const path = relative === '' ? name : `${relative}/${name}`;
      const from = join(folder, path);
      const facts = await lstat(from);
      const mode = facts.mode & 0o777;
      const at = under === '' ? path : `${under}/${path}`;
      if (facts.isDirectory()) {
        if (kept(path)) yield { kind: 'folder', path: at, mode };
        yield* walk(path);
      } else if (!kept(path)) {
      } else if (facts.isSymbolicLink()) {
        yield { kind: 'link', path: at, mode: 0o777, to: await readlink(from) };
      } else if (facts.isFile()) {
        // An empty file cannot be read as a range.
        yield facts.size === 0
          ? { kind: 'file', path: at, mode, content: await readFile(from) }
          : { kind: 'copy', path: at, mode, from, size: facts.size };
      }
    }
  }
  yield* walk('');
}

/** The first regular file of an archive; undefined where it has none. */
export async function firstFile(tar: NodeJS.ReadableStream): Promise<Uint8Array | undefined> {
  let found: Uint8Array | undefined;
  const reader = extract();
  reader.on('entry', (headers, stream, next) => {
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () => {
      if (found === undefined && headers.type === 'file') found = Buffer.concat(chunks);
      next();
    });
  });
  await pipeline(tar, reader);
  return found;
}
