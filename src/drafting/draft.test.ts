import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { App } from '../config/app.ts';
import { configProblemLines } from '../config/problem.ts';
import { appFromText } from '../config/read.ts';
import { type Answers, draft } from './draft.ts';
import { type Facts, gatherFacts } from './facts.ts';
import { place } from './place.ts';

type Folder = Readonly<Record<string, string>>;

const factsOf = (folder: Folder): Facts => ({
  folder: 'Shop',
  files: Object.keys(folder),
  texts: new Map(Object.entries(folder)),
});

function drafted(folder: Folder, answers: Answers = {}) {
  const made = draft(factsOf(folder), answers, '20.19.0');
  return { ...made, reading: appFromText(made.text, 'holdpoint.yaml', '/app', (path) => folder[path]) };
}

function app(folder: Folder, answers: Answers = {}): App {
  const { reading, text } = drafted(folder, answers);
  if (reading.kind === 'app') return reading.app;
  throw new Error(`${reading.problems.flatMap(configProblemLines).join('\n')}\n${text}`);
}

const node = (more: object): Folder => ({
  'package.json': JSON.stringify({ name: '@acme/Shop_Front', ...more }),
  'package-lock.json': '{}',
});
const web = (folder: Folder) => app(folder).services[0];

describe('a Node app', () => {
  it.each([
    ['node server.js', ['node', 'server.js'], {}],
    ['NODE_ENV=production node server.js', ['node', 'server.js'], { NODE_ENV: 'production' }],
    ['cross-env LOG=1 node server.js', ['node', 'server.js'], { LOG: '1' }],
    ['next start', ['node_modules/.bin/next', 'start'], {}],
    ['node a.js | tee log', ['npm', 'run', 'start'], {}],
  ])('is started as its script says: %s', (start, command, environment) => {
    expect(web(node({ scripts: { start }, dependencies: { express: '4' } }))).toMatchObject({
      name: 'web',
      kind: 'web',
      command,
      environment,
    });
  });

  it('is built, tested and named as package.json says', () => {
    const shop = app(
      node({ scripts: { start: 'node a.js', build: 'tsc', test: 'vitest run' }, dependencies: { fastify: '5' } }),
    );
    expect(shop).toMatchObject({
      name: 'shop-front',
      build: [
        ['npm', 'ci'],
        ['npm', 'run', 'build'],
      ],
      tests: { command: ['npm', 'test'], prepare: [['npm', 'ci']] },
      database: undefined,
    });
  });

  it('takes the package manager of the lock file', () => {
    const { 'package.json': text = '' } = node({
      scripts: { start: 'node a.js', build: 'x' },
      dependencies: { koa: '2' },
    });
    expect(app({ 'package.json': text, 'pnpm-lock.yaml': '' }).build[1]).toEqual(['pnpm', 'run', 'build']);
    expect(app({ 'package.json': text, 'yarn.lock': '' }).build[0]).toEqual(['yarn', 'install', '--frozen-lockfile']);
    expect(app({ 'package.json': text }).build[0]).toEqual(['npm', 'install']);
  });

  it('has a web service and workers', () => {
    const scripts = { 'start:dashboard': 'node d.js', 'start:mail-worker': 'node m.js', 'start:dev': 'nodemon d.js' };
    expect(app(node({ scripts, dependencies: { pg: '8' } })).services.map((s) => [s.name, s.kind])).toEqual([
      ['dashboard', 'web'],
      ['mail-worker', 'agent'],
    ]);
  });

  it('has the database, cache, secrets and metrics that it stands on', () => {
    const shop = app({
      ...node({
        scripts: { start: 'node a.js', seed: 'node seed.js' },
        dependencies: { express: '4', pg: '8', ioredis: '5', bullmq: '5', 'prom-client': '15' },
      }),
      'a.js':
        'connect(process.env.SHOP_DB_URL, process.env["REDIS_URL"]);\nsign(process.env.SESSION_SECRET, process.env.STRIPE_API_KEY)',
    });
    expect(shop).toMatchObject({
      database: { handover: { variable: 'SHOP_DB_URL', as: 'value' }, seed: ['npm', 'run', 'seed'] },
      cache: {
        managed: { kind: 'by-holdpoint', eviction: 'noeviction' },
        handover: { variable: 'REDIS_URL', as: 'value' },
      },
      services: [{ metricsPath: '/metrics' }],
    });
    expect(shop.secrets.map((s) => [s.handover.variable, s.from.kind])).toEqual([
      ['SESSION_SECRET', 'generated'],
      ['STRIPE_API_KEY', 'env'],
    ]);
  });

  it('has its secrets from the lines of .env, and says nothing of what stands there', () => {
    const folder = {
      ...node({ scripts: { start: 'node a.js' } }),
      'a.js': 'use(process.env.SESSION_SECRET, process.env.STRIPE_API_KEY, process.env.OTHER_TOKEN)',
      '.env': 'SESSION_SECRET=canary-1\nSTRIPE_API_KEY="canary-2"\nOTHER_TOKEN=\n',
    };
    expect(app(folder).secrets.map(({ from }) => from)).toEqual([
      { kind: 'dotenv', path: '/app/.env', variable: 'SESSION_SECRET' },
      { kind: 'dotenv', path: '/app/.env', variable: 'STRIPE_API_KEY' },
      { kind: 'env', variable: 'OTHER_TOKEN' },
    ]);
    expect(drafted(folder).text).not.toContain('canary');
  });

  it('finds health, readiness and metrics in its sources', () => {
    const source =
      "app.get('/', home);\napp.get('/users/:id', user);\napp.get('/healthz', ok);\napp.get('/readyz', ok);\napp.get('/internal/metrics', m);";
    expect(web({ ...node({ main: 'a.js', dependencies: { express: '4' } }), 'a.js': source })).toMatchObject({
      health: { path: '/healthz' },
      readiness: { path: '/readyz' },
      metricsPath: '/internal/metrics',
      command: ['node', 'a.js'],
    });
  });

  it('proposes the series that its library usually exports, as a comment', () => {
    const dependencies = { express: '4', 'express-prom-bundle': '8' };
    const folder = node({ scripts: { start: 'node a.js' }, dependencies });
    const proposed = '# golden: { requests: http_request_duration_seconds_count, status: status_code }';
    const { text } = drafted(folder);
    expect(text).toContain(proposed);
    expect(text).toContain('express-prom-bundle: a guess');
    const taken = appFromText(text.replace(proposed, proposed.slice(2)), 'holdpoint.yaml', '/app');
    expect(taken.kind === 'app' && taken.app.services[0]?.golden).toMatchObject({ status: 'status_code' });
    expect(
      drafted(node({ scripts: { start: 'node a.js' }, dependencies: { 'prom-client': '15' } })).text,
    ).not.toContain('golden');
  });

  it('is parse-server, whose options are variables', () => {
    const shop = app(
      node({ scripts: { start: 'parse-server config.json' }, dependencies: { 'parse-server': '9.10.0' } }),
    );
    expect(shop).toMatchObject({
      database: { handover: { variable: 'PARSE_SERVER_DATABASE_URI' } },
      secrets: [{ handover: { variable: 'PARSE_SERVER_MASTER_KEY' } }],
      services: [{ hostVariable: 'PARSE_SERVER_HOST', health: { path: '/parse/health' } }],
    });
  });

  it('says what it asks for and cannot have', () => {
    const { notes } = drafted(
      node({ scripts: { start: 'node a.js' }, engines: { node: '>=24' }, dependencies: { express: '4', mysql2: '3' } }),
    );
    expect(notes.join('\n')).toContain('Holdpoint runs no MySQL');
    expect(notes.join('\n')).toContain('this machine has Node 20.19.0');
  });
});

