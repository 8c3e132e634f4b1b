import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePorts, portAt, temporaryRuntime } from '../../test/runtimes/temporary.ts';
import { seconds, systemClock } from '../evidence/units.ts';
import { taggedProcesses } from '../runtimes/process/tag.ts';
import type { Runtime } from '../runtimes/runtime.ts';
import type { Job, JobEnd } from '../runtimes/unit.ts';
import { createAuthority, issueLeaf } from './certificates.ts';
import { carryOut, lay, OF_PARTS } from './part.ts';
import {
  archiveCommand,
  backupInfo,
  checkArchive,
  createStanza,
  fullBackup,
  incrementalBackup,
  pgbackrest,
  readBackupInfo,
  restoreInPlace,
  restoreInto,
} from './pgbackrest.ts';
import { dataDirectory, dataStore, type PostgresPlan, postgres, socketDirectory } from './postgres.ts';

const PASSWORD = 'canary-superuser';
const PASSPHRASE = 'canary-passphrase';

describe('Postgres with its backups', { timeout: 90_000 }, () => {
  let runtime: Runtime;
  let close: () => Promise<void>;
  let folder: string;
  let plan: PostgresPlan;
  let ports: readonly number[];
  let ca: string;
  const port = () => portAt(ports, 0);

  beforeAll(async () => {
    ({ runtime, close, folder } = await temporaryRuntime());
    ports = await freePorts(2);
    const now = systemClock();
    const authority = await createAuthority('test', now);
    ca = authority.certificate;
    const leaf = await issueLeaf(authority, { hostnames: [], uses: ['server'], now });
    const { place } = runtime;
    const command = archiveCommand('live', place);
    plan = postgres(
      {
        name: 'postgres',
        port: port(),
        superuserPassword: PASSWORD,
        maxConnections: 20,
        wal: { kind: 'archived', command, timeoutSeconds: 60 },
        tls: { ...leaf, authority: ca },
        archive: [],
      },
      place,
    );
    const backup = { name: 'live', postgres: 'postgres', port: port(), passphrase: PASSPHRASE, keepFull: 3 };
    await lay(runtime, pgbackrest(backup, place));
    await lay(runtime, plan);
    await done(plan.initialise);
    await carryOut(runtime, plan);
    await connected(port(), (client) => client.query('SELECT 1'));
  });
  afterAll(() => close());

  async function done(job: Job): Promise<JobEnd & { readonly kind: 'exited' }> {
    const end = await runtime.job(job);
    if (end.kind !== 'exited' || end.code !== 0) throw new Error(`${job.name}: ${JSON.stringify(end)}`);
    return end;
  }

  /** Tries until the server answers. */
  async function connected<T>(at: number, use: (client: Client) => Promise<T>): Promise<T> {
    const settings = { host: '127.0.0.1', port: at, user: 'postgres', password: PASSWORD, database: 'postgres' };
    for (let tries = 0; ; tries++) {
      const client = new Client({ ...settings, ...(at === port() ? { ssl: { ca, servername: 'localhost' } } : {}) });
      client.on('error', () => {});
      try {
        await client.connect();
        return await use(client);
      } catch (error) {
        if (tries > 300) throw error;
        await sleep(50);
      } finally {
        await client.end().catch(() => {});
      }
    }
  }

  const asPostgres = (name: string, ...command: Job['command']): Job => ({
    name,
    command,
    software: OF_PARTS,
    mounts: [],
    networks: [],
    environment: {},
    user: 'postgres',
    timeLimit: seconds(30),
  });

  const content = (at: number) =>
    connected(at, async (client) => {
      const { rows } = await client.query<{ digest: string; n: string }>(
        "SELECT count(*) AS n, md5(string_agg(id || ':' || word, ',' ORDER BY id)) AS digest FROM kept",
      );
      return rows[0];
    });

  it('has checksums, TLS and scram, and initialising it again changes nothing', async () => {
    await done(plan.initialise);
    const facts = await connected(port(), async (client) => {
      const { rows } = await client.query<Record<string, string>>(
        "SELECT current_setting('data_checksums') AS checksums, current_setting('password_encryption') AS passwords, (SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid())::text AS tls",
      );
      return rows[0];
    });
    expect(facts).toEqual({ checksums: 'on', passwords: 'scram-sha-256', tls: 'true' });
  });

  it('refuses a wrong password', async () => {
    const client = new Client({
      host: '127.0.0.1',
      port: port(),
      user: 'postgres',
      password: 'wrong',
      ssl: { ca, servername: 'localhost' },
    });
    await expect(client.connect()).rejects.toMatchObject({ code: '28P01' });
  });

  it('keeps a second server off the same data', async () => {
    const [first] = plan.units;
    if (first === undefined) throw new Error('no unit');
    const second = await runtime.job(asPostgres('second', ...first.command));
    expect(second).toMatchObject({ kind: 'exited', code: 75 });
  });

  it('comes back after a crash with everything that was acknowledged', async () => {
    await connected(port(), async (client) => {
      await client.query('CREATE TABLE kept (id integer PRIMARY KEY, word text)');
      await client.query('INSERT INTO kept SELECT n, md5(n::text) FROM generate_series(1, 20000) AS n');
    });
    const before = await content(port());
    const crashed = await runtime.crash('postgres');
    expect(await content(port())).toEqual(before);
    const state = await runtime.inspect('postgres');
    expect(state.kind === 'running' && state.restarts > 0 && state.pid !== crashed?.pid, JSON.stringify(state)).toBe(
      true,
    );
  });

  it('is backed up encrypted, and a restored copy has the same content', async () => {
    const { place } = runtime;
    await done(createStanza('live', place));
    await done(createStanza('live', place));
    await done(checkArchive('live', place));
    await done(fullBackup('backup-1', 'live', place));
    // Written after the backup: it comes back through the archive alone.
    await connected(port(), (client) =>
      client.query("INSERT INTO kept SELECT n, 'later' FROM generate_series(20001, 21000) AS n"),
    );
    await connected(port(), (client) => client.query('SELECT pg_switch_wal()'));
    await done(checkArchive('live', place));
    const info = readBackupInfo((await done(backupInfo('info', 'live', place))).output);
    expect(info).toMatchObject({ cipher: 'aes-256-cbc', backups: [{ type: 'full', state: 'sound' }] });

    const copy = postgres(
      {
        name: 'restored',
        port: portAt(ports, 1),
        superuserPassword: PASSWORD,
        maxConnections: 5,
        wal: { kind: 'kept-here' },
        tls: undefined,
        archive: [],
      },
      place,
    );
    const opened = { name: 'check', postgres: 'restored', port: portAt(ports, 1), passphrase: PASSPHRASE, keepFull: 3 };
    await lay(runtime, pgbackrest(opened, place));
    await lay(runtime, copy);
    await done(asPostgres('folder', 'mkdir', '-m', '700', '-p', dataDirectory('restored', place)));
    await done(restoreInto('restore', 'check', 'restored', place));
    await carryOut(runtime, copy);
    const expected = await content(port());
    expect(expected?.n).toBe('21000');
    expect(await content(portAt(ports, 1))).toEqual(expected);
    await runtime.remove('restored');
  });

  it('is put back in place from the repository, reading only what differs, and archives again', async () => {
    const { place } = runtime;
    await done(incrementalBackup('backup-2', 'live', place));
    const before = await content(port());
    await connected(port(), (client) => client.query('SELECT pg_switch_wal()'));
    await done(checkArchive('live', place));
    await runtime.stop('postgres');
    await done(asPostgres('lose', 'sh', '-c', 'rm -r "$1"/base/*', 'lose', dataDirectory('postgres', place)));
    await done(restoreInPlace('restore-live', 'live', place));
    await carryOut(runtime, plan);
    expect(await content(port())).toEqual(before);
    await done(checkArchive('live', place));
    const info = readBackupInfo((await done(backupInfo('info-2', 'live', place))).output);
    expect(info?.backups.map(({ type, state }) => [type, state])).toEqual([
      ['full', 'sound'],
      ['incr', 'sound'],
    ]);
  });

  it('does not open the repository with another passphrase', async () => {
    const { place } = runtime;
    const wrong = { name: 'wrong', postgres: 'postgres', port: port(), passphrase: 'another', keepFull: 3 };
    await lay(runtime, pgbackrest(wrong, place));
    const end = await runtime.job(backupInfo('info-wrong', 'wrong', place));
    const seen = end.kind === 'exited' && end.code === 0 ? readBackupInfo(end.output) : undefined;
    expect(seen?.backups ?? []).toEqual([]);
  });

  it('shows no password in its logs or among the arguments of its processes', async () => {
    const argumentsOfAll = taggedProcesses(folder)
      .map(({ pid }) => readFileSync(`/proc/${pid}/cmdline`, 'utf8'))
      .join('\n');
    const log = (await runtime.logs('postgres', 10_000)).join('\n');
    expect(`${argumentsOfAll}${log}`).not.toContain('canary');
    // The positive control: without it, an empty log would do as well.
    expect(argumentsOfAll).toContain(dataStore('postgres'));
    expect(log).toContain('database system is ready');
    expect(socketDirectory('postgres', runtime.place).length).toBeLessThan(90);
  });
});
