import { isDeepStrictEqual } from 'node:util';
import type { Role } from './classify.ts';
import { type ComposeFile, isMapping, itemsOf, type Mapping, textOf } from './compose-file.ts';
import { commandOf, type Remark, sourceOf } from './service-words.ts';
import { given, type TakenService } from './taken-service.ts';

export function databaseOf(
  compose: ComposeFile,
  services: ReadonlyMap<string, Mapping>,
  roles: ReadonlyMap<string, Role>,
  taken: readonly TakenService[],
): { readonly words: Mapping | undefined; readonly remarks: readonly Remark[] } {
  const [server] = [...roles].flatMap(([name, { kind }]) => (kind === 'database' ? [name] : []));
  const migrations = migrationsOf(compose, services, roles);
  if (server === undefined)
    return {
      words: migrations.up === undefined ? undefined : { migrations: { up: migrations.up } },
      remarks: migrations.remarks,
    };
  const variables = taken.flatMap((t) =>
    t.environment.databaseVariables.map((variable) => ({ variable, service: t.name })),
  );
  const [first] = variables;
  const name =
    textOf(environmentOf(services.get(server), 'POSTGRES_DB')) ??
    taken.find((t) => t.environment.databaseName)?.environment.databaseName;
  const words: Mapping = {
    engine: 'postgres',
    ...(name !== undefined && /^[a-z][a-z0-9_]{0,62}$/.test(name) ? { name } : {}),
    ...given('variable', first?.variable),
    ...(migrations.up === undefined ? {} : { migrations: { up: migrations.up } }),
  };
  const others = variables.filter(({ variable }) => variable !== first?.variable);
  return {
    words,
    remarks: [
      ...migrations.remarks,
      ...serverRemarks(server, services.get(server) ?? {}),
      ...others.map(({ variable, service }) => ({
        path: ['services', service, 'environment', variable],
        what: `services.${service}: the variable ${variable}`,
        because: `the URL of the database is handed over by one variable, ${first?.variable}`,
      })),
    ],
  };
}

function environmentOf(service: Mapping | undefined, variable: string): unknown {
  const environment = service?.environment;
  if (isMapping(environment)) return environment[variable];
  const entry = itemsOf(environment).find((item) => textOf(item)?.startsWith(`${variable}=`));
  return textOf(entry)?.slice(variable.length + 1);
}

function serverRemarks(name: string, service: Mapping): Remark[] {
  const path = ['services', name];
  const remarks: Remark[] = [
    {
      path: [...path, 'image'],
      what: `services.${name}: the image ${textOf(service.image)}`,
      because: 'Holdpoint runs a Postgres of its own in its place, with its own role, password and backups',
    },
  ];
  for (const [i, item] of itemsOf(service.volumes).entries()) {
    const text = isMapping(item) ? textOf(item.target) : textOf(item);
    const because = text?.includes('docker-entrypoint-initdb.d')
      ? 'nothing is run when the database is made: put it into the migrations, or into `database.seed`'
      : 'the database of Holdpoint begins empty: bring the data over by a dump';
    remarks.push({ path: [...path, 'volumes', i], what: `services.${name}: the volume ${text}`, because });
  }
  if (service.ports !== undefined)
    remarks.push({
      path: [...path, 'ports'],
      what: `services.${name}.ports`,
      because: 'the database is reachable by the services alone',
    });
  return remarks;
}

/** Commands about the database run with the variables of the first service. */
function onlyItsOwn(name: string, service: Mapping, [asName, as]: readonly [string, Mapping]): Remark[] {
  const known = new Set(variablesOf(as));
  return variablesOf(service).flatMap((variable, i) =>
    known.has(variable) || /^(?:DATABASE_URL|POSTGRES|PG)/.test(variable)
      ? []
      : [
          {
            path: ['services', name, 'environment', isMapping(service.environment) ? variable : i],
            what: `services.${name}: the variable ${variable}`,
            because: `migrations run with the variables of ${asName}: give it there`,
          },
        ],
  );
}

const variablesOf = ({ environment }: Mapping): string[] =>
  isMapping(environment)
    ? Object.keys(environment)
    : itemsOf(environment).flatMap((item) => textOf(item)?.split('=')[0] ?? []);

/** The first service that others wait for until it has ended, made of the same as one that stays. */
function migrationsOf(compose: ComposeFile, services: ReadonlyMap<string, Mapping>, roles: ReadonlyMap<string, Role>) {
  const remarks: Remark[] = [];
  let up: unknown;
  const stays = [...roles].flatMap(([name, { kind }]) =>
    kind === 'service' ? [[name, services.get(name) ?? {}] as const] : [],
  );
  for (const [name, { kind }] of roles) {
    if (kind !== 'one-shot') continue;
    const service = services.get(name) ?? {};
    const remark = (because: string) => remarks.push({ path: ['services', name], what: `services.${name}`, because });
    const command = commandOf(service.command) ?? commandOf(service.entrypoint);
    const [first] = stays;
    const isOurs = stays.some(([, other]) => isDeepStrictEqual(sourceOf(compose, other), sourceOf(compose, service)));
    if (first === undefined || !isOurs)
      remark('it runs once, and is made of another image than any service: only migrations run before the services');
    else if (command === undefined)
      remark('it runs once, and only its image knows what: give `database.migrations.up`');
    else if (up !== undefined)
      remark('it runs once, and there is another such service: give both in one `database.migrations.up`');
    else {
      up = command;
      remarks.push(...onlyItsOwn(name, service, first));
    }
  }
  return { up, remarks };
}