describe('migrations', () => {
  const postgres = (more: object, files: Folder = {}) => ({
    ...node({ dependencies: { express: '4', pg: '8' }, main: 'a.js', ...more }),
    ...files,
  });
  it.each<[string, Folder, string, string | undefined]>([
    [
      'scripts of the team',
      postgres({ scripts: { 'db:migrate': 'x', 'db:rollback': 'y' } }),
      'npm run db:migrate',
      'npm run db:rollback',
    ],
    [
      'Alembic',
      { 'alembic.ini': '', 'requirements.txt': 'fastapi\npsycopg2', 'main.py': 'app = FastAPI()' },
      'alembic upgrade head',
      'alembic downgrade -1',
    ],
    [
      'Django',
      { 'manage.py': 'import django', 'shop/wsgi.py': '', 'requirements.txt': 'Django==4\npsycopg[binary]\ngunicorn' },
      'python3 manage.py migrate --noinput',
      undefined,
    ],
    [
      'Prisma',
      {
        ...node({ main: 'a.js', dependencies: { express: '4', '@prisma/client': '6' } }),
        'prisma/schema.prisma': 'datasource db { provider = "postgresql" url = env("DATABASE_URL") }',
      },
      'node_modules/.bin/prisma migrate deploy',
      undefined,
    ],
    [
      'Knex',
      postgres({}, { 'knexfile.js': '' }),
      'node_modules/.bin/knex migrate:latest',
      'node_modules/.bin/knex migrate:down',
    ],
    [
      'node-pg-migrate',
      postgres({ dependencies: { express: '4', pg: '8', 'node-pg-migrate': '8' } }),
      'node_modules/.bin/node-pg-migrate up',
      'node_modules/.bin/node-pg-migrate down',
    ],
    [
      'Sequelize',
      postgres({}, { '.sequelizerc': '' }),
      'node_modules/.bin/sequelize-cli db:migrate',
      'node_modules/.bin/sequelize-cli db:migrate:undo',
    ],
    [
      'TypeORM',
      postgres(
        { scripts: { build: 'tsc' }, dependencies: { express: '4', pg: '8', typeorm: '0.3' } },
        { 'src/data-source.ts': '' },
      ),
      'node_modules/.bin/typeorm migration:run -d dist/data-source.js',
      'node_modules/.bin/typeorm migration:revert -d dist/data-source.js',
    ],
    ['Drizzle', postgres({}, { 'drizzle.config.ts': '' }), 'node_modules/.bin/drizzle-kit migrate', undefined],
    ['Procfile', postgres({}, { Procfile: 'web: node a.js\nrelease: node migrate.js' }), 'node migrate.js', undefined],
  ])('of %s', (_runner, folder, up, down) => {
    const { database } = app(folder);
    expect([database?.migrations?.up.join(' '), database?.migrations?.down?.join(' ')]).toEqual([up, down]);
  });

  it('of Flyway are a blank that says what is missing', () => {
    const { reading, blanks, text } = drafted(postgres({}, { 'sql/V1__shop.sql': '' }));
    expect(blanks).toMatchObject([{ key: 'database.migrations.up' }]);
    expect(text.split('\n')[(blanks[0]?.line ?? 0) - 1]).toContain('up: FILL-IN');
    expect(reading.kind === 'problems' && reading.problems.map((p) => [p.key, p.found])).toEqual([
      ['database.migrations.up', 'a blank that `holdpoint init` left'],
    ]);
  });
});

