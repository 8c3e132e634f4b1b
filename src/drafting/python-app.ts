import type { Facts } from './facts.ts';
import { lineAt, textsLike } from './facts.ts';
import { usualSeries } from './golden-libraries.ts';
import { type Findings, type Guess, guess, type ServiceDraft } from './guess.ts';

type Requirement = { readonly name: string; readonly text: string; readonly from: string };

/** Programs that Debian packages under their own name, and libraries that are called otherwise there. */
const DEBIAN_NAMES: Readonly<Record<string, string>> = {
  alembic: 'alembic',
  beautifulsoup4: 'python3-bs4',
  celery: 'celery',
  gunicorn: 'gunicorn',
  pillow: 'python3-pil',
  psycopg: 'python3-psycopg',
  'psycopg2-binary': 'python3-psycopg2',
  pyjwt: 'python3-jwt',
  'python-dateutil': 'python3-dateutil',
  'python-dotenv': 'python3-dotenv',
  'python-jose': 'python3-jose',
  'python-multipart': 'python3-multipart',
  pyyaml: 'python3-yaml',
  scikit: 'python3-sklearn',
  'scikit-learn': 'python3-sklearn',
  uvicorn: 'uvicorn',
};

const POSTGRES = ['psycopg2', 'psycopg2-binary', 'psycopg', 'asyncpg', 'pg8000', 'aiopg'];
const CACHE = ['redis', 'celery', 'rq', 'arq', 'django-redis'];
const METRICS = [
  'prometheus-client',
  'prometheus-fastapi-instrumentator',
  'starlette-exporter',
  'django-prometheus',
  'prometheus-flask-exporter',
];

/** What a Python project says of itself; undefined where there is none. */
export function pythonApp(facts: Facts): Findings | undefined {
  const requirements = requirementsOf(facts);
  const sources = textsLike(facts, /\.py$/);
  if (requirements.length === 0 && sources.length === 0) return undefined;
  const has = (name: string) => requirements.find((requirement) => requirement.name === name);
  const service = fastApi(sources, has) ?? django(facts, has) ?? flask(sources, has) ?? script(sources);
  if (service === undefined && requirements.length === 0) return undefined;
  const postgres = POSTGRES.map(has).find((found) => found !== undefined);
  const metrics = METRICS.map(has).find((found) => found !== undefined);
  const name = /^\s*name\s*=\s*["']([^"']+)["']/m.exec(facts.texts.get('pyproject.toml') ?? '')?.[1];
  const golden = usualSeries((library) => has(library)?.from);
  const withMetrics = {
    ...(metrics === undefined ? {} : { metrics: guess('/metrics', metrics.from) }),
    ...(golden === undefined ? {} : { golden }),
  };
  return {
    ...(name === undefined ? {} : { name: guess(name, 'pyproject.toml: name') }),
    packages: debianPackages(requirements),
    ...(pythonTests(facts, has) ?? {}),
    services: service === undefined ? [] : [{ ...service, ...withMetrics }],
    ...(postgres === undefined ? {} : { database: { from: postgres.from } }),
    notes: otherwise(requirements),
  };
}

export const pythonCache = (facts: Facts): string | undefined =>
  requirementsOf(facts).find(({ name }) => CACHE.includes(name))?.from;

const QUEUES = ['celery', 'rq', 'arq'];

/** Loses jobs where a full cache throws entries out. */
export const pythonQueue = (facts: Facts): string | undefined =>
  requirementsOf(facts).find(({ name }) => QUEUES.includes(name))?.from;

