import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { localHost } from '../../src/hosts/local.ts';
import { openProcessRuntime } from '../../src/runtimes/process/runtime.ts';
import type { Runtime } from '../../src/runtimes/runtime.ts';

/** A runtime `process` in a folder that other users can enter, gone without a trace when closed. */
export async function temporaryRuntime(): Promise<{
  readonly runtime: Runtime;
  /** The environment's folder. */
  readonly folder: string;
  close(): Promise<void>;
}> {
  const parent = await mkdtemp(join(tmpdir(), 'hp-'));
  await chmod(parent, 0o755);
  const folder = join(parent, 'env');
  const runtime = await openProcessRuntime({ host: localHost(), environment: 'test', folder });
  return {
    runtime,
    folder,
    async close() {
      await runtime.destroy();
      await rm(parent, { recursive: true, force: true });
    },
  };
}

/** Ports of 127.0.0.1 that were free a moment ago. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  const ports = await Promise.all(
    servers.map(async (server) => {
      if (!server.listening) await once(server, 'listening');
      const address = server.address();
      if (address === null || typeof address === 'string') throw new Error('no port');
      return address.port;
    }),
  );
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}

/** The port at a place in a list, or an error: lists of ports are as long as they were asked to be. */
export function portAt(ports: readonly number[], index: number): number {
  const port = ports[index];
  if (port === undefined) throw new RangeError(`no port ${index}`);
  return port;
}