describe('a Python app', () => {
  const pyproject = (dependencies: readonly string[]) =>
    `[project]\nname = "shop"\ndependencies = [\n${dependencies.map((d) => `  "${d}",\n`).join('')}]\n[build-system]\nrequires = ["setuptools"]\n`;

  it('on FastAPI is started by uvicorn, with packages of Debian', () => {
    const shop = app({
      'pyproject.toml': pyproject([
        'fastapi>=0.92',
        'uvicorn[standard]',
        'psycopg2-binary',
        'Jinja2',
        'prometheus_client',
      ]),
      'src/shop/main.py':
        'import os\nDB = os.environ["SHOP_DATABASE_URL"]\napi: FastAPI = FastAPI(title="shop")\n@api.get("/health")\ndef health(): ...\n@api.get("/items")\ndef items(): ...\n@api.get("/items/{id}")\ndef item(): ...\n@api.get("/me")\ndef me(user=Depends(current_user)): ...\n',
    });
    expect(shop.packages).toEqual([
      'python3-fastapi',
      'uvicorn',
      'python3-psycopg2',
      'python3-jinja2',
      'python3-prometheus-client',
    ]);
    expect(shop.services[0]).toMatchObject({
      command: ['uvicorn', '--app-dir', 'src', 'shop.main:api'],
      portVariable: 'UVICORN_PORT',
      hostVariable: 'UVICORN_HOST',
      health: { path: '/health', contentType: 'application/json' },
      metricsPath: '/metrics',
    });
    expect(shop.smoke.map((s) => s.path)).toEqual(['/items']);
    expect(shop.database?.handover.variable).toBe('SHOP_DATABASE_URL');
  });

  it.each<[string, Folder, readonly string[]]>([
    [
      'Flask with gunicorn',
      { 'requirements.txt': 'flask\ngunicorn', 'shop/__init__.py': 'def create_app():\n  ...' },
      ['/bin/sh', '-c', `exec gunicorn --bind "$HOST:$PORT" 'shop:create_app()'`],
    ],
    [
      'Flask alone',
      { 'requirements.txt': 'Flask==3 # web', 'app.py': 'app = Flask(__name__)' },
      ['python3', '-m', 'flask', '--app', 'app:app', 'run'],
    ],
    [
      'Django with gunicorn',
      { 'requirements.txt': 'django\ngunicorn', 'manage.py': 'import django', 'shop/wsgi.py': '' },
      ['/bin/sh', '-c', 'exec gunicorn --bind "$HOST:$PORT" shop.wsgi'],
    ],
    ['one file', { 'notes.py': 'HTTPServer(x)\nif __name__ == "__main__": ...' }, ['python3', 'notes.py']],
    [
      'Poetry',
      {
        'pyproject.toml':
          '[tool.poetry.dependencies]\npython = "^3.11"\nfastapi = "^0.92"\nuvicorn = "*"\n\n[tool.x]\n',
        'main.py': 'app = FastAPI()',
      },
      ['uvicorn', 'main:app'],
    ],
  ])('%s', (_what, folder, command) => {
    expect(web(folder)?.command).toEqual(command);
  });
});

