import { randomUUID } from 'node:crypto';
import { chmod, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { type FromAgent, lineOf, lines, type ToAgent } from '../../hosts/ssh/wire.ts';
import { Calls } from './calls.ts';
import { carriesOut } from './carry-out.ts';

/** Callers ping every ten seconds: a connection that is silent for so long leads nowhere any more. */
const SILENCE_MS = 60_000;

export type ServeSettings = {
  /** Everything of Holdpoint on this machine lies below it. */
  readonly root: string;
  readonly socket: string;
  /** The agent ends by itself after so long without a connection and without anything that runs. */
  readonly idleMs: number;
};

/** The agent's only life: ends with its process. Whoever starts it makes sure that there is one for a socket. */
export async function serve({ root, socket, idleMs }: ServeSettings): Promise<void> {
  const life = randomUUID();
  const calls = new Calls(carriesOut(root));
  const connections = new Set<Socket>();
  let busyAt = performance.now();
  const server = createServer((connection) => {
    connections.add(connection);
    const tell = (message: FromAgent) => {
      if (!connection.destroyed) connection.write(lineOf(message));
    };
    const hear = lines((line) => {
      const message: ToAgent = JSON.parse(line);
      if (message.kind === 'ping') tell({ kind: 'pong' });
      else if (message.kind === 'retire') retire();
      else calls.hear(message, tell);
    });
    connection.setTimeout(SILENCE_MS, () => connection.destroy());
    connection.on('data', (chunk: Buffer) => {
      try {
        hear(chunk);
      } catch {
        // Not our caller's words.
        connection.destroy();
      }
    });
    connection.on('error', () => undefined);
    connection.on('close', () => {
      connections.delete(connection);
      calls.leave(tell);
      busyAt = performance.now();
    });
    tell({ kind: 'hello', life });
  });
  const end = () => {
    rm(socket, { force: true }).finally(() => process.exit(0));
  };
  /** The one that asks is connected, too. */
  const retire = () => {
    if (calls.running === 0 && connections.size <= 1) end();
  };
  setInterval(
    () => {
      if (calls.running > 0 || connections.size > 0) busyAt = performance.now();
      else if (performance.now() - busyAt > idleMs) end();
    },
    Math.min(5_000, idleMs),
  );
  process.on('SIGTERM', end);
  await rm(socket, { force: true });
  process.umask(0o077);
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  await chmod(socket, 0o600);
  // Folders above an environment have to be open to the users that its units run as.
  process.umask(0o022);
}
