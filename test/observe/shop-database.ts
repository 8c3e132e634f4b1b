import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { selfSigned } from '../../src/probes/self-signed.ts';
import { startPostgres, type ThrowAwayPostgres } from '../servers/postgres.ts';

/** The shop's Postgres, over TLS, which writes down every statement that reaches it, with the role that sent it. */
export type ShopDatabase = {
  readonly server: ThrowAwayPostgres;
  /** Of a role that may log in and nothing else; `owner`: of the one that owns the tables. */
  url(role: 'reader' | 'owner'): string;
  /** Statements of a role since it was made, in order. */
  statements(role: 'reader' | 'owner'): string[];
  end(): Promise<void>;
};

export const PASSWORD = 'canary-5e1f-of-the-reader';

export async function openShopDatabase(directory: string): Promise<ShopDatabase> {
  const log = join(directory, 'postgres-log');
  const server = await startPostgres({
    ...certificateIn(directory),
    log_statement: 'all',
    logging_collector: 'on',
    log_directory: log,
    log_filename: 'statements.log',
    log_line_prefix: '<%u> ',
    log_min_error_statement: 'panic',
  });
  await asSuperuser(server.url, [
    'CREATE ROLE owner LOGIN',
    `CREATE ROLE reader LOGIN PASSWORD '${PASSWORD}'`,
    'CREATE SCHEMA shop AUTHORIZATION owner',
    'CREATE TABLE shop.orders (id int PRIMARY KEY)',
    'ALTER TABLE shop.orders OWNER TO owner',
  ]);
  const at = (login: string) => `postgresql://${login}@127.0.0.1:${server.port}/postgres`;
  return {
    server,
    url: (role) => (role === 'reader' ? at(`reader:${PASSWORD}`) : at('owner')),
    statements: (role) =>
      readFileSync(join(log, 'statements.log'), 'utf8')
        .split(/^(?=<)/m)
        .filter((entry) => entry.startsWith(`<${role}> `))
        .flatMap((entry) => /LOG: {2}(?:statement|execute [^:]*): ([\s\S]*)/.exec(entry)?.[1]?.trim() ?? []),
    end: () => server.stop(),
  };
}

/** Readable for the user that Postgres runs as, and for nobody else. */
function certificateIn(directory: string): Record<string, string> {
  const { key, cert } = selfSigned({
    notBefore: new Date(Date.now() - 60_000),
    notAfter: new Date(Date.now() + 3_600_000),
  });
  const files = { ssl_key_file: join(directory, 'postgres.key'), ssl_cert_file: join(directory, 'postgres.crt') };
  const log = join(directory, 'postgres-log');
  mkdirSync(log);
  writeFileSync(files.ssl_key_file, key, { mode: 0o600 });
  writeFileSync(files.ssl_cert_file, cert);
  chmodSync(directory, 0o755);
  if (process.getuid?.() === 0) {
    const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
    for (const path of [...Object.values(files), log]) chownSync(path, id('-u'), id('-g'));
  }
  return { ssl: 'on', ...files };
}

async function asSuperuser(url: string, statements: readonly string[]): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  for (const statement of statements) await client.query(statement);
  await client.end();
}
