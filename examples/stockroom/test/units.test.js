import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { markup } from '../dist/dashboard/markup.js';
import { isUnavailable } from '../dist/database.js';
import { matchRoute } from '../dist/http/router.js';
import { generateMovements, generateProducts } from '../dist/seed/catalogue.js';
import { databaseUrl, serviceSettings } from '../dist/settings.js';
import { parseMovement, parseMovementForm } from '../dist/stock/movement-request.js';
import { urlWithPassword } from './url-with-password.js';

describe('settings', () => {
  it('take the database URL from the file before the variable', () => {
    const directory = mkdtempSync(join(tmpdir(), 'stockroom-settings-'));
    try {
      const file = join(directory, 'url');
      writeFileSync(file, 'postgres://a@127.0.0.1/file\n');
      const env = { DATABASE_URL_FILE: file, DATABASE_URL: 'postgres://a@127.0.0.1/variable' };
      assert.equal(databaseUrl(env), 'postgres://a@127.0.0.1/file');
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it('say which variable is wrong without repeating a secret', () => {
    assert.throws(() => databaseUrl({}), /DATABASE_URL_FILE/);
    assert.throws(() => databaseUrl({ DATABASE_URL_FILE: '/nowhere/url' }), /cannot be read \(ENOENT\)/);
    assert.throws(
      () => databaseUrl({ DATABASE_URL: urlWithPassword('mysql://b', 'canary') }),
      (error) =>
        error instanceof Error && error.message.startsWith('DATABASE_URL') && !error.message.includes('canary'),
    );
    const env = { DATABASE_URL: 'postgres://a@127.0.0.1/b', PORT: 'eighty' };
    assert.throws(() => serviceSettings(env, { port: 3000, poolSize: 5 }), /PORT must be a whole number.*"eighty"/);
  });

  it('bind the loopback interface and the default port', () => {
    const settings = serviceSettings(
      { DATABASE_URL: 'postgres://a@127.0.0.1/b', PORT: '' },
      { port: 3000, poolSize: 5 },
    );
    assert.deepEqual([settings.host, settings.port, settings.poolSize], ['127.0.0.1', 3000, 5]);
  });
});

describe('a movement', () => {
  const body = { sku: 'SKU-00001', quantity: 3 };

  it('has a kind from its sign where none is given', () => {
    assert.equal(parseMovement({ ...body, key: 'k' }, undefined).kind, 'receipt');
    assert.equal(parseMovement({ ...body, quantity: -3 }, 'k').kind, 'sale');
  });

  for (const [what, wrong, headerKey] of /** @type {const} */ ([
    ['no key', body, undefined],
    ['two different keys', { ...body, key: 'a' }, 'b'],
    ['a key with a space', { ...body, key: 'a b' }, undefined],
    ['a key that is too long', body, 'k'.repeat(129)],
    ['no quantity', { sku: 'SKU-00001' }, 'k'],
    ['quantity 0', { ...body, quantity: 0 }, 'k'],
    ['a broken quantity', { ...body, quantity: 1.5 }, 'k'],
    ['a quantity beyond the limit', { ...body, quantity: 10_001 }, 'k'],
    ['a quantity as text', { ...body, quantity: '3' }, 'k'],
    ['a sale that adds', { ...body, kind: 'sale' }, 'k'],
    ['a receipt that takes', { ...body, kind: 'receipt', quantity: -1 }, 'k'],
    ['an unknown kind', { ...body, kind: 'gift' }, 'k'],
    ['a lower-case SKU', { ...body, sku: 'sku-1' }, 'k'],
    ['an unknown field', { ...body, price: 3 }, 'k'],
    ['a note with NUL', { ...body, note: 'a\0b' }, 'k'],
    ['a list', [body], 'k'],
    ['null', null, 'k'],
  ])) {
    it(`is refused with ${what}`, () => {
      assert.throws(() => parseMovement(wrong, headerKey), { status: 400, code: 'invalid_movement' });
    });
  }

  it('from the form takes a sale without its sign', () => {
    const form = new URLSearchParams({ key: 'k', sku: ' sku-00001 ', kind: 'sale', quantity: '4', note: ' x ' });
    assert.deepEqual(parseMovementForm(form), { key: 'k', sku: 'SKU-00001', kind: 'sale', quantity: -4, note: 'x' });
    assert.throws(
      () => parseMovementForm(new URLSearchParams({ key: 'k', sku: 'A', kind: 'sale', quantity: 'four' })),
      {
        status: 400,
      },
    );
  });
});

describe('routes', () => {
  const handler = () => ({ status: 200, headers: {}, body: '' });
  const routes = /** @type {const} */ ([
    { method: 'GET', pattern: '/api/products/:sku', handler },
    { method: 'POST', pattern: '/api/movements', handler },
  ]);

  it('match whole segments and decode parameters', () => {
    const match = matchRoute(routes, 'HEAD', '/api/products/A%20B');
    assert.deepEqual(match.found && match.params, { sku: 'A B' });
  });

  it('do not match a longer path, an empty parameter or broken encoding', () => {
    for (const path of ['/api/products/A/B', '/api/products/', '/api/products/%zz']) {
      assert.deepEqual(matchRoute(routes, 'GET', path), { found: false, allowed: [] });
    }
  });

  it('tell the methods of a path that exists', () => {
    assert.deepEqual(matchRoute(routes, 'GET', '/api/movements'), { found: false, allowed: ['POST'] });
  });
});

describe('markup', () => {
  it('escapes values and leaves markup alone', () => {
    const name = `<a href="x">&'`;
    assert.equal(
      markup`<p>${name}${markup`<b>${1}</b>`}${null}</p>`.text,
      '<p>&lt;a href=&quot;x&quot;&gt;&amp;&#39;<b>1</b></p>',
    );
  });
});

describe('errors of the database', () => {
  it('are "unavailable" where a connection broke, and nothing else is', () => {
    assert.ok(isUnavailable(Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })));
    assert.ok(isUnavailable(new Error('Connection terminated unexpectedly')));
    assert.ok(isUnavailable(new Error('Query read timeout')));
    assert.ok(!isUnavailable(new TypeError('x is not a function')));
    assert.ok(!isUnavailable('text'));
  });
});

describe('the generator', () => {
  it('gives the same 1,000 products and 10,000 movements each time', () => {
    const products = generateProducts();
    const movements = generateMovements(products);
    assert.deepEqual([products.length, movements.length], [1_000, 10_000]);
    const digest = createHash('sha256')
      .update(JSON.stringify([products, movements]))
      .digest('hex');
    assert.equal(digest, '2ad5caa309213646a700c03b738358961975b711720e24667f2cf3c8e895e7af');
  });

  it('never takes a product below zero on the way', () => {
    const stock = new Map();
    for (const { sku, quantity } of generateMovements(generateProducts())) {
      stock.set(sku, (stock.get(sku) ?? 0) + quantity);
      assert.ok(stock.get(sku) >= 0, sku);
    }
  });
});
