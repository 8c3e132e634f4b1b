import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import pg from 'pg';
import { run, startService, until } from './support/processes.js';
import { createStockroom } from './support/stockroom.js';

describe('the deposit agent', () => {
  /** @type {Awaited<ReturnType<typeof createStockroom>>} */
  let stockroom;

  before(async () => {
    stockroom = await createStockroom();
  });
  after(() => stockroom.remove());

  /**
   * @param {string} key
   * @param {string} sku
   * @param {number} quantity
   */
  const enqueue = (key, sku, quantity) =>
    stockroom.client.query(`INSERT INTO movements (key, sku, kind, quantity) VALUES ($1, $2, 'correction', $3)`, [
      key,
      sku,
      quantity,
    ]);
  /** @param {string} sku */
  const onHand = async (sku) =>
    (await stockroom.client.query('SELECT on_hand FROM stock_levels WHERE sku = $1', [sku])).rows[0].on_hand;
  /** @param {string} key */
  const stateOf = async (key) =>
    (await stockroom.client.query('SELECT state, reason FROM movements WHERE key = $1', [key])).rows[0];
  const queued = async () =>
    (await stockroom.client.query(`SELECT count(*)::int AS n FROM movements WHERE state = 'queued'`)).rows[0].n;
  const wrongProducts = async () => {
    const { code, stdout } = await run(['scripts/reconcile.js'], stockroom.env);
    assert.equal(code, 0);
    return stdout.trim();
  };

  it('applies what is queued, rejects what is not there, and counts both', async () => {
    const agent = await startService('deposit-agent', stockroom.env);
    try {
      const before = await onHand('SKU-00010');
      await enqueue('apply-1', 'SKU-00010', 7);
      await enqueue('apply-2', 'SKU-00010', -10_000);
      await until(queued, (n) => n === 0);
      assert.equal(await onHand('SKU-00010'), before + 7);
      assert.equal((await stateOf('apply-1')).state, 'applied');
      assert.deepEqual(await stateOf('apply-2'), { state: 'rejected', reason: 'not enough stock' });
      const text = await (await fetch(`${agent.url}/metrics`)).text();
      assert.match(text, /stockroom_movements_settled_total\{outcome="applied",service="deposit-agent"\} 1\n/);
      assert.match(text, /stockroom_movements_settled_total\{outcome="rejected",service="deposit-agent"\} 1\n/);
      assert.match(text, /stockroom_queue_depth\{service="deposit-agent"\} 0\n/);
      assert.match(text, /stockroom_queue_oldest_seconds\{service="deposit-agent"\} 0\n/);
      assert.match(text, /stockroom_job_duration_seconds_count\{service="deposit-agent"\} 2\n/);
      assert.equal((await fetch(`${agent.url}/healthz`)).status, 200);
      assert.equal((await fetch(`${agent.url}/readyz`)).status, 200);
      assert.deepEqual(
        [(await fetch(`${agent.url}/`)).status, (await fetch(`${agent.url}/f3a9c0`)).status],
        [404, 404],
      );
    } finally {
      assert.deepEqual(await agent.stop(), { code: 0, signal: null });
    }
    assert.equal(await wrongProducts(), '0');
  });

  it('applies each of 600 movements once, with three agents, one of which is killed again and again', async () => {
    const before = await onHand('SKU-00011');
    await stockroom.client.query(`INSERT INTO movements (key, sku, kind, quantity)
      SELECT 'many-' || n, 'SKU-00011', 'receipt', 1 FROM generate_series(1, 600) n`);
    const steady = await Promise.all([1, 2].map(() => startService('deposit-agent', stockroom.env)));
    try {
      for (let kills = 0; kills < 3; kills += 1) {
        const victim = await startService('deposit-agent', stockroom.env);
        await until(
          async () =>
            /settled_total\{outcome="applied".*\} [1-9]/.test(await (await fetch(`${victim.url}/metrics`)).text()),
          (seen) => seen,
          2_000,
        ).catch(() => undefined);
        victim.kill('SIGKILL');
        assert.deepEqual(await victim.exited, { code: null, signal: 'SIGKILL' });
      }
      await until(queued, (n) => n === 0);
      assert.equal(await onHand('SKU-00011'), before + 600);
    } finally {
      await Promise.all(steady.map((agent) => agent.stop()));
    }
    assert.equal(await wrongProducts(), '0');
  });

  it('on SIGTERM finishes the job in hand, takes no other and exits 0', async () => {
    const before = await onHand('SKU-00012');
    const holder = new pg.Client({ connectionString: stockroom.env.DATABASE_URL });
    await holder.connect();
    const agent = await startService('deposit-agent', stockroom.env);
    try {
      await holder.query(`BEGIN; SELECT 1 FROM stock_levels WHERE sku = 'SKU-00012' FOR UPDATE`);
      await enqueue('hand-1', 'SKU-00012', 1);
      await enqueue('hand-2', 'SKU-00012', 1);
      await until(
        async () => (await holder.query('SELECT count(*)::int AS n FROM pg_locks WHERE NOT granted')).rows[0].n,
        (waiting) => waiting > 0,
      );
      agent.kill('SIGTERM');
      await until(
        async () => agent.output(),
        (output) => output.includes('"event":"draining"'),
      );
      assert.equal((await stateOf('hand-1')).state, 'queued');
      await holder.query('COMMIT');
      assert.deepEqual(await agent.exited, { code: 0, signal: null });
      assert.deepEqual([(await stateOf('hand-1')).state, (await stateOf('hand-2')).state], ['applied', 'queued']);
      assert.equal(await onHand('SKU-00012'), before + 1);
    } finally {
      await holder.end();
      await agent.stop();
    }
  });

  it('keeps a job that failed and settles it later', async () => {
    const agent = await startService('deposit-agent', stockroom.env);
    try {
      await until(queued, (n) => n === 0);
      await stockroom.client.query(
        `ALTER TABLE stock_levels ADD CONSTRAINT no_more CHECK (sku <> 'SKU-00013') NOT VALID`,
      );
      await enqueue('fail-1', 'SKU-00013', 1);
      await until(
        async () => agent.output(),
        (output) => output.includes('job failed and stays in the queue'),
      );
      assert.equal((await stateOf('fail-1')).state, 'queued');
      assert.match(await (await fetch(`${agent.url}/metrics`)).text(), /stockroom_job_failures_total\{[^}]+\} [1-9]/);
      await stockroom.client.query('ALTER TABLE stock_levels DROP CONSTRAINT no_more');
      await until(
        () => stateOf('fail-1'),
        ({ state }) => state === 'applied',
      );
    } finally {
      await agent.stop();
    }
  });
});
