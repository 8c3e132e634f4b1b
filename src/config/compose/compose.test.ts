import { describe, expect, it } from 'vitest';
import { placeText, problemText } from '../problem.ts';
import { appFromText, remarkLine } from '../read.ts';

const OWN = 'name: shop\ncompose: compose.yaml\n';

function read(compose: string, others: Readonly<Record<string, string>> = {}, own = OWN) {
  const files: Readonly<Record<string, string>> = { 'compose.yaml': compose, ...others };
  return appFromText(own, 'holdpoint.yaml', '/app', (path) => files[path]);
}

function taken(compose: string, others: Readonly<Record<string, string>> = {}, own = OWN) {
  const reading = read(compose, others, own);
  if (reading.kind === 'app') return { app: reading.app, remarks: reading.remarks.map(remarkLine) };
  throw new Error(reading.problems.map((p) => `${placeText(p)}  ${problemText(p)}`).join('\n'));
}

function wrong(compose: string, others: Readonly<Record<string, string>> = {}, own = OWN) {
  const reading = read(compose, others, own);
  return reading.kind === 'problems' ? reading.problems.map((p) => `${placeText(p)}  ${problemText(p)}`) : [];
}

/* biome-ignore-start lint/suspicious/noTemplateCurlyInString: Compose's own notation */
const SHOP = `# As a team would have it on its server.
version: "3.9"
x-common: &common
  restart: unless-stopped
  networks: [backend]
services:
  proxy:
    image: nginx:1.27-alpine
    ports: ["80:80", "443:443"]
    depends_on: [web]
  web:
    <<: *common
    build: { context: ., target: production, args: { NODE_VERSION: "\${NODE_VERSION:-20}" } }
    command: node server.js
    environment:
      DATABASE_URL: postgres://shop:\${DB_PASSWORD:?set the password}@db:5432/shop
      REDIS_URL: redis://cache:6379/0
      SECRET_KEY: \${SECRET_KEY}
      PORT: 3000
      HOST: 0.0.0.0
      LOG_LEVEL: \${LOG_LEVEL:-info}
      UPLOADS: /data/uploads
      API_URL: http://worker:9000
      STRIPE_KEY_FILE: /run/secrets/stripe_key
    secrets: [stripe_key]
    expose: ["3000"]
    volumes: [uploads:/data]
    healthcheck: { test: [CMD, curl, -f, "http://localhost:3000/healthz"], interval: 10s }
    depends_on:
      db: { condition: service_healthy }
      migrate: { condition: service_completed_successfully }
    deploy: { replicas: 2, resources: { limits: { memory: 512M, cpus: "0.5" } } }
    stop_grace_period: 1m30s
    x-holdpoint: { readiness: /readyz }
  worker:
    <<: *common
    build: { context: ., target: production }
    command: [node, worker.js]
    env_file: worker.env
    mem_limit: 256m
  migrate:
    build: { context: ., target: production }
    command: npm run migrate
    environment: { LOG_LEVEL: warn, DATABASE_URL: "postgres://db/shop", LOCK_TIMEOUT: 5s }
  db:
    image: postgres:16
    environment: { POSTGRES_DB: shop, POSTGRES_PASSWORD: "\${DB_PASSWORD:?set the password}" }
    volumes: [pgdata:/var/lib/postgresql/data]
  cache: { image: redis:7 }
  adminer: { image: adminer, profiles: [debug], ports: ["8080:8080"] }
networks: { backend: {} }
volumes: { pgdata: , uploads: }
secrets: { stripe_key: { file: ./secrets/stripe } }
x-holdpoint: { smoke: [/] }
`;

