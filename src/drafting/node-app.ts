import { type CommandLine, commandLine } from './command-line.ts';
import type { Facts } from './facts.ts';
import { usualSeries } from './golden-libraries.ts';
import { type Findings, type Guess, guess, type ServiceDraft } from './guess.ts';
import type { PackageJson } from './package-json.ts';
import { parseServer } from './parse-server.ts';

const WEB = [
  'express',
  'fastify',
  'koa',
  '@hapi/hapi',
  'hono',
  'next',
  'nuxt',
  '@nestjs/core',
  'restify',
  'polka',
  'parse-server',
  '@remix-run/node',
  '@sveltejs/kit',
];
const POSTGRES = ['pg', 'postgres', 'pg-promise', '@prisma/client', 'slonik', 'node-pg-migrate', 'parse-server'];
const CACHE = ['redis', 'ioredis', 'bullmq', 'bull'];
const METRICS = ['prom-client', 'fastify-metrics', 'express-prom-bundle', 'express-prometheus-middleware'];
const OTHER_DATABASES: Readonly<Record<string, string>> = {
  mysql: 'MySQL',
  mysql2: 'MySQL',
  mongodb: 'MongoDB',
  mongoose: 'MongoDB',
  mssql: 'SQL Server',
};

/** What a package.json says: how it is built, started and tested, and what it stands on. */
export function nodeApp(facts: Facts, node: PackageJson, nodeVersion: string): Findings {
  const depends = (names: readonly string[]) => names.find((name) => node.own.has(name));
  const postgres = isOtherPrisma(facts) ? undefined : depends(POSTGRES);
  const parse = node.own.has('parse-server') ? parseServer(facts) : {};
  const services = servicesOf(facts, node);
  const metrics = depends(METRICS);
  const golden = usualSeries((name) => (node.own.has(name) ? `package.json: the dependency ${name}` : undefined));
  return {
    ...(node.name === undefined ? {} : { name: guess(node.name, 'package.json: name') }),
    build: buildOf(node),
    ...testsOf(node),
    services: services.map((service) => ({
      ...service,
      ...(metrics === undefined ? {} : { metrics: guess('/metrics', `package.json: the dependency ${metrics}`) }),
      ...(service.kind === 'web' && golden !== undefined ? { golden } : {}),
      ...(service.kind === 'web' ? parse.service : {}),
    })),
    ...(postgres === undefined
      ? {}
      : { database: { from: `package.json: the dependency ${postgres}`, ...seedOf(node), ...parse.database } }),
    ...(parse.secrets === undefined ? {} : { secrets: parse.secrets }),
    notes: [...otherDatabases(node), ...enginesNote(node, nodeVersion)],
  };
}

const QUEUES = ['bullmq', 'bull'];

/** Loses jobs where a full cache throws entries out. */
export const queueDependency = (node: PackageJson | undefined) => dependencyAmong(node, QUEUES);

export const cacheDependency = (node: PackageJson | undefined) => dependencyAmong(node, CACHE);

const dependencyAmong = (node: PackageJson | undefined, names: readonly string[]): string | undefined => {
  const name = names.find((one) => node?.own.has(one));
  return name === undefined ? undefined : `package.json: the dependency ${name}`;
};