describe('other ways to start', () => {
  it('a Procfile: what needs a shell gets one', () => {
    const { services } = app({
      Procfile: 'web: gunicorn shop:app --bind 0.0.0.0:$PORT\nmail_worker: LOG=1 python3 mail.py\n',
      'requirements.txt': 'flask\ngunicorn',
    });
    expect(services.map((s) => [s.name, s.kind, s.command, s.environment])).toEqual([
      ['web', 'web', ['/bin/sh', '-c', 'exec gunicorn shop:app --bind 0.0.0.0:$PORT'], {}],
      ['mail-worker', 'agent', ['python3', 'mail.py'], { LOG: '1' }],
    ]);
  });

  it('a Dockerfile, with its port and its health check', () => {
    const dockerfile =
      'FROM node AS build\nEXPOSE 1\nFROM node\nEXPOSE 8080\nHEALTHCHECK --interval=5s CMD curl -f http://localhost:8080/up || exit 1\nCMD ["node","a.js"]\n';
    expect(
      web({ ...node({ scripts: { start: 'node a.js' }, dependencies: { express: '4' } }), Dockerfile: dockerfile }),
    ).toMatchObject({
      source: { kind: 'dockerfile', file: 'Dockerfile' },
      port: 8080,
      health: { path: '/up' },
    });
    expect(web({ Dockerfile: 'FROM node\nENV PORT=3000\nEXPOSE 3000\n' })).toMatchObject({
      port: undefined,
      portVariable: 'PORT',
    });
  });

  it('a Compose file', () => {
    const shop = app({
      'docker-compose.yml': 'services: { w: { build: ., ports: ["80:3000"] } }',
      Dockerfile: 'FROM node',
    });
    expect(shop.services).toMatchObject([{ name: 'w', source: { kind: 'dockerfile' }, port: 3000 }]);
  });

  it('a static site', () => {
    const site = app({ 'public/index.html': '<title>The club</title>' });
    expect(site.services[0]?.command?.at(-1)).toBe('public');
    expect(site.smoke).toMatchObject([{ path: '/', contentType: 'text/html', contains: '<title>The club</title>' }]);
    expect(
      app(node({ scripts: { build: 'vite build' }, devDependencies: { vite: '7' } })).services[0]?.command?.at(-1),
    ).toBe('dist');
  });

  it('nothing at all: a blank, or the answer', () => {
    const { reading, blanks, questions } = drafted({ 'README.md': '' });
    expect(questions.map((q) => q.id)).toEqual(['command', 'health', 'hostname']);
    expect(blanks).toMatchObject([{ key: 'services.web.command', line: 8 }]);
    expect(reading.kind === 'problems' && reading.problems.map((p) => [p.key, p.at?.line])).toEqual([
      ['services.web.command', 8],
    ]);
    const answers = { command: './serve --port $PORT', health: 'up', hostname: 'Shop.example.com' };
    expect(app({}, answers)).toMatchObject({
      name: 'shop',
      services: [{ command: ['/bin/sh', '-c', 'exec ./serve --port $PORT'], health: { path: '/up' } }],
      environments: { production: { hostname: 'shop.example.com' } },
    });
    expect(draft(factsOf({}), answers).questions).toEqual([]);
  });
});