describe('the Compose file of a shop', () => {
  const { app, remarks } = taken(SHOP, { 'worker.env': 'LOG_LEVEL=debug\n' });
  const [web, worker] = app.services;

  it('gives its services, from their Dockerfile', () => {
    expect(app.services.map((s) => [s.name, s.kind, s.instances])).toEqual([
      ['web', 'web', 2],
      ['worker', 'web', 1],
    ]);
    expect(web).toMatchObject({
      source: {
        kind: 'dockerfile',
        file: 'Dockerfile',
        context: '.',
        target: 'production',
        arguments: { NODE_VERSION: '20' },
      },
      command: ['node', 'server.js'],
      portVariable: 'PORT',
      hostVariable: 'HOST',
      port: undefined,
      health: { path: '/healthz' },
      readiness: { path: '/readyz' },
      stop: { signal: 'SIGTERM', drain: 90_000 },
      memory: 512 * 2 ** 20,
      environment: { LOG_LEVEL: 'info' },
      paths: 'rest',
      addresses: [{ variable: 'API_URL', service: 'worker', path: '' }],
      volumes: [{ name: 'uploads', variable: 'UPLOADS', file: 'uploads' }],
    });
    expect(worker).toMatchObject({
      command: ['node', 'worker.js'],
      environment: { LOG_LEVEL: 'debug' },
      port: 9000,
      paths: [],
      memory: 256 * 2 ** 20,
    });
  });

  it('gives a database that Holdpoint runs, and its migrations', () => {
    expect(app.database).toMatchObject({
      managed: { kind: 'by-holdpoint' },
      name: 'shop',
      handover: { variable: 'DATABASE_URL', as: 'value' },
      migrations: { up: ['npm', 'run', 'migrate'] },
    });
  });

  it('gives the cache, and the variable that carries its URL', () => {
    expect(app.cache).toEqual({
      engine: 'redis',
      managed: { kind: 'by-holdpoint', memory: 128 * 2 ** 20, eviction: 'noeviction' },
      databases: [],
      handover: { variable: 'REDIS_URL', as: 'value' },
    });
  });

  it('gives secrets by reference alone', () => {
    expect(app.secrets).toEqual([
      {
        name: 'secret-key',
        from: { kind: 'env', variable: 'SECRET_KEY' },
        handover: { variable: 'SECRET_KEY', as: 'value' },
      },
      {
        name: 'stripe-key',
        from: { kind: 'file', path: '/app/secrets/stripe' },
        handover: { variable: 'STRIPE_KEY_FILE', as: 'file' },
      },
    ]);
  });

  it('gives what x-holdpoint says for the whole app', () => {
    expect(app.smoke.map((s) => s.path)).toEqual(['/']);
  });

  it('lists everything else with its line and its reason', () => {
    expect(remarks).toEqual([
      'compose.yaml:5  services.web.networks: Holdpoint makes the networks: services reach the database and one another, and only the load balancer is public',
      'compose.yaml:5  services.worker.networks: Holdpoint makes the networks: services reach the database and one another, and only the load balancer is public',
      'compose.yaml:7  services.proxy: Holdpoint runs a load balancer of its own before the services behind it',
      'compose.yaml:28  services.web.healthcheck: Holdpoint asks in a rhythm of its own, without interval',
      'compose.yaml:32  services.web.deploy.resources.limits.cpus: only memory is limited',
      'compose.yaml:44  services.migrate: the variable LOCK_TIMEOUT: migrations run with the variables of web: give it there',
      'compose.yaml:46  services.db: the image postgres:16: Holdpoint runs a Postgres of its own in its place, with its own role, password and backups',
      'compose.yaml:48  services.db: the volume pgdata:/var/lib/postgresql/data: the database of Holdpoint begins empty: bring the data over by a dump',
      'compose.yaml:49  services.cache: the image redis:7: Holdpoint runs a Redis of its own in its place, with a password, which keeps nothing over a restart and holds 128 MiB, or `cache.memory`',
      'compose.yaml:50  services.adminer: it belongs to the profile debug, which is not asked for',
      'compose.yaml:51  networks: Holdpoint makes the networks itself',
    ]);
  });

  it('says what holdpoint.yaml has a word of its own for, where that wins', () => {
    const own = `${OWN}services: { worker: { command: node other.js, kind: agent } }\ndatabase: { url: env:SHOP_DB, variable: DATABASE_URL }\ncache: { url: env:SHOP_CACHE }\n`;
    const other = taken(SHOP, {}, own);
    expect(other.app.services.map((s) => [s.name, s.source.kind])).toEqual([
      ['web', 'dockerfile'],
      ['worker', 'tree'],
    ]);
    expect(other.app.database).toMatchObject({ managed: { kind: 'by-url' }, handover: { variable: 'DATABASE_URL' } });
    expect(other.remarks).toContain(
      'compose.yaml:35  services.worker: holdpoint.yaml has a service of that name, which wins',
    );
    expect(other.remarks).toContain('compose.yaml:45  services.db: holdpoint.yaml names another database');
    expect(other.remarks.some((remark) => remark.includes('REDIS_URL'))).toBe(false);
  });
});

