import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import {
  type Expectation,
  type HttpObservation,
  match,
  observe,
  observeWithControl,
  randomPathBeside,
} from './http.ts';
import { type Misbehaviour, startScriptedServer } from './load/scripted-server.ts';
import { selfSigned } from './self-signed.ts';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp();
});

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanUps.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}

const serve = async (listener: RequestListener) => `http://127.0.0.1:${await listen(createServer(listener))}`;
const get = { method: 'GET', path: '/health' };

function matchOf(observation: HttpObservation, expectation: Expectation) {
  const result = match(observation.exchange, expectation);
  return result.kind === 'differs' ? result.differences : result.kind;
}

describe('one observed request', () => {
  it('carries status, headers, a limited body and its times', async () => {
    const baseUrl = await serve((_request, response) =>
      response.writeHead(201, { 'content-type': 'text/plain' }).end('a'.repeat(5_000)),
    );
    const { exchange, url } = await observe(
      { baseUrl, timeoutMs: 2_000, bodyLimit: 100 },
      { ...get, method: 'POST', body: 'x' },
    );
    expect(exchange).toMatchObject({
      end: 'answered',
      status: 201,
      bodyBytes: 5_000,
      headers: { 'content-type': 'text/plain' },
    });
    expect(exchange.end === 'answered' && exchange.body.length).toBe(100);
    const { startedMs, sentMs = 0, firstByteMs = 0, endedMs } = exchange.timing;
    expect([startedMs, sentMs, firstByteMs, endedMs]).toEqual(
      [startedMs, sentMs, firstByteMs, endedMs].toSorted((a, b) => a - b),
    );
    expect(url).toBe(`${baseUrl}/health`);
  });

  it.each([
    ['cut mid-answer', 'answer cut'],
    ['close without answer', 'connection closed before the answer'],
    ['reset without answer', 'connection closed before the answer'],
    ['never answer', 'no answer in time'],
    ['answer garbage', 'answer is not HTTP'],
  ] as [Misbehaviour, string][])('that a server ends by %s is unclear', async (behaviour, reason) => {
    const server = await startScriptedServer({ latency: { kind: 'constant', ms: 0 }, misbehaves: () => behaviour });
    cleanUps.push(() => server.close());
    const { exchange } = await observe({ baseUrl: server.url, timeoutMs: 300 }, get);
    expect(exchange).toMatchObject({ end: 'unclear', reason });
    expect(server.received()).toBe(1);
  });

  it('to a closed port, an unknown name or with an illegal path is failed', async () => {
    const server = await startScriptedServer({ latency: { kind: 'constant', ms: 0 } });
    await server.close();
    const ends = await Promise.all([
      observe({ baseUrl: server.url, timeoutMs: 2_000 }, get),
      observe({ baseUrl: 'http://holdpoint.invalid', timeoutMs: 5_000 }, get),
      observe({ baseUrl: server.url, timeoutMs: 2_000 }, { ...get, method: 'NOT A METHOD' }),
    ]);
    expect(ends.map(({ exchange }) => (exchange.end === 'failed' ? exchange.reason : exchange.end))).toEqual([
      'connection refused',
      'name not resolved',
      'not a valid request',
    ]);
  });

  it('over TLS is failed where the authority is unknown, and says what was negotiated where it is known', async () => {
    const identity = selfSigned({
      notBefore: new Date(Date.now() - 60_000),
      notAfter: new Date(Date.now() + 3_600_000),
    });
    const baseUrl = `https://127.0.0.1:${await listen(createTlsServer(identity, (_request, response) => response.end('{}')))}`;
    const stranger = await observe({ baseUrl, timeoutMs: 2_000 }, get);
    expect(stranger.exchange).toMatchObject({ end: 'failed', reason: 'TLS handshake failed' });
    const known = await observe({ baseUrl, timeoutMs: 2_000, ca: identity.cert }, get);
    expect(known).toMatchObject({
      exchange: { end: 'answered' },
      tls: { protocol: 'TLSv1.3', certificate: { kind: 'trusted' } },
    });
    const looked = await observe({ baseUrl, timeoutMs: 2_000, certificate: 'not verified' }, get);
    expect(looked).toMatchObject({ exchange: { end: 'answered' }, tls: { certificate: { kind: 'not trusted' } } });
  });
});

describe('an expectation', () => {
  it('holds status, type and body against the answer, and names each difference', async () => {
    const body = JSON.stringify({
      status: 'ok',
      checks: [
        { name: 'db', up: true },
        { name: 'cache', up: false },
      ],
    });
    const baseUrl = await serve((_request, response) =>
      response.writeHead(200, { 'content-type': 'Application/JSON; charset=utf-8' }).end(body),
    );
    const seen = await observe({ baseUrl, timeoutMs: 2_000 }, get);
    const type = 'application/json';
    expect(matchOf(seen, { status: 200, type, body: { json: { status: 'ok', checks: [{ name: 'cache' }] } } })).toBe(
      'matches',
    );
    expect(matchOf(seen, { status: [200, 204], body: { contains: '"status":"ok"' } })).toBe('matches');
    expect(matchOf(seen, { status: 204, type: 'text/html', body: { json: { status: 'up', since: 1 } } })).toEqual([
      'status 200, expected 204',
      'type application/json, expected text/html',
      'body.status is not "up"',
      'body.since is absent',
    ]);
    expect(matchOf(seen, { status: 200, body: { json: { checks: [{ name: 'db', up: false }] } } })).toHaveLength(1);
  });

  it('is not met by a server that answers every path so: the random path is the control', async () => {
    const toAnything = await serve((_request, response) => response.end('ok'));
    const honest = await serve((request, response) =>
      response.writeHead(request.url === '/health' ? 200 : 404).end('ok'),
    );
    const check = (baseUrl: string) => observeWithControl({ baseUrl, timeoutMs: 2_000 }, get, { status: 200 });
    expect((await check(toAnything)).match.kind).toBe('cannot tell');
    expect((await check(honest)).match.kind).toBe('matches');
  });

  it('has its control beside the path', () => {
    expect(randomPathBeside('/api/health?x=/y')).toMatch(/^\/api\/holdpoint-control-[0-9a-f-]{36}$/);
  });
});
