import { randomUUID } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { fail, type Problem, ProblemError } from '../evidence/problem.ts';
import { writeDurably } from '../ledger/durable-file.ts';
import { ARTEFACTS_DIRECTORY } from '../ledger/log-files.ts';

/** The number of the layout below. A newer one is refused, never guessed at. */
export const STATE_LAYOUT = 1;

/**
 * Everything that Holdpoint remembers, in one directory outside every app.
 *
 * Only `keys` and `run` are closed to others: the app's own users must be able to traverse to what is theirs under
 * `environments` and `releases`.
 */
export type StateDirectory = {
  readonly root: string;
  /** Given once, when the directory was made: tells two state directories on one Postgres apart. */
  readonly id: string;
  readonly database: string;
  readonly keys: string;
  readonly ledger: string;
  readonly artefacts: string;
  readonly environments: string;
  readonly releases: string;
  readonly launches: string;
  readonly run: string;
  readonly logs: string;
};

const MODES = {
  database: 0o755,
  keys: 0o700,
  ledger: 0o755,
  environments: 0o755,
  releases: 0o755,
  launches: 0o700,
  run: 0o700,
  logs: 0o700,
} as const satisfies Partial<Record<keyof StateDirectory, number>>;
const ROOMS = Object.keys(MODES) as (keyof typeof MODES)[];
const VERSION_FILE = 'holdpoint-state.json';

/** `--state DIR`, else `$HOLDPOINT_STATE`, else `/var/lib/holdpoint` as root, else `$XDG_STATE_HOME/holdpoint`. */
export function stateDirectoryPath(
  explicit: string | undefined,
  environment: Readonly<Record<string, string | undefined>> = process.env,
  userId: number = process.getuid?.() ?? -1,
): string {
  if (explicit) return resolve(explicit);
  if (environment.HOLDPOINT_STATE) return resolve(environment.HOLDPOINT_STATE);
  if (userId === 0) return '/var/lib/holdpoint';
  // The XDG specification tells programs to ignore a relative path here.
  const xdg = environment.XDG_STATE_HOME;
  const base = xdg && isAbsolute(xdg) ? xdg : join(environment.HOME || homedir(), '.local', 'state');
  return join(base, 'holdpoint');
}

/**
 * Opens the directory, and makes it where it is not there yet.
 *
 * @throws ProblemError `host` where it cannot be made or is damaged; nothing in it is removed
 */
export async function openStateDirectory(path: string): Promise<StateDirectory> {
  const root = resolve(path);
  try {
    mkdirSync(root, { recursive: true, mode: 0o755 });
    refuseForeign(root);
    if (statSync(root).uid === process.getuid?.()) chmodSync(root, 0o755);
    for (const room of ROOMS) makeRoom(join(root, room), MODES[room]);
    const id = readVersion(root) ?? (await writeVersion(root));
    const rooms = Object.fromEntries(ROOMS.map((room) => [room, join(root, room)])) as Record<
      keyof typeof MODES,
      string
    >;
    return { root: realpathSync(root), id, ...rooms, artefacts: join(rooms.ledger, ARTEFACTS_DIRECTORY) };
  } catch (thrown) {
    throw thrown instanceof ProblemError ? thrown : new ProblemError(cannotUse(root, thrown), { cause: thrown });
  }
}

function makeRoom(path: string, mode: number): void {
  mkdirSync(path, { recursive: true, mode });
  const found = statSync(path);
  if ((found.mode & 0o777) !== mode && found.uid === process.getuid?.()) chmodSync(path, mode);
}

/** A directory that holds something else is not taken over: a mistyped `--state /etc` must not be changed. */
function refuseForeign(root: string): void {
  if (existsSync(join(root, VERSION_FILE))) return;
  const foreign = readdirSync(root).filter((name) => !(ROOMS as string[]).includes(name));
  if (foreign.length === 0) return;
  fail({
    kind: 'input',
    what: `the directory holds other things (${foreign.slice(0, 3).join(', ')}) and is no state directory of Holdpoint`,
    where: root,
    next: 'give an empty or a new directory with --state DIR; if this one was damaged, restore it from a backup',
  });
}

function readVersion(root: string): string | undefined {
  const file = join(root, VERSION_FILE);
  if (!existsSync(file)) return undefined;
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    content = undefined;
  }
  const { layout, id } = (typeof content === 'object' && content !== null ? content : {}) as {
    layout?: unknown;
    id?: unknown;
  };
  if (typeof layout !== 'number' || typeof id !== 'string')
    return fail({
      kind: 'host',
      what: 'the state directory is damaged: its version file cannot be read',
      where: file,
      next: 'restore the state directory from a backup, or give another with --state DIR; nothing was changed',
    });
  if (layout > STATE_LAYOUT)
    return fail({
      kind: 'host',
      what: `the state directory has layout ${layout}; this Holdpoint knows up to ${STATE_LAYOUT}`,
      where: file,
      next: 'use the Holdpoint that wrote it, or a newer one',
    });
  return id;
}

async function writeVersion(root: string): Promise<string> {
  const id = randomUUID();
  await writeDurably(join(root, VERSION_FILE), `${JSON.stringify({ layout: STATE_LAYOUT, id })}\n`, 0o644);
  return id;
}

function cannotUse(root: string, thrown: unknown): Problem {
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : 'unknown';
  const why: Record<string, string> = {
    EACCES: 'no right to write there',
    EPERM: 'no right to write there',
    EROFS: 'it lies on a read-only file system',
    ENOSPC: 'the disk is full',
    ENOTDIR: 'a part of its path is a file',
    EEXIST: 'a part of its path is a file',
  };
  return {
    kind: 'host',
    what: `the state directory cannot be used: ${why[code] ?? (thrown instanceof Error ? thrown.message : String(thrown))}`,
    where: root,
    next: code === 'ENOSPC' ? 'free some space there and try again' : 'give another directory with --state DIR',
  };
}

/**
 * State inside an app's working tree would go with the next `git clean`, and production with it.
 *
 * @param app the directory of `holdpoint.yaml`; its working tree is the nearest directory above it with a `.git`
 */
export function insideWorkingTree(state: string, app: string): Problem | undefined {
  const tree = workingTree(realpathOf(app));
  const way = relative(tree, realpathOf(state));
  if (way.startsWith('..') || isAbsolute(way)) return undefined;
  return {
    kind: 'input',
    what: "the state directory lies inside the app's working tree, where `git clean` would take production with it",
    where: state,
    next: `give a directory outside ${tree} with --state DIR or HOLDPOINT_STATE`,
  };
}

function workingTree(app: string): string {
  for (let at = app; ; at = dirname(at)) {
    if (existsSync(join(at, '.git'))) return at;
    if (at === dirname(at)) return app;
  }
}

/** The real path of the longest part that exists, so that a directory not made yet is compared where it would lie. */
function realpathOf(path: string): string {
  const full = resolve(path);
  if (existsSync(full)) return realpathSync(full);
  const above = dirname(full);
  return above === full ? full : join(realpathOf(above), relative(above, full));
}
