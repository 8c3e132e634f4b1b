import type { AddressInfo } from 'node:net';
import { connect, createServer, type Server, type Socket } from 'node:net';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort, startPostgres, type ThrowAwayPostgres } from '../../test/servers/postgres.ts';
import { observeDatabase } from './database.ts';

let server: ThrowAwayPostgres;
const at = (login: string, port = server.port, more = '') => `postgresql://${login}@127.0.0.1:${port}/postgres${more}`;
const look = (url: string) => observeDatabase({ url, timeoutMs: 3_000 });

beforeAll(async () => {
  server = await startPostgres({ max_connections: '20' });
  const client = new pg.Client({ connectionString: server.url });
  await client.connect();
  for (const statement of [
    'CREATE ROLE reader LOGIN',
    'CREATE ROLE clerk LOGIN',
    'CREATE TABLE orders (id int, state text)',
    'CREATE TABLE prices (id int)',
    'GRANT pg_read_all_data TO reader',
    'GRANT UPDATE (state) ON orders TO clerk',
  ])
    await client.query(statement);
  await client.end();
});
afterAll(() => server.stop());

describe('a database that is looked at', () => {
  it('tells how it was reached, how many connections it has, and what the role could do', async () => {
    expect(await look(at('reader'))).toMatchObject({
      kind: 'seen',
      seen: {
        line: 'plain',
        mostConnections: 20,
        connections: expect.any(Number),
        isStandby: false,
        replicas: 0,
        role: { name: 'reader', tables: 2, writableTables: 0, powers: [] },
      },
    });
  });

  it('tells that a role may change one column, and that another may do anything', async () => {
    expect(await look(at('clerk'))).toMatchObject({ seen: { role: { writableTables: 1, powers: [] } } });
    const superuser = await look(at('postgres'));
    expect(superuser).toMatchObject({ seen: { role: { writableTables: 2 } } });
    expect(JSON.stringify(superuser)).toContain('is a superuser');
  });

  it('is unreachable where nobody listens, and where no connection is left', async () => {
    expect(await look(at('reader', await freePort()))).toMatchObject({ kind: 'unreachable' });
    const held: pg.Client[] = [];
    try {
      for (let i = 0; i < 20; i++) {
        const client = new pg.Client({ connectionString: server.url });
        client.on('error', () => undefined);
        await client.connect().then(
          () => held.push(client),
          () => undefined,
        );
      }
      expect(await look(at('reader'))).toMatchObject({
        kind: 'unreachable',
        reason: expect.stringMatching(/too many clients/),
      });
    } finally {
      for (const client of held) await client.end();
    }
  });

  it('cannot be told of where the login is refused, TLS is asked for and not offered, or the URL is another thing', async () => {
    expect(await look(at('nobody'))).toMatchObject({ kind: 'cannot tell' });
    expect(await look(at('reader', server.port, '?sslmode=require'))).toMatchObject({ kind: 'cannot tell' });
    expect(await look('mysql://reader@127.0.0.1/x')).toMatchObject({ kind: 'cannot tell' });
    expect(await look(at('reader', server.port, '?sslmode=verify-full&sslrootcert=/nowhere'))).toMatchObject({
      kind: 'cannot tell',
      reason: expect.stringContaining('/nowhere'),
    });
  });
});

describe('behind a pooler that knows no options in the first packet', () => {
  let pooler: Server;
  const open = new Set<Socket>();
  let refused = 0;

  beforeAll(async () => {
    pooler = createServer((from) => {
      open.add(from);
      from.on('error', () => undefined);
      from.once('data', (first) => passOn(from, first));
    });
    await new Promise<void>((resolve) => pooler.listen(0, '127.0.0.1', resolve));
  });
  afterAll(async () => {
    for (const socket of open) socket.destroy();
    await new Promise((resolve) => pooler.close(resolve));
  });

  /** As PgBouncer before 1.20 does: SSLRequest is passed on, a startup packet with `options` is refused. */
  function passOn(from: Socket, first: Buffer): void {
    if (first.includes('options\0')) {
      refused += 1;
      from.end(fatal('08P01', 'unsupported startup parameter: options'));
      return;
    }
    const to = connect(server.port, '127.0.0.1');
    open.add(to);
    to.on('error', () => from.destroy());
    to.write(first);
    if (first.length === 8) {
      to.once('data', (answer) => {
        from.write(answer);
        from.once('data', (next) => {
          to.destroy();
          passOn(from, next);
        });
      });
      return;
    }
    from.pipe(to);
    to.pipe(from);
  }

  it('the transaction alone says that it only reads', async () => {
    const { port } = pooler.address() as AddressInfo;
    expect(await look(at('reader', port))).toMatchObject({ kind: 'seen' });
    expect(refused).toBeGreaterThan(0);
  });
});

/** ErrorResponse of the PostgreSQL protocol. */
function fatal(code: string, message: string): Buffer {
  const fields = Buffer.from(`SFATAL\0VFATAL\0C${code}\0M${message}\0\0`);
  const head = Buffer.alloc(5);
  head.write('E');
  head.writeInt32BE(fields.length + 4, 1);
  return Buffer.concat([head, fields]);
}
