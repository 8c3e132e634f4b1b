import pg from 'pg';

/**
 * A client whose missing socket counts as a refused connection. The workflow library waits for a server that refuses,
 * but takes a missing socket (ENOENT, while Postgres is started again) for an error of ours and gives the workflow up.
 */
class PatientClient extends pg.Client {
  override connect(): Promise<pg.Client>;
  override connect(callback: (error: Error) => void): void;
  override connect(callback?: (error: Error) => void): Promise<pg.Client> | undefined {
    if (callback) {
      super.connect((error: Error) => callback(asRefused(error)));
      return undefined;
    }
    return super.connect().catch((error: unknown) => {
      throw error instanceof Error ? asRefused(error) : error;
    });
  }
}

function asRefused(error: Error): Error {
  if (error && 'code' in error && error.code === 'ENOENT') return Object.assign(error, { code: 'ECONNREFUSED' });
  return error;
}

/**
 * Connections to the control database that outlive its death: a client that is lent out when its server is killed emits
 * an error of its own, and without a listener that would end the process.
 */
export function databasePool(connection: pg.PoolConfig, most: number, log: (line: string) => void): pg.Pool {
  const pool = new pg.Pool({ ...connection, max: most, Client: PatientClient });
  pool.on('error', (error) => log(`database: ${error.message}`));
  pool.on('connect', (client) => client.on('error', () => undefined));
  return pool;
}
