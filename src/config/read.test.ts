import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hours, mebibytes, minutes, seconds } from '../evidence/units.ts';
import { configProblemLines, problemOfConfig } from './problem.ts';
import { appFromText, readApp } from './read.ts';

const lines = (text: string) => {
  const reading = appFromText(text, 'holdpoint.yaml', '/app');
  return reading.kind === 'problems' ? reading.problems.flatMap(configProblemLines) : [];
};

function app(text: string) {
  const reading = appFromText(text, 'holdpoint.yaml', '/app');
  if (reading.kind === 'app') return reading.app;
  throw new Error(reading.problems.flatMap(configProblemLines).join('\n'));
}

describe('a file with a name and a service', () => {
  const notes = app('name: my-notes\nservices:\n  web: python3 notes.py\n');

  it('is a whole app', () => {
    expect(notes).toMatchObject({
      name: 'my-notes',
      root: '/app',
      build: [],
      tests: undefined,
      database: undefined,
      load: undefined,
      window: { length: hours(24), requestsPerMinute: 600, requests: [{ method: 'GET', path: '/' }] },
      environments: {
        production: { hostname: 'my-notes.localhost', httpsPort: 8443, firstPort: 21_000 },
        staging: { hostname: 'staging.my-notes.localhost', httpsPort: 9443, firstPort: 22_000 },
      },
    });
    expect(notes.services).toEqual([
      {
        name: 'web',
        kind: 'web',
        paths: 'rest',
        source: { kind: 'tree' },
        command: ['python3', 'notes.py'],
        instances: 1,
        portVariable: 'PORT',
        hostVariable: 'HOST',
        port: undefined,
        environment: {},
        addresses: [],
        health: undefined,
        readiness: undefined,
        readyWithin: seconds(60),
        metricsPath: undefined,
        stop: { signal: 'SIGTERM', drain: seconds(10) },
        memory: mebibytes(512),
        volumes: [],
      },
    ]);
  });

  it("has the plan's alerts, without one on a database that it does not have", () => {
    expect(notes.alerts.map((a) => [a.metric, a.threshold])).toEqual([
      ['error-rate', 1],
      ['latency-p95', 500],
      ['cpu', 85],
      ['memory', 90],
      ['certificate-days', 30],
    ]);
  });
});

const web = 'name: a\nservices:\n  w: node a.js\n';