const isOtherPrisma = (facts: Facts): boolean =>
  [...facts.texts].some(([path, text]) => path.endsWith('schema.prisma') && !/provider\s*=\s*"postgres/.test(text));

function buildOf(node: PackageJson): Guess<string>[] {
  const installs = node.dependencies.size > 0 ? [guess(node.install, 'package.json: dependencies')] : [];
  const generates = node.own.has('@prisma/client') && !/prisma generate/.test(Object.values(node.scripts).join('\n'));
  return [
    ...installs,
    ...(generates ? [guess('node_modules/.bin/prisma generate', 'package.json: @prisma/client')] : []),
    ...(node.scripts.build === undefined ? [] : [guess(`${node.runner} run build`, 'package.json: scripts.build')]),
  ];
}

function testsOf(node: PackageJson): Pick<Findings, 'tests'> {
  const script = node.scripts.test;
  if (script === undefined || /no test specified/.test(script)) return {};
  const command = `${node.runner} test`;
  const prepare = node.dependencies.size > 0 ? { prepare: node.install } : {};
  return { tests: guess({ ...prepare, command }, 'package.json: scripts.test') };
}

function seedOf(node: PackageJson): { readonly seed?: Guess } {
  const name = ['db:seed', 'seed'].find((one) => node.scripts[one] !== undefined);
  return name === undefined ? {} : { seed: guess(`${node.runner} run ${name}`, `package.json: scripts.${name}`) };
}

const WORKER = /worker|queue|job|scheduler|consumer|agent|cron/;

function servicesOf(facts: Facts, node: PackageJson): ServiceDraft[] {
  const scripts = Object.keys(node.scripts);
  const name = ['start:prod', 'start:production', 'start', 'serve'].find((one) => scripts.includes(one));
  const others = scripts.filter(
    (script) =>
      /^start:(?!dev|debug|prod|test|local|watch)[a-z0-9:-]+$/.test(script) ||
      /^(worker|scheduler|consumer)$/.test(script),
  );
  const start = name === undefined ? mainOf(facts, node) : ofScript(node, name);
  // Where several are started, and none by the bare name, the first that is no worker is what people reach.
  const faces = start === undefined ? others.filter((script) => !WORKER.test(script)).slice(0, 1) : [];
  return [
    ...named('web', 'web', start),
    ...others.flatMap((script) =>
      named(
        script.replace('start:', '').replaceAll(':', '-'),
        faces.includes(script) ? 'web' : 'agent',
        ofScript(node, script),
      ),
    ),
  ];
}

type Start = { readonly line: CommandLine; readonly from: string };

const named = (name: string, kind: ServiceDraft['kind'], start: Start | undefined): ServiceDraft[] =>
  start === undefined
    ? []
    : [
        {
          name,
          kind,
          start: { key: 'command', value: start.line.command, from: start.from },
          environment: Object.entries(start.line.environment).map(([variable, value]) => ({
            name: variable,
            value,
            from: start.from,
          })),
        },
      ];

/** What the script starts, not the package manager: a signal then reaches the app itself. */
function ofScript(node: PackageJson, name: string): Start | undefined {
  const from = `package.json: scripts.${name}`;
  const line = commandLine(node.scripts[name] ?? '');
  if (line === undefined || typeof line.command !== 'string')
    return { line: { command: `${node.runner} run ${name}`, environment: {} }, from };
  const [program = '', ...rest] = line.command.split(' ');
  if (['node', 'sh', 'bash', 'python3', 'deno', 'bun'].includes(program) || program.includes('/'))
    return { line, from };
  if (['npm', 'npx', 'yarn', 'pnpm'].includes(program)) return { line, from };
  return { line: { ...line, command: [`node_modules/.bin/${program}`, ...rest].join(' ') }, from };
}

function mainOf(facts: Facts, node: PackageJson): Start | undefined {
  const file = node.main ?? ['server.js', 'index.js', 'app.js', 'main.js'].find((one) => facts.files.includes(one));
  if (file === undefined || !WEB.some((dependency) => node.own.has(dependency))) return undefined;
  return {
    line: { command: `node ${file}`, environment: {} },
    from: node.main === undefined ? file : 'package.json: main',
  };
}

const otherDatabases = (node: PackageJson): string[] =>
  Object.entries(OTHER_DATABASES)
    .filter(([dependency]) => node.own.has(dependency))
    .map(
      ([dependency, name]) =>
        `package.json asks for ${dependency}: Holdpoint runs no ${name}; hand the URL of one over under \`secrets\`.`,
    );

function enginesNote({ node }: PackageJson, version: string): string[] {
  const least = Number(/(\d+)/.exec(node ?? '')?.[1] ?? 0);
  const here = Number(/(\d+)/.exec(version)?.[1] ?? 0);
  return least > here ? [`package.json: engines.node asks for ${node}, and this machine has Node ${version}.`] : [];
}
