import type { Host } from '../../hosts/host.ts';
import type { OpenedProcessRuntime } from '../process/runtime.ts';

/** What the agent does for its caller under the method's own name and with its own input. */
export const HOST_METHODS = [
  'read',
  'folder',
  'remove',
  'exists',
  'portState',
  'freeBytes',
  'programs',
  'account',
] as const satisfies readonly (keyof Host)[];

export const RUNTIME_METHODS = [
  'store',
  'removeStore',
  'stores',
  'put',
  'read',
  'erase',
  'adopt',
  'start',
  'stop',
  'remove',
  'list',
  'inspect',
  'logs',
  'signal',
  'usage',
  'execute',
  'address',
  'crash',
  'partition',
  'heard',
  'down',
  'destroy',
] as const satisfies readonly (keyof OpenedProcessRuntime)[];

export type RuntimeMethod = (typeof RUNTIME_METHODS)[number];