describe('what a team may write', () => {
  it('turns staging off with false', () => {
    expect(app(`${web}staging: false\n`).environments.staging).toBeUndefined();
  });

  it('turns one alert off, gives another a threshold, and leaves the rest', () => {
    const { alerts } = app(`${web}alerts: { cpu: false, latency-p95: 300ms, memory: { for: 1m } }\n`);
    expect(alerts.map((a) => a.metric)).not.toContain('cpu');
    expect(alerts).toContainEqual({ metric: 'latency-p95', threshold: 300, for: minutes(5), severity: 'page' });
    expect(alerts).toContainEqual({ metric: 'memory', threshold: 90, for: minutes(1), severity: 'ticket' });
  });

  it('asks of an objective only what is given, and says from which line', () => {
    const text = `${web}objectives:\n  A.1/latency:\n    latency-p95: { threshold: 150ms, gate: warn }\n    error-rate: 0.5 %\n`;
    expect(app(text).objectives).toEqual([
      {
        step: 'A.1/latency',
        objective: 'latency-p95',
        threshold: { value: 150, unit: 'ms' },
        gate: 'warn',
        source: 'holdpoint.yaml:6',
      },
      {
        step: 'A.1/latency',
        objective: 'error-rate',
        threshold: { value: 0.5, unit: 'percent' },
        source: 'holdpoint.yaml:7',
      },
    ]);
  });

  it('gives an own check its whole objective, in the unit of its metric', () => {
    const text = `${web}ownChecks:\n  slowest:\n    { command: ./slowest, metric: job.slowest, unit: s, comparator: <, threshold: 2m, gate: warn }\n`;
    expect(app(text).checks).toEqual([
      {
        name: 'slowest',
        by: { kind: 'command', command: ['./slowest'] },
        timeLimit: seconds(60),
        objective: {
          id: 'slowest',
          metric: 'job.slowest',
          unit: 's',
          comparator: '<',
          threshold: 120,
          gate: 'warn',
          maximumAge: hours(24),
          minimumSamples: 1,
          source: 'holdpoint.yaml:5',
        },
      },
    ]);
  });

  it('names secrets by reference; a file is meant relative to holdpoint.yaml', () => {
    const text = `${web}secrets:\n  data-key: generated:32\n  mail: { from: file:keys/mail, as: value }\n  api: { from: 'command:pass show api', variable: API }\n`;
    expect(app(text).secrets).toEqual([
      { name: 'data-key', from: { kind: 'generated', bytes: 32 }, handover: { variable: 'DATA_KEY_FILE', as: 'file' } },
      { name: 'mail', from: { kind: 'file', path: '/app/keys/mail' }, handover: { variable: 'MAIL', as: 'value' } },
      {
        name: 'api',
        from: { kind: 'command', command: ['pass', 'show', 'api'] },
        handover: { variable: 'API', as: 'file' },
      },
    ]);
  });

  it('has a database by Holdpoint', () => {
    expect(app(`${web}database: postgres\n`).database).toMatchObject({
      name: 'a',
      managed: { kind: 'by-holdpoint' },
      handover: { variable: 'DATABASE_URL', as: 'value' },
    });
    expect(app(`${web}database: { name: stock, as: file }\n`).database).toMatchObject({
      name: 'stock',
      managed: { kind: 'by-holdpoint' },
      handover: { variable: 'DATABASE_URL_FILE', as: 'file' },
    });
  });

  it('runs on other machines, in the runtime that is named', () => {
    const text = `${web}hosts: { web1: { ssh: deploy@web1 } }\nproduction: { host: web1, runtime: docker }\n`;
    const { production, staging } = app(text).environments;
    expect(production).toMatchObject({
      host: { kind: 'ssh', name: 'web1', destination: 'deploy@web1' },
      runtime: 'docker',
    });
    expect(staging).toMatchObject({ host: { kind: 'local' }, runtime: undefined });
  });

  it('makes a service of an image, of a Dockerfile, or of files', () => {
    const text = [
      'name: a',
      'services:',
      '  image: { image: "nginx:1.27", port: 80 }',
      '  built: { dockerfile: docker/web.Dockerfile, command: serve, hostVariable: BIND, paths: [/built] }',
      '  files: { static: public, paths: [/files] }',
    ].join('\n');
    const { services, packages } = app(text);
    expect(services.map((s) => [s.source, s.command, s.port, s.hostVariable])).toEqual([
      [{ kind: 'image', reference: 'nginx:1.27', entrypoint: undefined }, undefined, 80, 'HOST'],
      [
        {
          kind: 'dockerfile',
          file: 'docker/web.Dockerfile',
          context: '.',
          target: undefined,
          arguments: {},
          entrypoint: undefined,
        },
        ['serve'],
        undefined,
        'BIND',
      ],
      [
        { kind: 'tree' },
        ['/bin/sh', '-c', expect.stringContaining('hide .* holdpoint.yaml'), 'static', 'public'],
        undefined,
        'HOST',
      ],
    ]);
    expect(packages).toEqual(['caddy']);
  });

  it('names servers of somebody else by their URLs', () => {
    const text = `${web}database: { url: 'file:keys/db' }\ncache: { url: 'env:REDIS' }\nprometheus: { url: 'https://p.test/', caFile: ca.pem }\nloadBalancer: https://shop.test\n`;
    expect(app(text)).toMatchObject({
      database: { managed: { kind: 'by-url', url: { kind: 'file', path: '/app/keys/db' } } },
      cache: {
        managed: { kind: 'by-url', url: { kind: 'env', variable: 'REDIS' } },
        handover: { variable: 'REDIS_URL', as: 'value' },
      },
      prometheus: { url: 'https://p.test', caFile: '/app/ca.pem' },
      loadBalancer: { url: 'https://shop.test', caFile: undefined },
    });
  });

  it('only looks at what something else deployed', () => {
    const text =
      'name: shop\nruntime: none\nobserve: { url: https://shop.test/, health: [/healthz], prometheus: https://p.test, database: env:DB, metrics: { requests: "sum(rate(x[1m]))" } }\n';
    const observed = app(text);
    expect(observed.observe).toEqual({
      url: 'https://shop.test',
      caFile: undefined,
      health: [expect.objectContaining({ method: 'GET', path: '/healthz', status: 200 })],
      prometheus: { url: 'https://p.test', caFile: undefined },
      database: { kind: 'env', variable: 'DB' },
      allowWrites: false,
      metrics: { requests: 'sum(rate(x[1m]))', errors: undefined, latencyP95: undefined },
    });
    expect(observed.services).toEqual([]);
    expect(observed.environments).toMatchObject({ production: { hostname: 'shop.test' }, staging: undefined });
    expect(observed.window.requests.map((r) => [r.method, r.path])).toEqual([['GET', '/']]);
  });

  it('sends in the window what the smoke requests read, never a write of the load', () => {
    const text = `${web}smoke: [/a, { path: /none, status: 404 }, { path: /b, method: POST, status: 201 }]\nload: { requestsPerMinute: 9, requests: [{ path: /b, method: POST }] }\n`;
    expect(app(text).window.requests.map((r) => [r.method, r.path])).toEqual([['GET', '/a']]);
  });

  it('shares keys by anchors, merge keys and x- keys', () => {
    const text = 'x-all: &all { memory: 64 MiB }\nname: a\nservices:\n  w: { <<: *all, command: node a.js }\n';
    expect(app(text).services[0]?.memory).toBe(mebibytes(64));
  });

  it('may be written in JSON, with a byte order mark, or on Windows', () => {
    for (const text of ['{"name":"a","services":{"w":"node a.js"}}', `\uFEFF${web}`, web.replaceAll('\n', '\r\n')]) {
      expect(app(text).services[0]?.command).toEqual(['node', 'a.js']);
    }
  });
});

