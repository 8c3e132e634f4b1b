import { BLANK } from '../config/document.ts';
import type { Facts } from './facts.ts';
import { type Guess, guess, type MigrationsDraft } from './guess.ts';
import type { PackageJson } from './package-json.ts';

/** The runner that changes the app's schema, by the files and scripts that it leaves. */
export function migrationsOf(facts: Facts, node: PackageJson | undefined): MigrationsDraft | undefined {
  return (node === undefined ? undefined : scripts(node)) ?? byFiles(facts, node);
}

const UP = [
  'migrate:up',
  'db:migrate',
  'migrate',
  'migrate:deploy',
  'migration:run',
  'migrations:run',
  'migrate:latest',
];
const DOWN = ['migrate:down', 'db:migrate:undo', 'db:rollback', 'migrate:undo', 'migration:revert', 'migrate:rollback'];
const STATUS = ['migrate:status', 'db:migrate:status', 'migrate:list', 'migration:show'];

/** The team's own words for it come first. */
function scripts({ scripts: all, runner }: PackageJson): MigrationsDraft | undefined {
  const named = (names: readonly string[]): Guess | undefined => {
    const name = names.find((one) => all[one] !== undefined);
    return name === undefined ? undefined : guess(`${runner} run ${name}`, `package.json: scripts.${name}`);
  };
  const up = named(UP);
  const [down, status] = [named(DOWN), named(STATUS)];
  return up === undefined ? undefined : { up, ...(down ? { down } : {}), ...(status ? { status } : {}) };
}

const bin = (name: string) => `node_modules/.bin/${name}`;

function byFiles(facts: Facts, node: PackageJson | undefined): MigrationsDraft | undefined {
  const has = (form: RegExp) => facts.files.find((file) => form.test(file));
  const depends = (name: string) => node?.dependencies.has(name) ?? false;
  const of = (from: string, up: string, down?: string, status?: string): MigrationsDraft => ({
    up: guess(up, from),
    ...(down === undefined ? {} : { down: guess(down, from) }),
    ...(status === undefined ? {} : { status: guess(status, from) }),
  });
  const prisma = has(/(^|\/)schema\.prisma$/);
  const knex = has(/(^|\/)knexfile\.[cm]?[jt]s$/);
  const drizzle = has(/^drizzle\.config\.[cm]?[jt]s$/);
  const source = has(/(^|\/)(data-source|ormconfig)\.[cm]?[jt]s$/);
  const flyway = has(/(^|\/)V\d+(_\d+)*__\w+\.sql$/);
  if (facts.files.includes('alembic.ini'))
    return of('alembic.ini', 'alembic upgrade head', 'alembic downgrade -1', 'alembic current');
  if (facts.files.includes('manage.py') && facts.texts.get('manage.py')?.includes('django'))
    return of('manage.py', 'python3 manage.py migrate --noinput', undefined, 'python3 manage.py showmigrations --plan');
  if (prisma !== undefined) return of(prisma, `${bin('prisma')} migrate deploy`);
  if (knex !== undefined)
    return of(knex, `${bin('knex')} migrate:latest`, `${bin('knex')} migrate:down`, `${bin('knex')} migrate:list`);
  if (depends('node-pg-migrate'))
    return of('package.json: node-pg-migrate', `${bin('node-pg-migrate')} up`, `${bin('node-pg-migrate')} down`);
  if (facts.files.includes('.sequelizerc') || depends('sequelize-cli'))
    return of(
      facts.files.includes('.sequelizerc') ? '.sequelizerc' : 'package.json: sequelize-cli',
      `${bin('sequelize-cli')} db:migrate`,
      `${bin('sequelize-cli')} db:migrate:undo`,
      `${bin('sequelize-cli')} db:migrate:status`,
    );
  if (depends('typeorm') && source !== undefined) {
    const built =
      node?.scripts.build === undefined ? source : source.replace(/^src\//, 'dist/').replace(/\.ts$/, '.js');
    return of(source, `${bin('typeorm')} migration:run -d ${built}`, `${bin('typeorm')} migration:revert -d ${built}`);
  }
  if (drizzle !== undefined) return of(drizzle, `${bin('drizzle-kit')} migrate`);
  if (flyway !== undefined)
    return {
      up: guess(BLANK, `${flyway} is Flyway's, which wants a JDBC URL: give a script that makes one of DATABASE_URL`),
    };
  return undefined;
}