const services = (text: string) => `services:\n${text.replace(/^/gm, '  ')}\n`;

describe('a Redis of a Compose file', () => {
  const WITH_REDIS = `services:
  web:
    image: shop:1
    ports: ["80:8000"]
    environment:
      CACHE_URL: redis://store:6379/2
      CELERY_BROKER_URL: redis://store:6379/0
      CELERY_RESULT_BACKEND: redis://store/1
      REDIS_HOST: store
  store:
    image: redis:7-alpine
    command: redis-server --maxmemory 64mb --maxmemory-policy noeviction --appendonly yes
    volumes: ["kept:/data"]
    ports: ["6379:6379"]
  other: { image: "valkey/valkey:8" }
  worker: { image: "shop:1", environment: { CACHE_URL: "redis://store/5" } }
volumes: { kept: }
`;
  const { app, remarks } = taken(WITH_REDIS);

  it('has its size, what it does when full, and each of its databases', () => {
    expect(app.cache).toEqual({
      engine: 'redis',
      managed: { kind: 'by-holdpoint', memory: 64 * 2 ** 20, eviction: 'noeviction' },
      databases: [
        { variable: 'CACHE_URL', number: 2 },
        { variable: 'CELERY_RESULT_BACKEND', number: 1 },
      ],
      handover: { variable: 'CELERY_BROKER_URL', as: 'value' },
    });
    expect(app.services[0]?.environment).toEqual({});
  });

  it('keeps apart what has databases of its own, and together what shares one', () => {
    const text = `services:
  web:
    image: shop:1
    ports: ["80:80"]
    environment: { A: redis://store/3, B: redis://store/3, C: redis://store/4 }
  store: { image: redis:7 }
`;
    expect(taken(text).app.cache).toMatchObject({
      handover: { variable: 'A' },
      databases: [
        { variable: 'B', number: 0 },
        { variable: 'C', number: 4 },
      ],
    });
  });

  it('lists what it keeps on a disk, and all that is not taken over', () => {
    expect(remarks).toEqual([
      'compose.yaml:9  services.web: the variable REDIS_HOST: the cache is handed over as one URL, with a password of its own: read that URL, or run one elsewhere and give the parts of its address here',
      'compose.yaml:11  services.store: the image redis:7-alpine: Holdpoint runs a Redis of its own in its place, with a password, which keeps nothing over a restart',
      'compose.yaml:12  services.store.command: --appendonly: of its settings only `cache.memory` and `cache.eviction` are taken over',
      'compose.yaml:13  services.store.volumes: the cache of Holdpoint writes nothing to a disk: what must outlive a restart belongs into one that you run, given by `cache.url`',
      'compose.yaml:14  services.store.ports: the cache is reachable by the services alone',
      'compose.yaml:15  services.other: an app has one cache here; the first one is taken over',
      'compose.yaml:16  services.worker: the variable CACHE_URL: another service has database 2 in it, and it is one for all: give this one a name of its own',
    ]);
  });
});