describe('an error shows its line', () => {
  it('with a mark below the place, and no other value or comment of the line', () => {
    expect(lines(`${web}window: { length: soon, requestsPerMinute: 7 } # was 1h\n`)).toEqual([
      'holdpoint.yaml:4:19  window.length: found "soon"; expected a duration such as `200ms`, `30s`, `2m`, `24h` or `7d`',
      '    4 | window: { length: soon, requestsPerMinute: … }',
      '      |                   ^',
    ]);
  });

  it('with its key only, where the file is broken', () => {
    expect(lines(`${web}window:\n\tlength: 24h\n`).slice(1)).toEqual(['    5 |  length: …', '      | ^']);
  });

  it('and all of them are one Problem for whoever can show only one', () => {
    const reading = appFromText(`${web}windw: 1\ncashe: 2\n`, 'holdpoint.yaml', '/app');
    expect(reading.kind === 'problems' && problemOfConfig(reading.problems)).toMatchObject({
      kind: 'input',
      what: 'holdpoint.yaml has 2 errors',
      where: 'holdpoint.yaml:4:1',
    });
  });
});

describe('readApp', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'holdpoint-config-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const put = async (name: string, content: string | Uint8Array, file = 'holdpoint.yaml') => {
    await mkdir(join(folder, name), { recursive: true });
    await writeFile(join(folder, name, file), content);
    return join(folder, name);
  };
  const found = async (path: string) => {
    const reading = await readApp(path);
    return reading.kind === 'problems' ? reading.problems.map((p) => p.found) : [];
  };

  it('takes the folder or the file', async () => {
    const good = await put('good', web);
    for (const path of [good, join(good, 'holdpoint.yaml')]) {
      expect(await readApp(path)).toMatchObject({ kind: 'app', app: { root: good }, text: web });
    }
  });

  it('says so where there is no file, no folder, or one of another name', async () => {
    expect(await found(folder)).toEqual(['no such file']);
    expect(await found(join(folder, 'nowhere'))).toEqual(['no such file']);
    expect(await found(await put('yml', web, 'holdpoint.yml'))).toEqual(['`holdpoint.yml`']);
  });

  it('says so where the file is a folder, no text, or far too long', async () => {
    await mkdir(join(folder, 'inner', 'holdpoint.yaml'), { recursive: true });
    expect(await found(join(folder, 'inner'))).toEqual(['a folder']);
    expect(await found(await put('bytes', Uint8Array.of(0xff, 0xfe, 0x00)))).toEqual(['bytes that are no UTF-8']);
    expect(await found(await put('long', '#'.repeat(1_048_577)))).toEqual(['1048577 bytes']);
  });

  // Root may read everything: there it is no case.
  it.skipIf(process.getuid?.() === 0)('says so where the file may not be read', async () => {
    const path = await put('closed', web);
    await chmod(join(path, 'holdpoint.yaml'), 0o000);
    expect(await found(path)).toEqual(['a file that you may not read']);
  });

  it('stops at aliases that would fill the memory', () => {
    const bomb = ['x-0: &a0 [x,x,x,x,x,x,x,x,x,x]'];
    for (let i = 1; i < 9; i++)
      bomb.push(
        `x-${i}: &a${i} [${Array(9)
          .fill(`*a${i - 1}`)
          .join(',')}]`,
      );
    expect(lines(`${bomb.join('\n')}\n${web}`)[0]).toContain('more aliases than a description of an app has use for');
  });
});

describe('the example apps', () => {
  it.each(['stockroom', 'notes'])('%s can be read', async (name) => {
    const reading = await readApp(new URL(`../../examples/${name}`, import.meta.url).pathname);
    expect(reading.kind === 'problems' ? reading.problems.flatMap(configProblemLines) : []).toEqual([]);
  });
});
