import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { execute, startServer } from './support/postgres.js';
import { postJson, run, startService, until } from './support/processes.js';
import { urlWithPassword } from './url-with-password.js';

// This one stops its Postgres, so it always has a server of its own.
describe('while the database is away', () => {
  /** @type {Awaited<ReturnType<typeof startServer>>} */
  let server;
  /** @type {Array<Awaited<ReturnType<typeof startService>>>} */
  let services = [];

  before(async () => {
    server = await startServer();
  });
  after(async () => {
    await Promise.all(services.map((service) => service.stop()));
    await server?.remove();
  });

  /** @param {string} url */
  const statusOf = async (url) => (await fetch(url)).status;

  it('both services stay alive, turn unready, refuse honestly, and come back by themselves', async () => {
    const env = { DATABASE_URL: server.url };
    services = await Promise.all([startService('dashboard', env), startService('deposit-agent', env)]);
    const urls = services.map(({ url }) => url);
    const [dashboard = ''] = urls;

    for (const url of urls) {
      const response = await fetch(`${url}/readyz`);
      assert.deepEqual(
        [response.status, await response.json()],
        [503, { status: 'not ready', reason: 'the schema is not in place' }],
      );
    }
    assert.equal((await run(['scripts/migrate.js', 'up'], env)).code, 0);
    assert.equal((await run(['scripts/seed.js'], env)).code, 0);
    for (const url of urls) assert.equal(await statusOf(`${url}/readyz`), 200);
    const movement = { key: 'before', sku: 'SKU-00001', quantity: 1 };
    assert.equal((await postJson(`${dashboard}/api/movements`, movement)).status, 201);

    await server.stop();
    for (const url of urls) {
      const response = await fetch(`${url}/readyz`);
      assert.deepEqual(
        [response.status, await response.json()],
        [503, { status: 'not ready', reason: 'the database does not answer' }],
      );
      assert.equal(await statusOf(`${url}/healthz`), 200);
      assert.equal(await statusOf(`${url}/metrics`), 200);
    }
    assert.match(await (await fetch(`${urls[1]}/metrics`)).text(), /stockroom_queue_depth\{[^}]+\} Nan/i);
    // A row that exists must not look as if it did not: 503, never 404.
    assert.equal(await statusOf(`${dashboard}/api/movements/before`), 503);
    const refused = await postJson(`${dashboard}/api/movements`, { ...movement, key: 'during' });
    assert.equal(refused.status, 503);
    assert.equal(refused.headers.get('retry-after'), '2');
    assert.equal((await refused.json()).outcome, 'not_recorded');
    const page = await fetch(`${dashboard}/`);
    assert.deepEqual([page.status, page.headers.get('content-type')], [503, 'text/html; charset=utf-8']);

    await server.start();
    for (const url of urls)
      await until(
        () => statusOf(`${url}/readyz`),
        (status) => status === 200,
      );
    assert.equal(await statusOf(`${dashboard}/api/movements/before`), 200);
    assert.equal(await statusOf(`${dashboard}/api/movements/during`), 404);
    assert.equal((await postJson(`${dashboard}/api/movements`, { ...movement, key: 'after' })).status, 201);
    await until(
      async () =>
        (await execute(server.url, `SELECT count(*)::int AS n FROM movements WHERE state = 'queued'`)).rows[0].n,
      (n) => n === 0,
    );
    assert.equal((await run(['scripts/reconcile.js'], env)).stdout.trim(), '0');
    for (const service of services) assert.deepEqual(await service.stop(), { code: 0, signal: null });
  });

  it('a service starts, is not ready, and drains', async () => {
    const lonely = await startService('deposit-agent', {
      DATABASE_URL: urlWithPassword('postgres://127.0.0.1:1/b', 'canary'),
    });
    services.push(lonely);
    assert.equal(await statusOf(`${lonely.url}/readyz`), 503);
    await until(
      async () => lonely.output(),
      (output) => output.includes('job failed'),
    );
    assert.deepEqual(await lonely.stop(), { code: 0, signal: null });
    assert.ok(!lonely.output().includes('canary'));
  });
});