describe('what describes the app already', () => {
  it('an OpenAPI file', () => {
    const openapi = `
openapi: 3.0.0
servers: [{ url: https://api.example.com/v1 }]
paths:
  /healthz: { get: { responses: { "200": { content: { application/json: {} } } } } }
  /products: { get: { responses: { "200": { content: { application/json: {} } } } } }
  /search: { get: { parameters: [{ name: q, in: query, required: true }] } }
  /products/{id}: { get: {} }
  /orders: { get: { security: [{ key: [] }] }, post: {} }
`;
    const { reading, text } = drafted({
      ...node({ scripts: { start: 'node a.js' }, dependencies: { express: '4' } }),
      'docs/openapi.yaml': openapi,
    });
    expect(reading.kind === 'app' && reading.app.services[0]?.health?.path).toBe('/v1/healthz');
    expect(reading.kind === 'app' && reading.app.smoke.map((s) => s.path)).toEqual(['/v1/products']);
    expect(text).toContain('#   requests: [ /v1/products ]');
  });

  it('a Prometheus configuration', () => {
    const prometheus =
      'scrape_configs:\n  - { job_name: prometheus }\n  - { job_name: shop, metrics_path: /internal/prom }\n';
    const folder = {
      ...node({ scripts: { start: 'node a.js' }, dependencies: { express: '4' } }),
      'ops/prometheus.yml': prometheus,
    };
    expect(web(folder)?.metricsPath).toBe('/internal/prom');
    expect(drafted(folder).notes.join()).toContain('ops/prometheus.yml');
  });
});