/** From pyproject.toml (PEP 621 and Poetry), else from requirements.txt. */
function requirementsOf(facts: Facts): Requirement[] {
  const project = facts.texts.get('pyproject.toml') ?? '';
  const list = /^\s*dependencies\s*=\s*\[([\s\S]*?)\]\s*$/m.exec(project)?.[1] ?? '';
  const listed = [...list.matchAll(/["']([^"'\n]+)["']/g)].flatMap(([, text = '']) =>
    requirement(text, 'pyproject.toml'),
  );
  if (listed.length > 0) return listed;
  const poetry = /^\[tool\.poetry\.dependencies\]\s*$([\s\S]*?)(?=^\[|(?![\s\S]))/m.exec(project)?.[1] ?? '';
  const ofPoetry = [...poetry.matchAll(/^\s*["']?([\w.-]+)["']?\s*=/gm)]
    .map(([, name = '']) => name)
    .filter((name) => name !== 'python')
    .flatMap((name) => requirement(name, 'pyproject.toml'));
  if (ofPoetry.length > 0) return ofPoetry;
  const [file, text] = textsLike(facts, /^requirements([/.-](base|prod|production|main))?\.txt$/)[0] ?? [];
  return (text ?? '')
    .split('\n')
    .map((line) => line.replace(/(^|\s)#.*$/, '').trim())
    .filter((line) => line !== '' && !line.startsWith('-'))
    .flatMap((line) => requirement(line, file ?? ''));
}

function requirement(text: string, file: string): Requirement[] {
  const written = /^[A-Za-z0-9][A-Za-z0-9._-]*/.exec(text.trim())?.[0];
  if (written === undefined) return [];
  // PEP 503: the name in one spelling.
  return [{ name: written.toLowerCase().replace(/[-_.]+/g, '-'), text: text.trim(), from: `${file}: ${text.trim()}` }];
}

/** Debian Python Policy: a module is packaged as `python3-NAME`. Without any, the language itself. */
function debianPackages(requirements: readonly Requirement[]): Guess<string>[] {
  if (requirements.length === 0) return [guess('python3', 'the sources are Python')];
  return requirements.map(({ name, from }) =>
    guess(DEBIAN_NAMES[name] ?? `python3-${name.replace(/^python-/, '')}`, from),
  );
}

type Has = (name: string) => Requirement | undefined;
type Sources = readonly (readonly [path: string, text: string])[];

/** The module that makes the application: `app/main.py` and its `app` are `app.main:app`. */
function application(
  sources: Sources,
  made: RegExp,
): { target: string; folder: string | undefined; from: string } | undefined {
  for (const [path, text] of sources) {
    const found = made.exec(text);
    if (found === null) continue;
    const inSource = path.startsWith('src/') ? path.slice(4) : path;
    const module = inSource.replace(/(\/__init__)?\.py$/, '').replaceAll('/', '.');
    const name = found.groups?.name ?? (found.groups?.factory === undefined ? 'app' : `${found.groups.factory}()`);
    return {
      target: `${module}:${name}`,
      folder: inSource === path ? undefined : 'src',
      from: `${path}, line ${lineAt(text, found.index)}`,
    };
  }
  return undefined;
}

const web = (command: Guess, more: Partial<ServiceDraft>): ServiceDraft => ({
  name: 'web',
  kind: 'web',
  start: { key: 'command', ...command },
  ...more,
});

function fastApi(sources: Sources, has: Has): ServiceDraft | undefined {
  const found = application(sources, /^(?<name>\w+)(?:\s*:\s*\w+)?\s*=\s*(?:FastAPI|Starlette|Litestar)\(/m);
  if (found === undefined) return undefined;
  const folder = found.folder === undefined ? '' : `--app-dir ${found.folder} `;
  const own = has('uvicorn') === undefined ? 'python3 -m uvicorn' : 'uvicorn';
  return web(guess(`${own} ${folder}${found.target}`, found.from), {
    portVariable: guess('UVICORN_PORT', 'uvicorn reads its options from UVICORN_…'),
    hostVariable: guess('UVICORN_HOST', 'uvicorn reads its options from UVICORN_…'),
  });
}

function gunicorn(target: string, from: string): ServiceDraft {
  // gunicorn's own PORT would make it listen on every address.
  return web(
    guess(
      ['/bin/sh', '-c', `exec gunicorn --bind "$HOST:$PORT" ${target.includes('(') ? `'${target}'` : target}`],
      from,
    ),
    {},
  );
}

function django(facts: Facts, has: Has): ServiceDraft | undefined {
  if (has('django') === undefined && !facts.texts.get('manage.py')?.includes('django')) return undefined;
  const wsgi = facts.files.find((file) => file.endsWith('/wsgi.py'));
  if (has('gunicorn') !== undefined && wsgi !== undefined)
    return gunicorn(wsgi.replace(/\.py$/, '').replaceAll('/', '.'), wsgi);
  const from = "manage.py: Django's development server, as gunicorn is not among the dependencies";
  return web(guess(['/bin/sh', '-c', 'exec python3 manage.py runserver --noreload "$HOST:$PORT"'], from), {});
}

function flask(sources: Sources, has: Has): ServiceDraft | undefined {
  const found =
    application(sources, /^(?<name>\w+)\s*=\s*Flask\(/m) ?? application(sources, /^def (?<factory>create_app)\(\s*\)/m);
  if (found === undefined || has('flask') === undefined) return undefined;
  if (has('gunicorn') !== undefined) return gunicorn(found.target, found.from);
  return web(
    guess(
      `python3 -m flask --app ${found.target.replace(/\(\)$/, '')} run`,
      `${found.from}: Flask's development server, as gunicorn is not among the dependencies`,
    ),
    {
      portVariable: guess('FLASK_RUN_PORT', 'flask reads its options from FLASK_RUN_…'),
      hostVariable: guess('FLASK_RUN_HOST', 'flask reads its options from FLASK_RUN_…'),
    },
  );
}

/** One file that serves by itself, on the standard library. */
function script(sources: Sources): ServiceDraft | undefined {
  const [file] =
    sources.find(
      ([path, text]) =>
        !path.includes('/') && /HTTPServer\(|socketserver|serve_forever|aiohttp/.test(text) && /__main__/.test(text),
    ) ?? [];
  return file === undefined ? undefined : web(guess(`python3 ${file}`, file), {});
}

function pythonTests(facts: Facts, has: Has): Pick<Findings, 'tests'> | undefined {
  const own = facts.files.find((file) => /^(test_\w+|\w+_test)\.py$/.test(file));
  const mentions = /\[tool\.pytest/.test(facts.texts.get('pyproject.toml') ?? '');
  if (has('pytest') !== undefined || mentions)
    return { tests: guess('python3 -m pytest', mentions ? 'pyproject.toml: tool.pytest' : 'pytest') };
  return own === undefined ? undefined : { tests: guess('python3 -m unittest', own) };
}

const otherwise = (requirements: readonly Requirement[]): string[] =>
  requirements
    .filter(({ name }) => ['pymysql', 'mysqlclient', 'pymongo', 'motor', 'asyncpg'].includes(name))
    .map(({ name, from }) =>
      name === 'asyncpg'
        ? `${from}: the URL that Holdpoint hands over begins with postgresql://; SQLAlchemy on asyncpg wants postgresql+asyncpg://.`
        : `${from}: Holdpoint runs Postgres alone; hand the URL of another database over under \`secrets\`.`,
    );