describe('a service of a Compose file', () => {
  const service = (text: string, others: Readonly<Record<string, string>> = {}) => {
    const { app, remarks } = taken(services(`w:\n  ${text.replaceAll('\n', '\n  ')}`), others);
    return { service: app.services[0], remarks };
  };

  it.each([
    ['ports: ["8080:80"]', { port: 80, kind: 'web' }],
    ['ports: ["127.0.0.1:8080:80/tcp"]', { port: 80, kind: 'web' }],
    ['ports: [{ target: 80, published: "8080" }]', { port: 80, kind: 'web' }],
    ['expose: [9000]', { port: 9000, kind: 'agent' }],
    ['ports: ["80:3000"]\nenvironment: [PORT=3000]', { port: undefined, portVariable: 'PORT', environment: {} }],
    ['ports: ["80:3000"]\nenvironment: { APP_PORT: "3000" }', { port: undefined, portVariable: 'APP_PORT' }],
    ['ports: ["80:3000"]\nx-holdpoint: { portVariable: LISTEN }', { port: undefined, portVariable: 'LISTEN' }],
    ['command: ""', { command: undefined }],
    [
      'entrypoint: [sh, -c]\ncommand: [date]',
      { source: { kind: 'image', reference: 'app:1', entrypoint: ['sh', '-c'] }, command: ['date'] },
    ],
    ['command: echo $$HOME', undefined],
    ['stop_signal: INT', { stop: { signal: 'SIGINT', drain: 10_000 } }],
    ['deploy: { resources: { limits: { memory: 1gb } } }', { memory: 2 ** 30 }],
    ['mem_limit: 536870912', { memory: 2 ** 29 }],
    ['scale: 3', { instances: 3 }],
    ['healthcheck: { test: "wget -qO- http://127.0.0.1:8000/up || exit 1" }', { health: { path: '/up' } }],
    ['healthcheck: { test: [CMD, curl, "http://localhost"] }', { health: { path: '/' } }],
    [
      'x-holdpoint: { kind: web, metrics: /metrics, memory: 64 MiB }',
      { kind: 'web', metricsPath: '/metrics', memory: 2 ** 26 },
    ],
    [
      'volumes: [data:/srv]\nenvironment: { DB: /srv/app.sqlite }',
      { volumes: [{ name: 'data', variable: 'DB', file: 'app.sqlite' }] },
    ],
    [
      'volumes: [data:/srv]\nx-holdpoint: { volumes: { data: DIR } }',
      { volumes: [{ name: 'data', variable: 'DIR', file: undefined }] },
    ],
  ])('%j', (text, expected) => {
    const image = text.includes('image:') ? text : `image: app:1\n${text}`;
    if (expected === undefined)
      expect(wrong(services(`w:\n  ${image.replaceAll('\n', '\n  ')}`))[0]).toContain('a shell variable');
    else expect(service(image).service).toMatchObject(expected);
  });

  it.each([
    ['container_name: web', 'services.w.container_name: Holdpoint names its units itself'],
    ['privileged: true', 'services.w.privileged: units run as a user of their own'],
    ['restart: "no"', 'services.w.restart: Holdpoint starts every service again that ends'],
    ['gpus: all', 'services.w.gpus: Holdpoint has no word for it'],
    ['extends: { service: base }', 'services.w.extends: put its keys into the service'],
    ['volumes: ["./conf:/etc/app:ro"]', 'services.w: the mount at /etc/app: files come with the image'],
    ['volumes: [data:/srv]', 'services.w: the volume data at /srv: no variable tells its folder'],
    ['healthcheck: { test: [CMD, true] }', 'services.w.healthcheck: it is no request to the service itself'],
    ['environment: { API_TOKEN: abc }', 'services.w: the variable API_TOKEN: it holds what looks like a secret'],
    ['environment: [EDITOR]', 'services.w: the variable EDITOR: its value comes from the shell'],
    ['environment: { A: "${NOWHERE}" }', 'services.w.environment.A: the variable NOWHERE: it is not set in .env'],
    ['env_file: none.env', 'services.w: the file none.env: there is no such file'],
    ['secrets: [key]', 'services.w: the secret key: no variable tells its file'],
    ['environment: { PORT: 1 }', 'services.w: the variable PORT: Holdpoint tells each instance its own port'],
  ])('says why not: %j', (text, remark) => {
    expect(service(`image: app:1\n${text}`).remarks.join('\n')).toContain(remark);
  });

  it.each(['restart: always', 'restart: unless-stopped', 'init: true', 'privileged: false', 'x-anything: 1'])(
    'says nothing of %s, which is as here',
    (text) => {
      expect(service(`image: app:1\n${text}`).remarks).toEqual([]);
    },
  );

  it('calls others by their address, and is started after those that it calls', () => {
    const { app, remarks } = taken(
      services(
        [
          'web:',
          '  image: web',
          '  ports: ["80:3000"]',
          '  depends_on: [api, jobs]',
          '  environment: { API_URL: "http://api:8000/v1", JOBS: "http://jobs/", OTHER: "http://api:9000", API_HOST: api, BOTH: "http://api:8000 http://jobs" }',
          'api: { image: api, expose: ["8000"], environment: { WEB: "http://web:3000" } }',
          'jobs: { image: jobs, x-holdpoint: { kind: agent, addresses: { API: api } } }',
        ].join('\n'),
      ),
    );
    expect(app.services.map((s) => [s.name, s.kind, s.paths, s.port])).toEqual([
      ['web', 'web', 'rest', 3000],
      ['api', 'web', [], 8000],
      ['jobs', 'agent', [], 80],
    ]);
    expect(app.services.map((s) => s.addresses.map((a) => `${a.variable}=${a.service}${a.path}`))).toEqual([
      ['API_URL=api/v1', 'JOBS=jobs/'],
      ['WEB=web'],
      ['API=api'],
    ]);
    const whole = 'which is told by one variable with its whole http URL here';
    expect(remarks).toEqual([
      'compose.yaml:6  services.web: the variable OTHER: it names port 9000 of api, and a service has one port here: 8000',
      `compose.yaml:6  services.web: the variable API_HOST: it names the service api, ${whole}: give \`x-holdpoint: { addresses: { API_HOST: api } }\` if it can be read so`,
      `compose.yaml:6  services.web: the variable BOTH: it names the service api, ${whole}: give \`x-holdpoint: { addresses: { BOTH: api } }\` if it can be read so`,
    ]);
  });

  it('has its secrets from the files in which they stand, and none of them is read', () => {
    const compose = services(
      [
        'web:',
        '  image: web',
        '  env_file: web.env',
        '  environment: { SECRET_KEY: "${SECRET_KEY}", SHELL_TOKEN: "${SHELL_TOKEN}", MADE_PASSWORD: "a-${SECRET_KEY}" }',
        'worker: { image: web, env_file: worker.env }',
      ].join('\n'),
    );
    const files = {
      '.env': 'SECRET_KEY=k3y-of-the-team\n',
      'web.env': 'LOG_LEVEL=info\nSTRIPE_KEY=sk_live_canary0123456789\nPART_PASSWORD=${SECRET_KEY}-x\n',
      'worker.env': 'STRIPE_KEY=sk_live_another0123456789\n',
    };
    const { app, remarks } = taken(compose, files);
    expect(app.secrets.map((s) => [s.handover.variable, s.from])).toEqual([
      ['STRIPE_KEY', { kind: 'dotenv', path: '/app/worker.env', variable: 'STRIPE_KEY' }],
      ['SECRET_KEY', { kind: 'dotenv', path: '/app/.env', variable: 'SECRET_KEY' }],
      ['SHELL_TOKEN', { kind: 'env', variable: 'SHELL_TOKEN' }],
    ]);
    expect(app.services.map((s) => s.environment)).toEqual([{ LOG_LEVEL: 'info' }, {}]);
    const text = JSON.stringify([app, remarks]);
    for (const secret of ['k3y-of', 'canary', 'sk_live']) expect(text).not.toContain(secret);
    expect(remarks).toEqual([
      'compose.yaml:2  services.web: the secret stripe-key: services share their secrets here, and worker has another one of that name, which is taken: give one of them another variable',
      'compose.yaml:4  services.web: the variable PART_PASSWORD: it holds what looks like a secret: name it under `secrets`, as a reference',
      'compose.yaml:5  services.web: the variable MADE_PASSWORD: it holds what looks like a secret: name it under `secrets`, as a reference',
    ]);
  });

  it('hands no secret over in an address, and loses nothing that is missing in one', () => {
    const { app, remarks } = taken(
      services(
        [
          'web:',
          '  image: web',
          '  ports: ["80:80"]',
          '  environment: { HOOK: "http://api:8000/hooks/${API_TOKEN}", BASE: "http://api:8000/${PREFIX}", GONE: "http://off:80/", OWN: "http://kept:80/" }',
          'api: { image: api, expose: ["8000"] }',
          'off: { image: off, x-holdpoint: false }',
          'kept: { image: kept }',
        ].join('\n'),
      ),
      { '.env': 'API_TOKEN=canary-of-the-team\n' },
      `${OWN}services: { kept: { command: node kept.js, paths: [] } }\n`,
    );
    const web = app.services.find(({ name }) => name === 'web');
    expect(web?.addresses.map((a) => `${a.variable}=${a.service}${a.path}`)).toEqual(['BASE=api/', 'OWN=kept/']);
    expect(JSON.stringify([app, remarks])).not.toContain('canary');
    expect(remarks).toEqual([
      'compose.yaml:5  services.web: the variable HOOK: it holds what looks like a secret: name it under `secrets`, as a reference',
      'compose.yaml:5  services.web: the variable GONE: it names off, which is not taken over',
      'compose.yaml:5  services.web.environment.BASE: the variable PREFIX: it is not set in .env, so it is empty here; the shell is not read',
      'compose.yaml:8  services.kept: holdpoint.yaml has a service of that name, which wins',
    ]);
  });

  it('has paths and variables as x-holdpoint says, whatever else the file says of them', () => {
    const { app, remarks } = taken(
      services(
        [
          'web: { image: web, ports: ["80:80"], environment: { API: "http://api:8000", SECOND: "http://api:8000" }, x-holdpoint: { environment: { API: "https://api.example.com" }, addresses: { LEVEL: api } } }',
          'api: { image: api, expose: ["8000"], x-holdpoint: { paths: [/api] } }',
          'docs: { image: docs, x-holdpoint: { paths: [/docs] } }',
        ].join('\n'),
      ),
    );
    expect(app.services.map((s) => [s.name, s.kind, s.paths])).toEqual([
      ['web', 'web', 'rest'],
      ['api', 'web', ['/api']],
      ['docs', 'web', ['/docs']],
    ]);
    expect(app.services[0]).toMatchObject({
      environment: { API: 'https://api.example.com' },
      addresses: [
        { variable: 'SECOND', service: 'api' },
        { variable: 'LEVEL', service: 'api' },
      ],
    });
    expect(remarks).toEqual([]);
  });

  it('is not confused by names that are empty, and has a sound name for every secret', () => {
    const { app, remarks } = taken(
      services(
        [
          'web: { image: web, ports: ["80:80"], environment: { LOG_LEVEL: info }, env_file: odd.env, links: ["db:"] }',
          'db: { image: postgres:16, container_name: "${NOBODY_SAYS}", hostname: "" }',
        ].join('\n'),
      ),
      {
        'odd.env':
          'API_TOKEN=canary1\napi_token=canary2\n_TOKEN=canary3\nFIREBASE_SERVICE_ACCOUNT_WEBHOOK_SIGNING_SECRET=canary4\nPRICE_TOKEN=pa$word9\n',
      },
    );
    expect(app.services[0]?.environment).toEqual({ LOG_LEVEL: 'info' });
    expect(app.secrets.map((s) => s.handover.variable)).toEqual([
      'API_TOKEN',
      'api_token',
      '_TOKEN',
      'FIREBASE_SERVICE_ACCOUNT_WEBHOOK_SIGNING_SECRET',
    ]);
    expect(app.secrets[0]?.name).toBe('api-token');
    expect(JSON.stringify([app, remarks])).not.toMatch(/canary|word9/);
    expect(remarks.join('\n')).toContain('the variable PRICE_TOKEN: it holds what looks like a secret');
  });

  it('is known by every name that the file gives it', () => {
    const { app, remarks } = taken(
      services(
        [
          'web:',
          '  image: web',
          '  ports: ["80:80"]',
          '  links: ["db:store"]',
          '  environment: { API: "http://the-api:8000", SECOND: "http://api.internal", DATABASE_URL: "postgres://u@store/shop", REDIS_URL: "redis://shop-cache" }',
          'api: { image: api, expose: ["8000"], container_name: the-api }',
          'second: { image: b, expose: ["80"], networks: { back: { aliases: [api.internal] } } }',
          'db: { image: postgres:16 }',
          'cache: { image: redis:7, hostname: shop-cache }',
        ].join('\n'),
      ),
    );
    expect(app.services[0]?.addresses.map((a) => `${a.variable}=${a.service}`)).toEqual(['API=api', 'SECOND=second']);
    expect([app.database?.handover.variable, app.cache?.handover.variable]).toEqual(['DATABASE_URL', 'REDIS_URL']);
    expect(remarks.filter((remark) => remark.includes('variable'))).toEqual([]);
  });

  it('is what people reach where no other calls it; of two, one has every path unless x-holdpoint says which', () => {
    const both = (api: string) =>
      taken(
        services(
          `api: { image: api, ports: ["8000:8000"]${api} }\nweb: { image: web, ports: ["80:80"], environment: { API: "http://api:8000" } }`,
        ),
      );
    const unsaid = both('');
    expect(unsaid.app.services.map((s) => [s.name, s.kind, s.paths])).toEqual([
      ['api', 'web', []],
      ['web', 'web', 'rest'],
    ]);
    expect(unsaid.remarks).toEqual([
      'compose.yaml:2  services.api: its published port: people reach web at the one port that Holdpoint publishes: give `x-holdpoint: { paths: [/PATH] }` for the requests that are to go to api',
    ]);
    const said = both(', x-holdpoint: { paths: [/api] }');
    expect([said.app.services[0]?.paths, said.remarks]).toEqual([['/api'], []]);
  });

  it('is left out where x-holdpoint is false, and is a service where it says anything', () => {
    const { app, remarks } = taken(
      services(
        'a: { image: a }\nb: { image: b, x-holdpoint: false }\nc: { image: redis, x-holdpoint: { kind: agent } }',
      ),
    );
    expect(app.services.map((s) => s.name)).toEqual(['a', 'c']);
    expect(remarks).toEqual([]);
  });

  it('takes the profiles that holdpoint.yaml asks for', () => {
    const own = 'name: shop\ncompose: { file: compose.yaml, profiles: [debug] }\n';
    const { app } = taken(services('a: { image: a }\nb: { image: b, profiles: [debug] }'), {}, own);
    expect(app.services.map((s) => s.name)).toEqual(['a', 'b']);
  });

  it('has paths relative to its own folder', () => {
    const own = 'name: shop\ncompose: deploy/compose.yaml\n';
    const compose = services(
      'w:\n  build: { context: web, dockerfile: prod.Dockerfile }\n  env_file: app.env\n  environment: { A: "$A" }',
    );
    const others = { 'deploy/compose.yaml': compose, 'deploy/app.env': 'B=2', 'deploy/.env': 'A=1' };
    const { app } = taken('', others, own);
    expect(app.services[0]).toMatchObject({
      source: { file: 'deploy/web/prod.Dockerfile', context: 'deploy/web' },
      environment: { A: '1', B: '2' },
    });
  });
});

