import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { postJson, rawRequest, run, startService, until } from './support/processes.js';
import { createStockroom } from './support/stockroom.js';

describe('the dashboard', () => {
  /** @type {Awaited<ReturnType<typeof createStockroom>>} */
  let stockroom;
  /** @type {Awaited<ReturnType<typeof startService>>} */
  let dashboard;

  before(async () => {
    stockroom = await createStockroom();
    dashboard = await startService('dashboard', stockroom.env);
  });
  after(async () => {
    await dashboard?.stop();
    await stockroom?.remove();
  });

  /** @param {string} path */
  const get = (path) => fetch(`${dashboard.url}${path}`);
  /**
   * @param {string} path
   * @returns {Promise<{ total: number, page: number, per_page: number, next_before: number | null,
   *   products: import('../dist/stock/products.js').Product[], movements: import('../dist/stock/movements.js').Movement[] }
   *   & import('../dist/stock/products.js').Product & import('../dist/stock/movements.js').Movement>}
   */
  const getJson = async (path) => (await get(path)).json();
  /** @param {string} key */
  const rowsOf = async (key) =>
    (await stockroom.client.query('SELECT count(*)::int AS n FROM movements WHERE key = $1', [key])).rows[0].n;

  describe('operations', () => {
    it('answers liveness and readiness as JSON', async () => {
      for (const [path, status] of [
        ['/healthz', 'ok'],
        ['/readyz', 'ready'],
      ]) {
        const response = await get(`${path}`);
        assert.equal(response.status, 200);
        assert.equal(response.headers.get('content-type'), 'application/json');
        assert.deepEqual(await response.json(), { status });
      }
    });

    it('exposes request metrics under route patterns, not under paths', async () => {
      await get('/api/products/SKU-00001');
      await get('/no/such/place');
      const response = await get('/metrics');
      assert.match(response.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
      const text = await response.text();
      assert.match(
        text,
        /http_requests_total\{method="GET",route="\/api\/products\/:sku",status="200",service="dashboard"\} \d/,
      );
      assert.match(text, /http_requests_total\{method="GET",route="unmatched",status="404",service="dashboard"\} \d/);
      assert.match(
        text,
        /http_request_duration_seconds_bucket\{le="0\.2",service="dashboard",method="GET",route="[^"]+"\} \d/,
      );
      assert.match(text, /stockroom_db_pool_connections\{state="open",service="dashboard"\} \d/);
      assert.match(text, /process_resident_memory_bytes\{service="dashboard"\} \d/);
      assert.ok(!text.includes('SKU-00001') && !text.includes('/no/such'));
    });

    it('answers 404 for a random path: HTML to people, JSON under /api', async () => {
      const page = await get('/f3a9c0');
      assert.deepEqual([page.status, page.headers.get('content-type')], [404, 'text/html; charset=utf-8']);
      const api = await get('/api/f3a9c0');
      assert.deepEqual([api.status, (await api.json()).error], [404, 'not_found']);
    });

    it('answers 400 for an address that no page can have', async () => {
      assert.equal((await rawRequest(`${dashboard.url}/`, { path: 'x:[' })).status, 400);
      for (const path of ['/products/%00', '/api/movements/a%00', '/api/movements?sku=%00']) {
        assert.equal((await get(path)).status, 400, path);
      }
    });

    it('counts a client that leaves in the middle of its body as 499, not as an error of the service', async () => {
      const { port } = new URL(dashboard.url);
      const socket = connect(Number(port), '127.0.0.1');
      socket.write(
        'POST /api/movements HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 90\r\n\r\n{',
      );
      await sleep(100);
      socket.destroy();
      const metrics = async () => (await get('/metrics')).text();
      await until(metrics, (text) => /route="\/api\/movements",status="499"/.test(text));
    });

    it('answers 405 with the methods that a path has', async () => {
      const response = await fetch(`${dashboard.url}/api/products`, { method: 'DELETE' });
      assert.deepEqual([response.status, response.headers.get('allow')], [405, 'GET']);
    });

    it('sends security headers with pages, API answers and errors', async () => {
      for (const path of ['/', '/api/low-stock', '/f3a9c0']) {
        const { headers } = await get(path);
        const policy = headers.get('content-security-policy') ?? '';
        assert.match(policy, /default-src 'none'.*frame-ancestors 'none'/);
        assert.ok(!policy.includes('unsafe'));
        assert.equal(headers.get('x-content-type-options'), 'nosniff');
        assert.equal(headers.get('referrer-policy'), 'same-origin');
        assert.equal(headers.get('strict-transport-security'), null);
      }
      const { headers } = await rawRequest(`${dashboard.url}/`, { headers: { 'x-forwarded-proto': 'https' } });
      assert.match(headers['strict-transport-security'] ?? '', /^max-age=\d{8}/);
    });

    it('lets browsers keep assets, whose names carry a digest, and no page', async () => {
      const page = await get('/');
      assert.equal(page.headers.get('cache-control'), 'no-store');
      const path = /href="(\/assets\/style\.[0-9a-f]{12}\.css)"/.exec(await page.text())?.[1] ?? '';
      const asset = await get(path);
      assert.deepEqual([asset.status, asset.headers.get('content-type')], [200, 'text/css; charset=utf-8']);
      assert.match(asset.headers.get('cache-control') ?? '', /immutable/);
    });
  });

  describe('products', () => {
    it('are paged in SKU order', async () => {
      const first = await getJson('/api/products?per_page=2');
      assert.deepEqual([first.total, first.page, first.per_page], [1_000, 1, 2]);
      const second = await getJson('/api/products?per_page=2&page=2');
      assert.deepEqual(
        [...first.products, ...second.products].map(({ sku }) => sku),
        ['SKU-00001', 'SKU-00002', 'SKU-00003', 'SKU-00004'],
      );
      assert.deepEqual((await getJson('/api/products?page=21')).products, []);
    });

    it('are found by beginnings of words, in any order, and by SKU', async () => {
      const byWords = await getJson('/api/products?q=lam%20oak&per_page=200');
      assert.ok(byWords.total > 0);
      for (const { name } of byWords.products) assert.match(name, /^Oak Desk Lamp/);
      assert.deepEqual(
        (await getJson('/api/products?q=sku-00017')).products.map(({ sku }) => sku),
        ['SKU-00017'],
      );
      assert.equal((await getJson('/api/products?q=zzz')).total, 0);
      assert.equal((await getJson(`/api/products?q=${encodeURIComponent(`' | ! & :* \\`)}`)).total, 1_000);
    });

    it('are read one by one', async () => {
      const product = await getJson('/api/products/SKU-00001');
      assert.deepEqual(
        [product.name, product.category, product.unit_price_cents],
        ['Cast Iron Letter Tray, Extra Large', 'Office', 3_679],
      );
      assert.equal((await get('/api/products/NONE')).status, 404);
      assert.equal((await get('/products/NONE')).status, 404);
    });

    it('are on the low-stock list exactly where stock is at or below the reorder level', async () => {
      const { rows } = await stockroom.client.query(
        'SELECT sku FROM stock_levels WHERE on_hand <= reorder_level ORDER BY sku',
      );
      const list = await getJson('/api/low-stock?per_page=200');
      assert.equal(list.total, rows.length);
      assert.deepEqual(
        list.products.map(({ sku }) => sku),
        rows.map(({ sku }) => sku),
      );
      assert.ok(list.products.every(({ low }) => low === true));
    });

    it('refuse page numbers that make no sense', async () => {
      for (const query of ['page=0', 'page=x', 'per_page=201', 'page=-1', 'page=1.5']) {
        assert.equal((await get(`/api/products?${query}`)).status, 400, query);
      }
    });
  });

  describe('movements', () => {
    it('are recorded once, and read back by key', async () => {
      const body = { sku: 'SKU-00002', quantity: 5, note: 'first' };
      const created = await postJson(`${dashboard.url}/api/movements`, body, 'once-1');
      assert.deepEqual([created.status, created.headers.get('location')], [201, '/api/movements/once-1']);
      const again = await postJson(`${dashboard.url}/api/movements`, { ...body, key: 'once-1' });
      assert.equal(again.status, 200);
      const movement = await again.json();
      assert.deepEqual(movement, await created.json());
      assert.deepEqual(await getJson('/api/movements/once-1'), movement);
      assert.deepEqual([movement.state, movement.kind, movement.quantity], ['queued', 'receipt', 5]);
      assert.equal(await rowsOf('once-1'), 1);
    });

    it('are recorded once where forty requests with one key race', async () => {
      const body = { key: 'race-1', sku: 'SKU-00003', quantity: 1 };
      const responses = await Promise.all(
        Array.from({ length: 40 }, () => postJson(`${dashboard.url}/api/movements`, body)),
      );
      const statuses = responses.map(({ status }) => status).sort();
      assert.deepEqual(statuses, [...Array(39).fill(200), 201]);
      assert.equal(new Set(await Promise.all(responses.map(async (response) => (await response.json()).id))).size, 1);
      assert.equal(await rowsOf('race-1'), 1);
    });

    it('refuse a key that was used for something else', async () => {
      await postJson(`${dashboard.url}/api/movements`, { key: 'reuse-1', sku: 'SKU-00002', quantity: 5 });
      const other = await postJson(`${dashboard.url}/api/movements`, { key: 'reuse-1', sku: 'SKU-00002', quantity: 6 });
      assert.deepEqual([other.status, (await other.json()).error], [422, 'key_reused']);
    });

    it('refuse what is malformed, too large, unknown or not JSON', async () => {
      const url = `${dashboard.url}/api/movements`;
      assert.equal((await postJson(url, { sku: 'SKU-00002', quantity: 5 })).status, 400);
      const unknown = await postJson(url, { key: 'u', sku: 'NONE', quantity: 5 });
      assert.deepEqual([unknown.status, (await unknown.json()).error], [422, 'unknown_product']);
      const send = (/** @type {string} */ type, /** @type {string} */ body) =>
        fetch(url, { method: 'POST', headers: { 'content-type': type }, body });
      assert.equal((await send('text/plain', '{}')).status, 415);
      assert.equal((await send('application/json', '{')).status, 400);
      assert.equal((await send('application/json', `"${'x'.repeat(20_000)}"`)).status, 413);
      assert.equal(await rowsOf('u'), 0);
    });

    it('answer 404 for a key that was never used', async () => {
      const response = await get('/api/movements/never');
      assert.deepEqual([response.status, (await response.json()).error], [404, 'not_found']);
    });

    it('are listed newest first and paged by id', async () => {
      const first = await getJson('/api/movements?sku=SKU-00004&limit=3');
      const second = await getJson(`/api/movements?sku=SKU-00004&limit=3&before=${first.next_before}`);
      const ids = [...first.movements, ...second.movements].map(({ id }) => id);
      assert.deepEqual(
        ids,
        [...new Set(ids)].sort((a, b) => b - a),
      );
      assert.ok(first.movements.every(({ sku }) => sku === 'SKU-00004'));
      assert.equal((await getJson('/api/movements?before=1')).next_before, null);
    });
  });

  describe('the form', () => {
    /**
     * @param {Record<string, string>} fields
     * @param {Record<string, string>} [headers]
     */
    const submit = (fields, headers = {}) =>
      fetch(`${dashboard.url}/movements`, {
        method: 'POST',
        redirect: 'manual',
        headers,
        body: new URLSearchParams({
          key: 'form-1',
          sku: 'SKU-00005',
          kind: 'sale',
          quantity: '2',
          note: '',
          ...fields,
        }),
      });

    it('records once however often it is sent, and leads to the product', async () => {
      for (let i = 0; i < 2; i += 1) {
        const response = await submit({});
        assert.deepEqual(
          [response.status, response.headers.get('location')],
          [303, '/products/SKU-00005?recorded=form-1'],
        );
      }
      assert.equal(await rowsOf('form-1'), 1);
      assert.match(
        await (await get('/products/SKU-00005?recorded=form-1')).text(),
        /role="status">Recorded: sale of 2\./,
      );
    });

    it('comes back with the reason where something is wrong', async () => {
      const response = await submit({ key: 'form-2', kind: 'receipt', quantity: '-2' });
      assert.equal(response.status, 400);
      assert.match(await response.text(), /role="alert">A receipt brings stock in/);
      assert.equal((await submit({ key: 'form-2', sku: 'NONE' })).status, 404);
      assert.equal(await rowsOf('form-2'), 0);
    });

    it('is refused from another site', async () => {
      const response = await submit({ key: 'form-3' }, { 'sec-fetch-site': 'cross-site' });
      assert.equal(response.status, 403);
      assert.equal(await rowsOf('form-3'), 0);
    });

    it('shows what was typed as text and never as markup', async () => {
      await submit({ key: 'form-4', note: '<img src=x onerror=alert(1)>' });
      const text = await (await get('/products/SKU-00005')).text();
      assert.match(text, /&lt;img src=x/);
      assert.ok(!text.includes('<img'));
    });
  });

  it('answers 503 and not 500 where a statement takes too long', async () => {
    const impatient = await startService('dashboard', { ...stockroom.env, STATEMENT_TIMEOUT_MS: '200' });
    const holder = new pg.Client({ connectionString: stockroom.env.DATABASE_URL });
    await holder.connect();
    try {
      await holder.query('BEGIN; LOCK TABLE movements IN ACCESS EXCLUSIVE MODE');
      const response = await fetch(`${impatient.url}/api/movements/once-1`);
      assert.deepEqual([response.status, (await response.json()).error], [503, 'unavailable']);
    } finally {
      await holder.end();
      await impatient.stop();
    }
  });

  it('seeding again changes nothing', async () => {
    const { code, stdout } = await run(['scripts/seed.js'], stockroom.env);
    assert.equal(code, 0);
    assert.deepEqual(JSON.parse(stdout), { inserted: { products: 0, movements: 0 } });
    assert.equal((await run(['scripts/seed.js'], {})).code, 2);
  });

  it('on SIGTERM answers what is in flight, refuses the rest, ends idle connections and exits 0', async () => {
    const draining = await startService('dashboard', stockroom.env);
    const agent = new Agent({ keepAlive: true });
    const holder = new pg.Client({ connectionString: stockroom.env.DATABASE_URL });
    await holder.connect();
    try {
      await rawRequest(`${draining.url}/healthz`, { agent });
      await holder.query('BEGIN; LOCK TABLE movements IN ACCESS EXCLUSIVE MODE');
      const inFlight = postJson(`${draining.url}/api/movements`, { key: 'drain-1', sku: 'SKU-00006', quantity: 1 });
      await until(
        async () => (await holder.query(`SELECT count(*)::int AS n FROM pg_locks WHERE NOT granted`)).rows[0].n,
        (waiting) => waiting === 1,
      );
      draining.kill('SIGTERM');
      await until(
        async () => draining.output(),
        (output) => output.includes('"event":"draining"'),
      );
      await assert.rejects(fetch(`${draining.url}/healthz`));
      await holder.query('COMMIT');
      const response = await inFlight;
      assert.deepEqual([response.status, response.headers.get('connection')], [201, 'close']);
      assert.deepEqual(await draining.exited, { code: 0, signal: null });
      assert.equal(await rowsOf('drain-1'), 1);
    } finally {
      agent.destroy();
      await holder.end();
      await draining.stop();
    }
  });

  it('gives up a drain after its limit and says so by its exit status', async () => {
    const draining = await startService('dashboard', { ...stockroom.env, DRAIN_TIMEOUT_MS: '200' });
    const holder = new pg.Client({ connectionString: stockroom.env.DATABASE_URL });
    await holder.connect();
    try {
      await holder.query('BEGIN; LOCK TABLE products IN ACCESS EXCLUSIVE MODE');
      const cut = fetch(`${draining.url}/api/products`).then(
        () => 'answered',
        () => 'cut',
      );
      await until(
        async () => (await holder.query(`SELECT count(*)::int AS n FROM pg_locks WHERE NOT granted`)).rows[0].n,
        (waiting) => waiting === 1,
      );
      draining.kill('SIGTERM');
      assert.deepEqual(await draining.exited, { code: 1, signal: null });
      assert.equal(await cut, 'cut');
    } finally {
      await holder.end();
      await draining.stop();
    }
  });

  it('does not start with settings that it cannot use, or on a port that is taken', async () => {
    const wrong = await run(['dist/dashboard/main.js'], { ...stockroom.env, PORT: 'x' });
    assert.equal(wrong.code, 2);
    assert.match(wrong.stdout, /PORT must be a whole number/);
    const taken = await run(['dist/dashboard/main.js'], { ...stockroom.env, PORT: new URL(dashboard.url).port });
    assert.equal(taken.code, 1);
    assert.match(taken.stdout, /EADDRINUSE/);
  });
});