it('is a page that is pleasant to read', () => {
  const { text } = drafted({
    'pyproject.toml':
      '[project]\nname = "toolshed"\ndependencies = [\n  "fastapi>=0.92",\n  "uvicorn>=0.17",\n  "psycopg2>=2.9",\n]\n',
    'alembic.ini': '',
    'app/main.py': 'app = FastAPI()\n\n@app.get("/health")\ndef health(): ...\n',
  });
  expect(
    text,
  ).toBe(`# Drafted by \`holdpoint init\` from what lies in this folder. Behind each value stands what it came from: a guess, until
# you have looked at it.
# Every key: docs/reference/holdpoint-yaml.md
name: toolshed # from pyproject.toml: name

# Debian packages, by the rule that Debian names them by: \`apt-cache policy NAME\` says whether there is one, and which
# version.
packages:
  - python3-fastapi # from pyproject.toml: fastapi>=0.92
  - uvicorn # from pyproject.toml: uvicorn>=0.17
  - python3-psycopg2 # from pyproject.toml: psycopg2>=2.9

services:
  web:
    command: uvicorn app.main:app # from app/main.py, line 1
    portVariable: UVICORN_PORT # uvicorn reads its options from UVICORN_…
    hostVariable: UVICORN_HOST # uvicorn reads its options from UVICORN_…
    health: { path: /health, contentType: application/json } # from app/main.py, line 3
    # readiness: /readyz # none was found: checks of readiness are not applicable
    # metrics: /metrics # none was found: figures come from the load balancer's log

database:
  engine: postgres # from pyproject.toml: psycopg2>=2.9
  migrations:
    up: alembic upgrade head # from alembic.ini
    down: alembic downgrade -1 # from alembic.ini
    status: alembic current # from alembic.ini

# production: { hostname: toolshed.example.com } # not given: toolshed.localhost

# Through the load balancer, after each deployment. They have to hold on an empty database, too.
smoke:
  - { path: /health, contentType: application/json } # from app/main.py, line 3

# load: # what it must carry is yours to say: without it, checks under load are not applicable
#   requestsPerMinute: 600
#   requests: [ / ]
`);
});

describe('a folder on disk', () => {
  let root = '';
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'holdpoint-drafting-'));
  });
  afterAll(() => rm(root, { recursive: true, force: true }));

  const put = async (path: string, text: string) => {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  };

  it('is read without what was installed, built or tested', async () => {
    await put('a/app/main.py', 'app = FastAPI()');
    await put('a/node_modules/x/package.json', '{}');
    await put('a/tests/main.py', 'app = FastAPI()');
    await put('a/.git/config', '');
    await put('a/dist/index.html', '<title>built</title>');
    const facts = await gatherFacts(join(root, 'a'));
    expect(facts.files).toEqual(['app/main.py', 'dist/index.html']);
    expect([...facts.texts.keys()]).toEqual(['app/main.py', 'dist/index.html']);
    expect(await gatherFacts(join(root, 'nowhere'))).toMatchObject({ files: [] });
  });

  it.each(['parse', 'fastapi', 'site'])('the outside app %s is read back without a finding', async (name) => {
    const folder = join(root, name);
    await cp(new URL(`../../test/apps/${name}`, import.meta.url).pathname, folder, { recursive: true });
    const { text, blanks } = draft(await gatherFacts(folder));
    const reading = appFromText(text, 'holdpoint.yaml', folder);
    expect(reading.kind === 'problems' ? reading.problems.flatMap(configProblemLines) : []).toEqual([]);
    expect(blanks).toEqual([]);
  });

  it('is never written over', async () => {
    await put('b/holdpoint.yaml', 'mine\n');
    const folder = join(root, 'b');
    expect(await place(folder, 'new\n', 'careful')).toMatchObject({ kind: 'exists' });
    expect(await readFile(join(folder, 'holdpoint.yaml'), 'utf8')).toBe('mine\n');
    expect(await place(folder, 'new\n', 'force')).toMatchObject({ former: join(folder, 'holdpoint.yaml.before-1') });
    expect(await place(folder, 'newer\n', 'force')).toMatchObject({ former: join(folder, 'holdpoint.yaml.before-2') });
    const texts = await Promise.all(
      ['', '.before-1', '.before-2'].map((end) => readFile(join(folder, `holdpoint.yaml${end}`), 'utf8')),
    );
    expect(texts).toEqual(['newer\n', 'mine\n', 'new\n']);
  });
});