it('says why nothing is left', () => {
  expect(wrong(services('a: { image: rabbitmq:3 }\nb: { image: mysql:8 }'))).toEqual([
    'holdpoint.yaml:2:10  compose: found no service that can be taken over (services.a: Holdpoint runs no RabbitMQ: run it elsewhere and hand its address over under `secrets`; services.b: Holdpoint runs no MySQL: run it elsewhere and hand its address over under `secrets`); expected one, or `services` here',
  ]);
});

describe('what is wrong with a Compose file', () => {
  it.each([
    [
      'no file',
      undefined,
      [
        'holdpoint.yaml:2:10  compose: found no such file; expected the path of a Compose file, relative to holdpoint.yaml',
      ],
    ],
    [
      'no services',
      'version: "3"\n',
      ['compose.yaml:1:1  found no services; expected a Compose file with `services:`'],
    ],
    ['a tab', 'services:\n\tw: 1\n', ['compose.yaml:2:1  found a tab; expected spaces for indentation']],
    [
      'a service that is none',
      services('w: 5'),
      ['compose.yaml:2:6  services.w: found no mapping; expected a mapping with `image` or `build`'],
    ],
    [
      'a ring of services',
      services('a: { image: a, depends_on: [b] }\nb: { image: b, depends_on: [c] }\nc: { image: c, depends_on: [a] }'),
      [
        'compose.yaml:2:18  services.a.depends_on: found a cycle: a waits for b, which waits for c, which waits for a; expected services that can be started one after the other',
      ],
    ],
    [
      'a service that waits for itself',
      services('a: { image: a, depends_on: [a] }'),
      [
        'compose.yaml:2:18  services.a.depends_on: found a cycle: a waits for a; expected services that can be started one after the other',
      ],
    ],
    [
      'a service that is not there',
      services('a: { image: a, depends_on: { db: { condition: service_ready } } }'),
      ['compose.yaml:2:32  services.a.depends_on.db: found "db"; expected a service of the file: a'],
    ],
    [
      'a condition that does not exist',
      services('a: { image: a, depends_on: { b: { condition: service_ready } } }\nb: { image: b }'),
      [
        'compose.yaml:2:32  services.a.depends_on.b: found an unknown condition; expected one of service_started, service_healthy, service_completed_successfully',
      ],
    ],
    [
      'a variable that must be set',
      services('a: { image: "a:${TAG:?say which}" }'),
      [
        'compose.yaml:2:15  services.a.image: found no value of TAG; expected it in the .env file beside the Compose file: say which',
      ],
    ],
    [
      'a variable that Compose does not know',
      services('a: { image: a, environment: { A: "${B/x/y}" } }'),
      [
        'compose.yaml:2:36  services.a.environment.A: found a variable that Compose does not know; expected `${NAME}`, `${NAME:-default}`, `${NAME:?message}`, or `$$` for a dollar',
      ],
    ],
    [
      'a word of Holdpoint that does not exist',
      services('a: { image: a, x-holdpoint: { helth: / } }'),
      [
        'compose.yaml:2:33  services.a.x-holdpoint.helth: found the unknown key "helth"; expected a known key; did you mean "health"?',
      ],
    ],
    [
      'a value that Holdpoint does not take',
      services('a: { image: a, deploy: { replicas: 100 } }'),
      ['compose.yaml:2:38  services.a.deploy.replicas: found 100; expected a whole number of instances from 1 to 32'],
    ],
    [
      'a context outside',
      services('a: { build: ../other }'),
      [
        'compose.yaml:2:15  services.a.build: found another text; expected a path relative to the folder of holdpoint.yaml, without `..`',
        'compose.yaml:2:15  services.a.build: found "../other"; expected a path relative to the folder of holdpoint.yaml, without `..`',
      ],
    ],
    [
      'a service name that Holdpoint cannot have',
      services('my_app: { image: a }'),
      [
        'compose.yaml:2:3  services.my_app: found the key "my_app"; expected a service name: lower-case letters, digits and single hyphens, beginning with a letter, at most 32 characters',
      ],
    ],
  ])('%s', (_what, compose, messages) => {
    const files: Readonly<Record<string, string>> = compose === undefined ? {} : { 'compose.yaml': compose };
    const reading = appFromText(OWN, 'holdpoint.yaml', '/app', (path) => files[path]);
    const problems = reading.kind === 'problems' ? reading.problems : [];
    expect(problems.map((p) => `${placeText(p)}  ${problemText(p)}`)).toEqual(messages);
  });

  it('prints no secret of it', () => {
    const compose = services(
      'a:\n  image: a\n  environment: { DB_PASSWORD: hunter2hunter2, X: "${T:?x}" }\n  command: app --token hunter2hunter2',
    );
    expect(JSON.stringify(read(compose))).not.toContain('hunter2hunter2');
    const fine = services(
      'a:\n  image: a\n  environment: { DB_PASSWORD: hunter2hunter2, URL: "https://u:hunter2hunter2@x" }',
    );
    expect(JSON.stringify({ ...read(fine), text: '' })).not.toContain('hunter2hunter2');
  });
});
/* biome-ignore-end lint/suspicious/noTemplateCurlyInString: Compose's own notation */
