import type { YamlValue } from '../config/schema/key.ts';
import { composeFileOf, dockerfileApp } from './containers.ts';
import type { Facts } from './facts.ts';
import { type DatabaseDraft, type Findings, type Guess, guess, type ServiceDraft } from './guess.ts';
import { migrationsOf } from './migrations.ts';
import { cacheDependency, nodeApp, queueDependency } from './node-app.ts';
import { packageJson } from './package-json.ts';
import { procfile } from './procfile.ts';
import { prometheusMetrics } from './prometheus-configuration.ts';
import { pythonApp, pythonCache, pythonQueue } from './python-app.ts';
import { pathOf, type Routes, routesOf } from './routes.ts';
import { staticSite } from './static-site.ts';
import { cacheVariable, databaseVariable, secretsRead, variablesRead } from './variables.ts';

/** What the folder seems to hold, all readers together. */
export type Understood = Required<Omit<Findings, 'tests' | 'database' | 'cache' | 'name'>> &
  Pick<Findings, 'tests' | 'database' | 'cache'> & {
    readonly name: Guess<string>;
    readonly compose: Guess<string> | undefined;
  };

/** Pure. `nodeVersion` is the one that the app would run on. */
export function understand(facts: Facts, nodeVersion: string): Understood {
  const compose = composeFileOf(facts);
  const node = packageJson(facts);
  const routes = routesOf(facts);
  const variables = variablesRead(facts);
  const ofNode = node === undefined ? undefined : nodeApp(facts, node, nodeVersion);
  const ofPython = pythonApp(facts);
  const ofProcfile = procfile(facts);
  const ofDockerfile = compose === undefined ? dockerfileApp(facts) : undefined;
  const isServed = (findings: Findings | undefined) => (findings?.services ?? []).some(({ kind }) => kind === 'web');
  // A package.json beside a Python app mostly builds its pages.
  const tree = isServed(ofPython) && !hasWebFramework(ofNode, facts) ? ofPython : (ofNode ?? ofPython);
  const ofSite = isServed(tree) || isServed(ofPython) ? undefined : staticSite(facts, node);
  const source = compose === undefined ? (ofDockerfile ?? ofProcfile ?? serving(ofPython, tree, ofSite)) : undefined;
  const isTree = compose === undefined && ofDockerfile === undefined;
  const database = databaseOf(ofNode?.database ?? ofPython?.database, databaseVariable(variables), {
    ...(migrationsOf(facts, node) === undefined ? {} : { migrations: migrationsOf(facts, node) }),
    ...(ofProcfile?.release === undefined ? {} : { release: ofProcfile.release }),
  });
  const names = [ofNode?.name, ofPython?.name].filter((name) => name !== undefined);
  const cache = cacheVariable(variables);
  const queue = queueDependency(node) ?? pythonQueue(facts);
  const cacheFrom = cache?.from ?? cacheDependency(node) ?? pythonCache(facts);
  const metrics = routes.metrics ?? prometheusMetrics(facts)?.path;
  const usesPython = source === ofPython || (source === ofProcfile && ofPython !== undefined);
  const services = (source?.services ?? []).map((service) => withRoutes(service, routes, metrics));
  return {
    name: nameOf(names[0], facts.folder),
    compose: compose === undefined ? undefined : guess(compose, compose),
    packages: isTree && usesPython ? (ofPython?.packages ?? []) : [],
    build: isTree && ofNode !== undefined ? (ofNode.build ?? []) : [],
    ...testsOf(ofNode?.tests ?? ofPython?.tests),
    services,
    ...(database === undefined ? {} : { database }),
    ...(cacheFrom === undefined || compose !== undefined
      ? {}
      : { cache: { variable: cache?.value ?? 'REDIS_URL', from: cacheFrom, ...(queue && { queue }) } }),
    secrets: compose === undefined ? secretsOf(ofNode?.secrets, secretsRead(variables, facts)) : [],
    smoke: smokeOf(ofSite?.smoke, routes, services),
    load: routes.reads.map(({ value, from }) => guess(pathOf(value), from)),
    notes: [...(ofNode?.notes ?? []), ...(ofPython?.notes ?? []), ...(prometheusMetrics(facts)?.notes ?? [])],
  };
}

const hasWebFramework = (ofNode: Findings | undefined, facts: Facts): boolean =>
  (ofNode?.services ?? []).length > 0 && !facts.files.includes('manage.py');

const serving = (...findings: readonly (Findings | undefined)[]): Findings | undefined =>
  [findings[1], findings[0], findings[2]].find((one) => (one?.services ?? []).length > 0);

const testsOf = (tests: Guess | undefined): Pick<Findings, 'tests'> => (tests === undefined ? {} : { tests });

/** Fit for host names and folders: `@company/Stock_Room` is `stock-room`. */
function nameOf(given: Guess<string> | undefined, folder: string): Guess<string> {
  const from = given ?? guess(folder, 'the name of the folder');
  const words = from.value
    .replace(/^@[^/]*\//, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-');
  const name = words
    .replace(/^[^a-z]+/, '')
    .slice(0, 40)
    .replace(/-+$/, '');
  return guess(name === '' ? 'app' : name, from.from);
}

function withRoutes(service: ServiceDraft, routes: Routes, metrics: Guess<string> | undefined): ServiceDraft {
  if (service.kind !== 'web') return service;
  const { health, readiness } = routes;
  return {
    ...(health === undefined ? {} : { health }),
    ...(readiness === undefined ? {} : { readiness }),
    ...(metrics === undefined ? {} : { metrics }),
    ...service,
  };
}

type Changes = { readonly migrations?: DatabaseDraft['migrations']; readonly release?: Guess };

/** A database, where something of it is seen: a driver, or a variable with its URL. */
function databaseOf(
  found: DatabaseDraft | undefined,
  variable: Guess<string> | undefined,
  { migrations, release }: Changes,
): DatabaseDraft | undefined {
  if (found === undefined && (variable === undefined || migrations === undefined)) return undefined;
  const changes = release === undefined ? migrations : { ...migrations, up: release };
  return {
    ...(variable === undefined ? {} : { variable }),
    ...(changes === undefined ? {} : { migrations: changes }),
    ...(found ?? { from: variable?.from ?? '' }),
  };
}

function secretsOf(known: Findings['secrets'] = [], read: Findings['secrets'] = []): NonNullable<Findings['secrets']> {
  const variables = new Set(known.map(({ variable }) => variable));
  return [...known, ...read.filter(({ variable }) => !variables.has(variable))];
}

/** Where nothing else is known, that the app says it is well. */
function smokeOf(
  ofSite: Findings['smoke'],
  { reads, health }: Routes,
  services: readonly ServiceDraft[],
): Guess<YamlValue>[] {
  if (ofSite !== undefined && ofSite.length > 0) return [...ofSite];
  if (reads.length > 0) return [...reads];
  const [known] = services.flatMap((service) => (service.health === undefined ? [] : [service.health]));
  return [health ?? known].flatMap((one) => (one === undefined ? [] : [one]));
}
