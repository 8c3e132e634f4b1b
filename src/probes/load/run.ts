import { type ChildProcess, fork } from 'node:child_process';
import { createRequire } from 'node:module';
import { setPriority } from 'node:os';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { ownModule } from '../../hosts/own-module.ts';
import type { LoadOptions, LoadOutcome } from './generator.ts';
import type { FromChild, ToChild } from './messages.ts';
import type { LoadPlan } from './plan.ts';

/** After an abort the child has this long to hand over what it counted. */
const ABORT_GRACE_MS = 5_000;
const RAISED_PRIORITY = -10;

/**
 * As `generateLoad`, in a process of its own, so that neither disturbs the other's event loop.
 * A child that dies gives `not run`: what it counted is gone, so there is no result.
 */
export function runLoad(plan: LoadPlan, options: Omit<LoadOptions, 'clock'> = {}): Promise<LoadOutcome> {
  const { signal } = options;
  if (signal?.aborted === true) return Promise.resolve({ kind: 'not run', reason: 'aborted before it began' });
  return new Promise((resolve) => {
    const child = startChild();
    raisePriority(child);
    let stderr = '';
    let grace: NodeJS.Timeout | undefined;
    let outcome: LoadOutcome | undefined;
    const tell = (message: ToChild) => child.connected && child.send(message);
    const abort = () => {
      tell({ kind: 'abort' });
      grace = setTimeout(() => child.kill('SIGKILL'), ABORT_GRACE_MS);
    };
    signal?.addEventListener('abort', abort, { once: true });
    child.stderr?.on('data', (chunk: Buffer) => {
      stderr = (stderr + chunk.toString()).slice(-2_000);
    });
    child.on('message', (message: FromChild) => {
      if (message.kind === 'second') options.onSecond?.(message.second);
      else outcome = message.outcome;
    });
    const finish = (how: string) => {
      clearTimeout(grace);
      signal?.removeEventListener('abort', abort);
      const lastLine = stderr.trim().split('\n').at(-1) ?? '';
      const reason = `the load generator's process ${how}${lastLine === '' ? '' : `: ${lastLine}`}`;
      resolve(outcome ?? { kind: 'not run', reason });
    };
    child.on('error', (error) => finish(`could not be started: ${error.message}`));
    child.on('close', (code, by) => finish(by === null ? `ended with exit status ${code}` : `was ended by ${by}`));
    tell({ kind: 'run', plan });
  });
}

/**
 * The generator needs little CPU, but at once: on a machine that it shares with the server it must not wait behind it.
 * Only root may raise a priority; where that is refused the generator's own delay shows what it costs.
 */
function raisePriority(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    setPriority(child.pid, RAISED_PRIORITY);
  } catch {
    // Not allowed here; `generator.niceness` in the result says so.
  }
}

function startChild(): ChildProcess {
  // From the sources the child needs the same TypeScript loader that a developer's run has; the built package needs none.
  const child = ownModule('probes/load/child');
  const loader = () => pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  return fork(fileURLToPath(child.url), [], {
    execArgv: child.kind === 'source' ? ['--import', loader()] : [],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    serialization: 'advanced',
  });
}
