import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Leaf } from '../evidence/leaf.ts';
import type { Instant } from '../evidence/units.ts';
import type { AttemptId } from './attempt-id.ts';

/** Where the progress lines of one attempt go. */
export type AttemptLog = { line(text: string, at: Instant): void; end(): void };

/** Names become file names: nothing in them may leave the directory. */
const plain = (name: string): string => name.replace(/[^A-Za-z0-9.-]+/g, '_').replace(/^\.+/, '_');

const fileOf = (directory: string, { launch, step, attempt }: AttemptId): string =>
  join(directory, plain(launch), plain(step), `${attempt}.log`);

/** A log per attempt in `directory`. A log that cannot be written (full disk) is given up: it is no evidence. */
export function attemptLog(directory: string, id: AttemptId): AttemptLog {
  const file = fileOf(directory, id);
  let open = true;
  let made = false;
  return {
    line: (text, at) => {
      if (!open) return;
      try {
        if (!made) mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
        made = true;
        appendFileSync(file, `${new Date(at).toISOString()} ${text}\n`, { mode: 0o600 });
      } catch {
        open = false;
      }
    },
    end: () => {
      open = false;
    },
  };
}

export type LoggedAttempt = { readonly attempt: number; readonly lines: readonly string[] };

/** The lines of all attempts of a step that began, in their order; one that printed nothing has left no file. */
export function loggedAttempts(
  directory: string,
  launch: string,
  step: string,
  leaves: readonly Leaf[],
): LoggedAttempt[] {
  const begun = leaves.filter(({ key }) => key.launch === launch && key.step === step).map(({ key }) => key.attempt);
  const place = join(directory, plain(launch), plain(step));
  const files = (existsSync(place) ? readdirSync(place) : []).filter((name) => /^\d+\.log$/.test(name));
  const logged = new Map(files.map((name) => [Number.parseInt(name, 10), join(place, name)]));
  return [...new Set([...begun, ...logged.keys()])]
    .sort((a, b) => a - b)
    .map((attempt) => {
      const file = logged.get(attempt);
      return { attempt, lines: file === undefined ? [] : readFileSync(file, 'utf8').split('\n').filter(Boolean) };
    });
}
