import type { Server } from 'node:http';

/** How often idle connections are closed while a server drains, in milliseconds. */
const SWEEP_MS = 50;

/** Opens the port; resolves with the number that was bound (useful with port 0). */
export async function listen(server: Server, port: number, host: string): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : port;
}

/**
 * Stops accepting, and resolves when every request in flight has been answered. A connection may become idle a
 * moment after the last look, and `close` would then wait for its keep-alive timeout: so they are closed again and
 * again.
 */
export async function drainServer(server: Server): Promise<void> {
  const sweep = setInterval(() => server.closeIdleConnections(), SWEEP_MS);
  try {
    await new Promise<void>((resolve) => server.close(() => resolve()));
  } finally {
    clearInterval(sweep);
  }
}
