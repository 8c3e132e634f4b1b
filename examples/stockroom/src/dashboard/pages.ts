import { randomUUID } from 'node:crypto';
import type { Counter } from 'prom-client';
import type { Pool } from '../database.ts';
import { header, type Request, readForm } from '../http/request.ts';
import { HttpError, html, type Response, seeOther } from '../http/response.ts';
import type { Route } from '../http/router.ts';
import { parseMovementForm } from '../stock/movement-request.ts';
import { findMovement, listMovements, recordMovement } from '../stock/movements.ts';
import { findProduct, listLowStock, listProducts } from '../stock/products.ts';
import { readCursor, readPaging } from './api.ts';
import * as views from './views.ts';

/** Movements that a product's own page shows. */
const LATEST = 20;

export function pageRoutes(pool: Pool, layout: views.Layout, recorded: Counter<'outcome'>): readonly Route[] {
  return [
    {
      method: 'GET',
      pattern: '/',
      handler: async (request) => {
        const search = (request.query.get('q') ?? '').slice(0, 100);
        const paging = readPaging(request);
        const page = await listProducts(pool, search, paging);
        return html(200, views.document(layout, 'stock', 'Stock', views.stockList(page, paging, search)));
      },
    },
    {
      method: 'GET',
      pattern: '/low-stock',
      handler: async (request) => {
        const paging = readPaging(request);
        const page = await listLowStock(pool, paging);
        return html(200, views.document(layout, 'low-stock', 'Low stock', views.lowStockList(page, paging)));
      },
    },
    {
      method: 'GET',
      pattern: '/movements',
      handler: async (request) => {
        const cursor = readCursor(request);
        const movements = await listMovements(pool, cursor);
        return html(200, views.document(layout, 'movements', 'Movements', views.movementList(movements, cursor.limit)));
      },
    },
    {
      method: 'GET',
      pattern: '/products/:sku',
      handler: (request) =>
        showProduct(pool, layout, request.params.sku ?? '', { recordedKey: request.query.get('recorded') }),
    },
    { method: 'POST', pattern: '/movements', handler: (request) => submitMovement(pool, layout, recorded, request) },
  ];
}

async function submitMovement(
  pool: Pool,
  layout: views.Layout,
  recorded: Counter<'outcome'>,
  request: Request,
): Promise<Response> {
  // A form on another site can send this content type too; the browser says where the form was.
  const site = header(request, 'sec-fetch-site');
  if (site !== undefined && site !== 'same-origin' && site !== 'none') {
    throw new HttpError(403, 'cross_site', 'Movements can only be recorded from this site.');
  }
  const form = await readForm(request);
  try {
    const result = await recordMovement(pool, parseMovementForm(form));
    recorded.inc({ outcome: result.replayed ? 'replayed' : 'created' });
    const { sku, key } = result.movement;
    return seeOther(`/products/${encodeURIComponent(sku)}?recorded=${encodeURIComponent(key)}`);
  } catch (error) {
    if (!(error instanceof HttpError) || error.status >= 500) throw error;
    return showProduct(pool, layout, form.get('sku') ?? '', { refusal: error });
  }
}

async function showProduct(
  pool: Pool,
  layout: views.Layout,
  sku: string,
  { recordedKey, refusal }: { recordedKey?: string | null; refusal?: HttpError },
): Promise<Response> {
  // The stock is read last, so that it holds every movement that the page calls applied.
  const recorded = recordedKey ? await findMovement(pool, recordedKey) : undefined;
  const movements = await listMovements(pool, { sku, before: Number.MAX_SAFE_INTEGER, limit: LATEST });
  const product = await findProduct(pool, sku);
  if (product === undefined) throw new HttpError(404, 'not_found', 'There is no product with this SKU.');
  const form = { key: randomUUID(), ...(refusal === undefined ? {} : { message: refusal.message }) };
  const content = views.productPage(product, movements, form, recorded);
  return html(refusal?.status ?? 200, views.document(layout, 'none', product.name, content));
}
