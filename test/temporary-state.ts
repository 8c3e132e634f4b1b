import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ControlDatabase, openControlDatabase } from '../src/server/control-database.ts';
import { ensureUser } from '../src/server/service-user.ts';
import { openStateDirectory, type StateDirectory } from '../src/server/state-directory.ts';

/** A directory for one test that the control database's own user may enter. */
export function temporaryDirectory(): string {
  // In memory where that is possible: a database made and thrown away should not wait for a disk.
  const path = mkdtempSync(join(runsPrograms('/dev/shm') ? '/dev/shm' : tmpdir(), 'holdpoint-test-'));
  chmodSync(path, 0o755);
  return path;
}

/** In a container /dev/shm is often mounted so that no program may be run there. */
function runsPrograms(mountPoint: string): boolean {
  const mounts = readFileSync('/proc/self/mounts', 'utf8').split('\n');
  const options = mounts.map((line) => line.split(' ')).findLast(([, at]) => at === mountPoint)?.[3];
  return options !== undefined && !options.split(',').includes('noexec');
}

export const remove = (path: string): void => rmSync(path, { recursive: true, force: true });

export type TestDatabase = {
  readonly state: StateDirectory;
  readonly database: ControlDatabase;
  readonly lines: string[];
  /** Stops the server and removes the directory. */
  end(): Promise<void>;
};

/** A real embedded Postgres in a directory of its own. */
export async function testDatabase(): Promise<TestDatabase> {
  const root = temporaryDirectory();
  ensureUser();
  const state = await openStateDirectory(join(root, 'state'));
  const lines: string[] = [];
  const database = await openControlDatabase({ state, log: (line) => lines.push(line) });
  return {
    state,
    database,
    lines,
    end: async () => {
      await database.stop();
      remove(root);
    },
  };
}
