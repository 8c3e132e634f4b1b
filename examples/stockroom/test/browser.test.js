import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { chromium } from 'playwright-core';
import { startService } from './support/processes.js';
import { createStockroom } from './support/stockroom.js';

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

const skip =
  process.env.STOCKROOM_SKIP_BROWSER === '1' ? 'NOT RUN: STOCKROOM_SKIP_BROWSER=1, no page was looked at' : false;
if (skip) console.log(`browser.test.js ${skip}`);

/** The text as it is shown. @param {import('playwright-core').Locator} locator */
const textOf = async (locator) => (await locator.allInnerTexts()).join('\n');

describe('in a browser', { skip }, () => {
  /** @type {Awaited<ReturnType<typeof createStockroom>>} */
  let stockroom;
  /** @type {Array<Awaited<ReturnType<typeof startService>>>} */
  let services = [];
  /** @type {import('playwright-core').Browser} */
  let browser;
  /** @type {import('playwright-core').Page} */
  let page;
  /** @type {string[]} */
  const complaints = [];

  before(async () => {
    if (!existsSync(CHROMIUM)) {
      throw new Error(
        `There is no browser at ${CHROMIUM}: install chromium, name one in CHROMIUM, or set STOCKROOM_SKIP_BROWSER=1.`,
      );
    }
    stockroom = await createStockroom();
    services = await Promise.all([
      startService('dashboard', stockroom.env),
      startService('deposit-agent', stockroom.env),
    ]);
    browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
    page = await browser.newPage({ baseURL: services[0]?.url ?? '' });
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
    });
    page.on('response', (response) => {
      if (response.status() >= 400) complaints.push(`${response.status()} ${response.url()}`);
    });
  });
  after(async () => {
    await browser?.close();
    await Promise.all(services.map((service) => service.stop()));
    await stockroom?.remove();
  });

  it('the stock list shows products, turns pages and searches', async () => {
    await page.goto('/');
    assert.equal(await page.title(), 'Stock · Stockroom');
    assert.equal(await page.locator('tbody tr').count(), 50);
    await page.getByRole('link', { name: 'Next' }).click();
    await page.getByText('Page 2 of 20').waitFor();
    assert.match(await textOf(page.locator('tbody tr').first()), /^SKU-00051/);
    await page.getByLabel('Search by SKU, name or category').fill('oak lamp');
    await page.getByRole('button', { name: 'Search' }).click();
    await page.getByText('matching product').waitFor();
    for (const text of await page.locator('tbody th').allInnerTexts()) assert.match(text, /^Oak Desk Lamp/);
  });

  it('the low-stock list shows only products that are low', async () => {
    await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Low stock' }).click();
    await page.getByRole('heading', { name: 'Low stock' }).waitFor();
    const rows = await page.locator('tbody tr').all();
    assert.ok(rows.length > 0);
    for (const row of rows) {
      const [onHand, reorder] = (await row.locator('td.number').allInnerTexts()).slice(1).map(Number);
      assert.ok(onHand !== undefined && reorder !== undefined && onHand <= reorder);
    }
  });

  it('a movement that is recorded on the product page changes the stock', async () => {
    await page.goto('/products/SKU-00001');
    const before = Number.parseInt(await textOf(page.locator('#on-hand')), 10);
    await page.getByLabel('Kind').selectOption('receipt');
    await page.getByLabel('Quantity').fill('12');
    await page.getByLabel('Note').fill('from the browser');
    await page.getByRole('button', { name: 'Record movement' }).click();
    await page.getByRole('status').filter({ hasText: 'receipt of 12' }).waitFor();
    const row = page.locator('tbody tr').first();
    assert.match(await textOf(row), /receipt\s+\+12\s+(queued|applied)\s+from the browser/);
    for (let i = 0; i < 50 && !(await textOf(row)).includes('applied'); i += 1) {
      await page.waitForTimeout(100);
      await page.reload();
    }
    assert.equal(Number.parseInt(await textOf(page.locator('#on-hand')), 10), before + 12);
    await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Movements' }).click();
    assert.match(await textOf(page.locator('tbody tr').first()), /SKU-00001.*receipt/s);
  });

  it('every page has one heading, a language, labelled fields and no sideways scroll on a phone', async () => {
    await page.setViewportSize({ width: 390, height: 800 });
    for (const path of ['/', '/low-stock', '/movements', '/products/SKU-00001']) {
      await page.goto(path);
      const seen = await page.evaluate(() => ({
        headings: document.querySelectorAll('h1').length,
        language: document.documentElement.lang,
        unlabelled: [...document.querySelectorAll('input:not([type=hidden]), select')].filter(
          (field) =>
            (field instanceof HTMLInputElement || field instanceof HTMLSelectElement) && field.labels?.length === 0,
        ).length,
        sideways: document.documentElement.scrollWidth > window.innerWidth,
      }));
      assert.deepEqual(seen, { headings: 1, language: 'en', unlabelled: 0, sideways: false }, path);
    }
  });

  it('the browser had nothing to complain about', () => {
    assert.deepEqual(complaints, []);
  });
});
