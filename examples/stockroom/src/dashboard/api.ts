import type { Counter } from 'prom-client';
import type { Pool } from '../database.ts';
import { header, integerQuery, type Request, readJson } from '../http/request.ts';
import { HttpError, json } from '../http/response.ts';
import type { Route } from '../http/router.ts';
import { parseMovement } from '../stock/movement-request.ts';
import { findMovement, listMovements, recordMovement } from '../stock/movements.ts';
import { findProduct, listLowStock, listProducts, type Paging, type ProductPage } from '../stock/products.ts';

export function apiRoutes(pool: Pool, recorded: Counter<'outcome'>): readonly Route[] {
  return [
    {
      method: 'GET',
      pattern: '/api/products',
      handler: async (request) => {
        const paging = readPaging(request);
        return json(200, pageBody(await listProducts(pool, request.query.get('q') ?? '', paging), paging));
      },
    },
    {
      method: 'GET',
      pattern: '/api/products/:sku',
      handler: async (request) => {
        const product = await findProduct(pool, request.params.sku ?? '');
        if (product === undefined) throw new HttpError(404, 'not_found', 'There is no product with this SKU.');
        return json(200, product);
      },
    },
    {
      method: 'GET',
      pattern: '/api/low-stock',
      handler: async (request) => {
        const paging = readPaging(request);
        return json(200, pageBody(await listLowStock(pool, paging), paging));
      },
    },
    {
      method: 'GET',
      pattern: '/api/movements',
      handler: async (request) => {
        const sku = request.query.get('sku');
        const movements = await listMovements(pool, { ...(sku ? { sku } : {}), ...readCursor(request) });
        return json(200, { movements, next_before: movements.at(-1)?.id ?? null });
      },
    },
    {
      method: 'GET',
      pattern: '/api/movements/:key',
      handler: async (request) => {
        const movement = await findMovement(pool, request.params.key ?? '');
        if (movement === undefined) throw new HttpError(404, 'not_found', 'There is no movement with this key.');
        return json(200, movement);
      },
    },
    {
      method: 'POST',
      pattern: '/api/movements',
      handler: async (request) => {
        const movement = parseMovement(await readJson(request), header(request, 'idempotency-key'));
        const result = await recordMovement(pool, movement);
        recorded.inc({ outcome: result.replayed ? 'replayed' : 'created' });
        const location = `/api/movements/${encodeURIComponent(movement.key)}`;
        return json(result.replayed ? 200 : 201, result.movement, { location });
      },
    },
  ];
}

export function readPaging(request: Request): Paging {
  return {
    page: integerQuery(request, 'page', { fallback: 1, min: 1, max: 100_000 }),
    perPage: integerQuery(request, 'per_page', { fallback: 50, min: 1, max: 200 }),
  };
}

/** Ids are 64 bits wide in Postgres; here they stay below 2^53. */
export function readCursor(request: Request): { before: number; limit: number } {
  return {
    before: integerQuery(request, 'before', {
      fallback: Number.MAX_SAFE_INTEGER,
      min: 1,
      max: Number.MAX_SAFE_INTEGER,
    }),
    limit: integerQuery(request, 'limit', { fallback: 50, min: 1, max: 200 }),
  };
}

function pageBody({ total, products }: ProductPage, { page, perPage }: Paging): object {
  return { page, per_page: perPage, total, products };
}
