import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { SelfSigned } from '../../src/probes/self-signed.ts';

/** What the shop does wrong, while it is told to. */
export type Trouble = {
  readonly unwell?: boolean;
  readonly delayMs?: number;
  readonly failing?: boolean;
  readonly unguarded?: boolean;
};

export type LoggedRequest = { readonly method: string; readonly path: string; readonly agent: string };

/** A shop that something else deployed: plain Node, a request log, metrics, and nothing of Holdpoint. */
export type Shop = {
  readonly url: string;
  /** Where Prometheus scrapes it, in no request log. */
  readonly metricsPort: number;
  readonly requests: LoggedRequest[];
  /** Bodies of orders that were taken. */
  readonly orders: string[];
  tell(trouble: Trouble): void;
  end(): Promise<void>;
};

const BUCKETS = [0.05, 0.1, 0.2, 0.5, 1, 5];
const HEADERS = {
  'strict-transport-security': 'max-age=63072000; includeSubDomains',
  'content-security-policy': "default-src 'self'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
};

export async function openShop(certificate: SelfSigned | undefined): Promise<Shop> {
  const requests: LoggedRequest[] = [];
  const orders: string[] = [];
  const counted = { ok: 0, failed: 0, seconds: 0, buckets: BUCKETS.map(() => 0) };
  let trouble: Trouble = {};

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const began = performance.now();
    const { method = '', url: path = '' } = request;
    requests.push({ method, path, agent: request.headers['user-agent'] ?? '' });
    let body = '';
    for await (const chunk of request) body += String(chunk);
    if (trouble.delayMs) await pause(trouble.delayMs);
    const [status, type, text] = pageAt(method, path);
    if (status === 201) orders.push(body);
    response.writeHead(status, { 'content-type': type, ...(trouble.unguarded ? {} : HEADERS), ...moved(path) });
    response.end(text);
    const seconds = (performance.now() - began) / 1000;
    counted.seconds += seconds;
    counted[status >= 500 ? 'failed' : 'ok'] += 1;
    for (const [i, bound] of BUCKETS.entries())
      if (seconds <= bound) counted.buckets[i] = (counted.buckets[i] ?? 0) + 1;
  };

  const pageAt = (method: string, path: string): readonly [status: number, type: string, text: string] => {
    if (trouble.failing) return [500, 'text/plain', 'broken'];
    if (path === '/shop/healthz')
      return trouble.unwell
        ? [503, 'application/json', '{"status":"unwell"}']
        : [200, 'application/json', '{"status":"ok"}'];
    if (path === '/shop/orders' && method === 'POST') return [201, 'application/json', '{}'];
    if (path === '/shop/') return [302, 'text/plain', ''];
    if (path === '/shop/front') return [200, 'text/html; charset=utf-8', '<h1>Shop</h1>'];
    return [404, 'text/plain', 'no such page'];
  };
  const moved = (path: string) => (path === '/shop/' ? { location: '/shop/front' } : {});

  const handler = (request: IncomingMessage, response: ServerResponse) =>
    void answer(request, response).catch(() => response.destroy());
  const server = certificate === undefined ? createServer(handler) : createTlsServer({ ...certificate }, handler);
  const metrics = createServer((_, response) => {
    response.setHeader('content-type', 'text/plain; version=0.0.4');
    response.end(exposition(counted));
  });
  for (const one of [server, metrics]) await new Promise<void>((resolve) => one.listen(0, '127.0.0.1', resolve));
  const portOf = (one: typeof server) => (one.address() as AddressInfo).port;
  return {
    url: `http${certificate === undefined ? '' : 's'}://127.0.0.1:${portOf(server)}/shop`,
    metricsPort: portOf(metrics),
    requests,
    orders,
    tell: (what) => {
      trouble = what;
    },
    end: async () => {
      for (const one of [server, metrics]) {
        one.closeAllConnections();
        await new Promise((resolve) => one.close(resolve));
      }
    },
  };
}

type Counted = { ok: number; failed: number; seconds: number; buckets: number[] };

function exposition({ ok, failed, seconds, buckets }: Counted): string {
  const all = ok + failed;
  return [
    '# TYPE shop_requests_total counter',
    `shop_requests_total{status="2xx"} ${ok}`,
    // As real apps do: no series of errors before the first.
    ...(failed > 0 ? [`shop_requests_total{status="5xx"} ${failed}`] : []),
    '# TYPE shop_request_seconds histogram',
    ...BUCKETS.map((bound, i) => `shop_request_seconds_bucket{le="${bound}"} ${buckets[i] ?? 0}`),
    `shop_request_seconds_bucket{le="+Inf"} ${all}`,
    `shop_request_seconds_sum ${seconds}`,
    `shop_request_seconds_count ${all}`,
    '',
  ].join('\n');
}
