import type { Observe } from '../../../config/app.ts';
import { goldenSettingsOf } from '../../../environments/monitoring.ts';
import { rememberHandedOver, resolveReference } from '../../../environments/secrets.ts';
import { absent, exactly, type Measurement, type Observed } from '../../../evidence/measurement.ts';
import { seconds } from '../../../evidence/units.ts';
import type { Step } from '../../../plan/step.ts';
import { type DatabaseObservation, observeDatabase, type SeenDatabase } from '../../../probes/database.ts';
import { appliesIf, ask } from '../../asking.ts';
import { type Notebook, notebook } from '../../observing.ts';
import type { World } from '../../world.ts';
import { LOOK_STANDS, observedInputs } from './deployment.ts';

/** Of the connections that the server allows: our own bound for calling it crowded. */
const CROWDED_PERCENT = 80;

/** The observed database, looked at in one read-only transaction by a role that may read. */
export const observedDatabase = (world: World, observe: Observe): Step => ({
  id: 'A.1/database',
  task: 'A.1',
  title: 'The observed database answers, over TLS, with room; looked at in a read-only transaction',
  needs: [],
  inputs: observedInputs(world),
  applies: appliesIf(observe.database !== undefined, '`observe.database` names no database'),
  tokens: [],
  estimate: seconds(1),
  objectives: objectives(world),
  retry: { kind: 'never' },
  run: () => lookAtDatabase(world, observe),
});

function objectives(world: World) {
  const { databaseConnections } = goldenSettingsOf(world.production).objectives;
  const one = (
    id: string,
    metric: string,
    is: Parameters<typeof ask>[0]['is'],
    source: string,
    gate: 'hold' | 'warn' | 'inform' = 'hold',
  ) => ask({ id, metric, is, source, gate, maximumAge: LOOK_STANDS });
  return [
    one('unreachable', DATABASE.unreachable, ['==', 0, 'count'], 'plan A.1: the database answers'),
    one(
      'connections',
      DATABASE.connections,
      ['<', databaseConnections, 'count'],
      `plan A.3: database connections < ${databaseConnections}`,
    ),
    one('crowded', DATABASE.share, ['<', CROWDED_PERCENT, 'percent'], 'our own bound: room for a deployment', 'warn'),
    one('unencrypted', DATABASE.unencrypted, ['==', 0, 'count'], 'plan A.2: TLS to the database', 'warn'),
    one('role', DATABASE.mayWrite, ['==', 0, 'count'], 'to observe, a role that may only read is enough', 'warn'),
    one('replicas', DATABASE.replicas, ['>=', 1, 'count'], 'plan B.2: a copy elsewhere', 'inform'),
    one('backup', DATABASE.backupAge, ['<=', 1, 'days'], 'plan A.2: backups', 'inform'),
  ];
}

const DATABASE = {
  unreachable: 'database.unreachable',
  connections: 'database.connections',
  share: 'database.connections-share',
  unencrypted: 'database.unencrypted',
  /** Tables that the role could change, and powers that it has beside. */
  mayWrite: 'database.role-may-write',
  replicas: 'database.replicas',
  backupAge: 'database.backup-age',
} as const;

async function lookAtDatabase(world: World, observe: Observe): Promise<Measurement[]> {
  if (observe.database === undefined) return [];
  const url = await resolveReference(observe.database, 'the URL of the observed database', world.app.root);
  await rememberLogin(world, url);
  const seen = await observeDatabase({ url, timeoutMs: 5_000 });
  const note = notebook(world.host.name, world.clock);
  const unreachable = note({
    metric: DATABASE.unreachable,
    unit: 'count',
    observed: unreachability(seen),
    method: { kind: 'request', text: 'a connection and a read-only transaction' },
    note: seen.kind === 'seen' ? `PostgreSQL ${seen.seen.version}` : seen.reason,
  });
  return seen.kind === 'seen' ? [unreachable, ...whatItShows(seen.seen, note)] : [unreachable];
}

/** Whatever a server says of a refused login, neither the URL nor its password may be stored. */
async function rememberLogin({ production }: World, url: string): Promise<void> {
  await rememberHandedOver(production, 'observed-database-url', url);
  const password = URL.canParse(url) ? decodeURIComponent(new URL(url).password) : '';
  if (password !== '') await rememberHandedOver(production, 'observed-database-password', password);
}

function unreachability(seen: DatabaseObservation): Observed {
  switch (seen.kind) {
    case 'seen':
      return exactly(0, 1);
    case 'unreachable':
      return exactly(1, 1);
    case 'cannot tell':
      return absent(seen.reason);
  }
}

function whatItShows(seen: SeenDatabase, note: Notebook): Measurement[] {
  const query = (text: string) => ({ kind: 'query', text }) as const;
  const { role, replicas } = seen;
  const connections = query('sum(numbackends) of pg_stat_database against max_connections');
  const ways = role.writableTables + role.powers.length;
  return [
    note({
      metric: DATABASE.connections,
      unit: 'count',
      observed: exactly(seen.connections, 1),
      method: connections,
      note: `of ${seen.mostConnections}, at one moment, this look among them`,
    }),
    note({
      metric: DATABASE.share,
      unit: 'percent',
      observed: exactly((100 * seen.connections) / seen.mostConnections, 1),
      method: connections,
    }),
    note({
      metric: DATABASE.unencrypted,
      unit: 'count',
      observed: exactly(seen.line === 'plain' ? 1 : 0, 1),
      method: { kind: 'handshake', text: 'SSLRequest, before the login' },
      note: LINE[seen.line],
    }),
    note({
      metric: DATABASE.mayWrite,
      unit: 'count',
      observed: exactly(ways, role.tables + POWERS_LOOKED_AT),
      method: query('has_table_privilege of every table, has_schema_privilege, pg_roles'),
      note: ways === 0 ? `${role.name} may only read` : mayWriteText(role),
    }),
    note({
      metric: DATABASE.replicas,
      unit: 'count',
      observed:
        replicas > 0
          ? exactly(replicas, replicas)
          : absent('no standby shows; one that a provider keeps below the database would not'),
      method: query('pg_stat_replication'),
      note: seen.isStandby ? 'it is itself a standby' : undefined,
    }),
    note({
      metric: DATABASE.backupAge,
      unit: 'days',
      observed: absent('a backup does not show in the database: whoever takes it knows how old the last one is'),
      method: query('none: nothing there tells'),
    }),
  ];
}

/** A superuser, roles, databases, schemas, and tables in a schema. */
const POWERS_LOOKED_AT = 5;

const LINE: Record<SeenDatabase['line'], string> = {
  tls: 'the connection was encrypted',
  plain: 'the connection was not encrypted: the server offers no TLS, or its URL asks for none',
  socket: 'over a socket of this machine',
};

function mayWriteText({ name, tables, writableTables, powers }: SeenDatabase['role']): string {
  const could = [...(writableTables > 0 ? [`could change ${writableTables} of ${tables} tables`] : []), ...powers];
  return `${name} ${could.join(', ')}; nothing was tried. A role of its own that may log in, without any grant, is enough`;
}
