import type Docker from 'dockerode';
import type { UnitState } from '../unit.ts';
import type { UnitRecord } from '../unit-record.ts';

/**
 * What a unit is doing, from what should be and what the engine says.
 *
 * @param record undefined where nobody ever started the unit
 * @param found undefined where the engine has no container of it
 */
export function stateOf(record: UnitRecord | undefined, found: Docker.ContainerInspectInfo | undefined): UnitState {
  if (record === undefined) return { kind: 'absent' };
  const restarts = found?.RestartCount ?? 0;
  // The engine calls one that waits for its next start running, too.
  if (found !== undefined && (found.State.Status === 'running' || found.State.Status === 'paused')) {
    return { kind: 'running', pid: found.State.Pid, restarts };
  }
  if (record.wanted === 'stopped') return { kind: 'stopped' };
  if (found === undefined) return { kind: 'failed', exit: 'its container is gone', restarts };
  return { kind: 'failed', exit: exitOf(found.State), restarts };
}

type State = Docker.ContainerInspectInfo['State'];

/** 128 and the number of the signal, as a shell tells it. */
const BY_SIGNAL = 128;
const SIGNALS: Readonly<Record<number, string>> = {
  1: 'SIGHUP',
  2: 'SIGINT',
  3: 'SIGQUIT',
  6: 'SIGABRT',
  9: 'SIGKILL',
  11: 'SIGSEGV',
  15: 'SIGTERM',
};

export function exitOf(state: State): string {
  if (state.OOMKilled) return OVER_MEMORY;
  if (state.Status === 'created') return state.Error === '' ? 'not started' : state.Error;
  if (state.Error !== '') return state.Error;
  const signal = SIGNALS[state.ExitCode - BY_SIGNAL];
  return signal === undefined ? `exit status ${state.ExitCode}` : `ended by ${signal}`;
}

export const OVER_MEMORY = 'killed: over its memory limit';
