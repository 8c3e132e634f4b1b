import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fail, type Problem } from '../evidence/problem.ts';
import { type Milliseconds, seconds } from '../evidence/units.ts';
import { nobodyListens, type ResidentClient, residentClient } from './client.ts';
import { serveLockHolder } from './serve-lock.ts';
import { socketPath } from './socket-path.ts';
import { openStateDirectory, type StateDirectory } from './state-directory.ts';
import { tail } from './tail.ts';

export type StartOptions = {
  /** The path of the state directory. */
  readonly state: string;
  /** The command line of `holdpoint serve` for this state directory: program first. */
  readonly command: readonly string[];
  /** Making the database the first time takes some seconds; a recovery may take longer. */
  readonly patience?: Milliseconds;
};

export type Started = { readonly client: ResidentClient; readonly how: 'was there' | 'was started' };

/** The client of a resident process that is there; undefined where none answers. */
export async function findResident(state: string): Promise<ResidentClient | undefined> {
  if (!existsSync(state)) return undefined;
  const client = residentClient(socketPath({ run: join(state, 'run') }));
  try {
    await client.health();
    return client;
  } catch (thrown) {
    if (nobodyListens(thrown)) return undefined;
    throw thrown;
  }
}

/**
 * The resident process, started in a session of its own where it is not there: no Ctrl-C reaches it.
 *
 * @throws ProblemError `host` with the last lines of its log where it does not come up
 */
export async function startResident({ state: path, command, patience = seconds(120) }: StartOptions): Promise<Started> {
  const state = await openStateDirectory(path);
  const there = await findResident(state.root);
  if (there) return { client: there, how: 'was there' };
  const deadline = Date.now() + patience;
  let started: Child | undefined;
  let isHeld = false;
  while (Date.now() < deadline) {
    const client = await findResident(state.root);
    if (client)
      return { client, how: started === undefined || started.ended !== undefined ? 'was there' : 'was started' };
    if (started === undefined || started.ended !== undefined) {
      const wasHeld = isHeld;
      // By one that is on its way up, which will answer, or down, which leaves its place.
      isHeld = (await serveLockHolder(state)) !== undefined;
      if (!isHeld && started !== undefined && !wasHeld)
        return fail(notUp(outputOf(state), `the resident process does not come up: ${started.ended}`, started.from));
      if (!isHeld) started = launchDetached(state, command);
    }
    await pause(50);
  }
  return fail(notUp(outputOf(state), 'the resident process does not answer', started?.from));
}

type Child = { ended: string | undefined; readonly from: number };

const outputOf = ({ logs }: StateDirectory): string => join(logs, 'serve.out');

function launchDetached(state: StateDirectory, [program, ...parameters]: readonly string[]): Child {
  const file = outputOf(state);
  const from = existsSync(file) ? statSync(file).size : 0;
  const output = openSync(file, 'a', 0o600);
  const child: Child = { ended: undefined, from };
  const spawned = spawn(program ?? process.execPath, parameters, {
    cwd: state.root,
    detached: true,
    stdio: ['ignore', output, output],
  });
  closeSync(output);
  spawned.on('error', (error) => {
    child.ended = error.message;
  });
  spawned.on('exit', (code, signal) => {
    child.ended = `it ended with ${signal ?? code}`;
  });
  spawned.unref();
  return child;
}

const notUp = (output: string, what: string, from?: number): Problem => ({
  kind: 'host',
  what,
  where: output,
  next: 'see the lines above; `holdpoint serve` in a terminal shows more',
  detail: tail(output, 12, from),
});
