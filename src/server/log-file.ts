import { closeSync, openSync, renameSync, statSync, writeSync } from 'node:fs';

const LARGEST = 10 * 1024 * 1024;

export type Log = { readonly file: string; line(text: string): void; close(): void };

/** The resident process's own log: one line each with its time. At 10 MiB the old one is kept once, as `FILE.1`. */
export function openLog(file: string): Log {
  let handle = openSync(file, 'a', 0o600);
  let size = statSync(file).size;
  let open = true;
  return {
    file,
    line: (text) => {
      // The number of a closed file may be somebody else's by now.
      if (!open) return;
      const line = `${new Date().toISOString()} ${text.replaceAll('\n', '\n  ')}\n`;
      try {
        if (size > LARGEST) {
          closeSync(handle);
          renameSync(file, `${file}.1`);
          handle = openSync(file, 'a', 0o600);
          size = 0;
        }
        size += writeSync(handle, line);
      } catch {
        // A full disk must not end the process that waits for it to be cleared.
      }
    },
    close: () => {
      open = false;
      closeSync(handle);
    },
  };
}
