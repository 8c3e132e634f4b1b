import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { selfSigned } from '../self-signed.ts';
import { generateLoad, type LoadOptions } from './generator.ts';
import type { LoadPlan } from './plan.ts';
import type { LoadResult } from './result.ts';
import { runLoad } from './run.ts';
import { type ScriptedServer, type ScriptedServerOptions, startScriptedServer } from './scripted-server.ts';

const cleanUps: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp();
});

async function scripted(options: Partial<ScriptedServerOptions>): Promise<ScriptedServer> {
  const server = await startScriptedServer({ latency: { kind: 'constant', ms: 0 }, ...options });
  cleanUps.push(() => server.close());
  return server;
}

const plan = (baseUrl: string, overrides: Partial<LoadPlan> = {}): LoadPlan => ({
  baseUrl,
  requests: [{ name: 'stock', weight: 1, method: 'GET', path: '/stock' }],
  ratePerSecond: 200,
  durationMs: 500,
  warmUpMs: 0,
  connections: 10,
  timeoutMs: 2_000,
  ...overrides,
});

async function load(loadPlan: LoadPlan, options: LoadOptions = {}): Promise<LoadResult> {
  const outcome = await generateLoad(loadPlan, options);
  if (outcome.kind === 'not run') throw new Error(outcome.reason);
  return outcome.result;
}

const everyTenth = (behaviour: ReturnType<NonNullable<ScriptedServerOptions['misbehaves']>>) => (request: number) =>
  request % 10 === 3 ? behaviour : 'none';

describe('the load generator counts each request that it meant to send, and sends none twice', () => {
  it('answered by a sound server: all, on no more connections than it may open', async () => {
    const server = await scripted({});
    const { measured, connections, ended } = await load(plan(server.url, { connections: 3 }));
    expect(measured).toMatchObject({ intended: 100, answered: 100, failed: 0, unclear: 0, byStatus: { 200: 100 } });
    expect(server.received()).toBe(100);
    expect(connections.opened).toBeLessThanOrEqual(3);
    expect(ended).toEqual({ kind: 'complete' });
  });

  it.each([
    ['cut mid-answer', 'answer cut'],
    ['close without answer', 'connection closed before the answer'],
    ['reset without answer', 'connection closed before the answer'],
    ['answer garbage', 'answer is not HTTP'],
  ] as const)('%s: unclear, for the server had the request', async (behaviour, reason) => {
    const server = await scripted({ misbehaves: everyTenth(behaviour) });
    const { measured } = await load(plan(server.url));
    expect(measured).toMatchObject({
      intended: 100,
      answered: 90,
      failed: 0,
      unclear: 10,
      unclearBy: { [reason]: 10 },
    });
    expect(server.received()).toBe(100);
  });

  it('no answer in time: unclear, and ranked above every answered request', async () => {
    const server = await scripted({ misbehaves: everyTenth('never answer') });
    const { measured } = await load(plan(server.url, { timeoutMs: 300 }));
    expect(measured).toMatchObject({
      intended: 100,
      answered: 90,
      unclear: 10,
      unclearBy: { 'no answer in time': 10 },
    });
    expect(measured.latency).toMatchObject({ p95: { value: 'unanswered', high: 'unbounded' } });
  });

  it('no connection free in time: failed, for it never left', async () => {
    const server = await scripted({ misbehaves: () => 'never answer' });
    // All are due within 5 ms, which is too short for a new connection after each that timed out.
    const burst = { timeoutMs: 700, connections: 1, ratePerSecond: 20_000, durationMs: 5 };
    const { measured } = await load(plan(server.url, burst));
    expect(measured.intended).toBe(100);
    // One that timed out in the moment of its sending may have arrived or not: it is unclear, too.
    expect(server.received()).toBeLessThanOrEqual(measured.unclear);
    expect(measured.failedBy).toEqual({ 'no connection in time': 100 - measured.unclear });
  });

  it('refused: failed', async () => {
    const server = await scripted({});
    await server.close();
    cleanUps.pop();
    const { measured } = await load(plan(server.url));
    expect(measured).toMatchObject({
      intended: 100,
      answered: 0,
      failed: 100,
      failedBy: { 'connection refused': 100 },
    });
    expect(measured.latency).toMatchObject({ n: 0, unanswered: 100, p50: { value: 'unanswered' } });
  });

  it('a 500 is answered, by its own status', async () => {
    const server = await scripted({ misbehaves: everyTenth('answer 500') });
    const { measured } = await load(plan(server.url));
    expect(measured).toMatchObject({ answered: 100, byStatusClass: { '2xx': 90, '5xx': 10 } });
  });

  it('a connection closed while idle is replaced, and what was on one that closed is counted', async () => {
    const server = await scripted({ misbehaves: everyTenth('close after answer') });
    const closing = setInterval(() => server.closeIdleConnections(), 50);
    const { measured, connections } = await load(plan(server.url));
    clearInterval(closing);
    expect(measured.intended).toBe(100);
    expect(measured.answered + measured.unclear + measured.failed).toBe(100);
    // Whatever the server got it got once.
    expect(server.received()).toBeLessThanOrEqual(100);
    expect(server.received()).toBeGreaterThanOrEqual(measured.answered);
    expect(connections.opened).toBeGreaterThan(10);
  });

  it('a TLS server whose authority is unknown: failed; known by the CA file: answered', async () => {
    const identity = selfSigned({
      notBefore: new Date(Date.now() - 60_000),
      notAfter: new Date(Date.now() + 3_600_000),
    });
    const directory = await mkdtemp(join(tmpdir(), 'holdpoint-load-'));
    cleanUps.push(() => rm(directory, { recursive: true }));
    const caFile = join(directory, 'ca.pem');
    await writeFile(caFile, identity.cert);
    const server = await scripted({ tls: identity });
    const strangers = await load(plan(server.url, { durationMs: 50 }));
    expect(strangers.measured).toMatchObject({ failed: 10, failedBy: { 'TLS handshake failed': 10 } });
    const known = await load(plan(server.url, { caFile }));
    expect(known.measured).toMatchObject({ answered: 100, failed: 0, unclear: 0 });
  });
});

describe('the plan of a load', () => {
  it('spreads a weighted mix evenly, and fills in templates', async () => {
    const seen: string[] = [];
    const server = createServer((socket) => {
      socket.on('data', (bytes) => {
        seen.push(bytes.toString());
        socket.write('HTTP/1.1 204 No Content\r\n\r\n');
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = address !== null && typeof address === 'object' ? address.port : 0;
    const requests = [
      { name: 'read', weight: 9, method: 'GET', path: '/products/{{sequence mod 7}}' },
      {
        name: 'move',
        weight: 1,
        method: 'POST',
        path: '/movements',
        headers: { 'Idempotency-Key': '{{key}}', 'Content-Type': 'application/json' },
        body: '{"key":"{{key}}","n":{{sequence}}}',
      },
    ];
    const { byRequest } = await load(plan(`http://127.0.0.1:${port}`, { requests }));
    await new Promise((resolve) => server.close(resolve));
    expect(byRequest).toMatchObject({ read: { answered: 90 }, move: { answered: 10 } });
    const moves = seen.filter((text) => text.startsWith('POST /movements'));
    const keys = moves.map((text) => /idempotency-key: (\S+)[\s\S]*"key":"(\S+?)"/.exec(text));
    expect(new Set(keys.map((match) => match?.[1])).size).toBe(10);
    for (const match of keys) expect(match?.[1]).toBe(match?.[2]);
    expect(seen.some((text) => text.startsWith('GET /products/6 HTTP/1.1'))).toBe(true);
  });

  it('counts the warm-up apart', async () => {
    const server = await scripted({ misbehaves: (request) => (request < 40 ? 'answer 500' : 'none') });
    const { warmUp, measured, series } = await load(plan(server.url, { warmUpMs: 200, durationMs: 1_500 }));
    expect(warmUp).toMatchObject({ intended: 40, byStatus: { 500: 40 } });
    expect(measured).toMatchObject({ intended: 300, byStatus: { 200: 300 } });
    expect(series.map(({ second, intended }) => ({ second, intended }))).toEqual([
      { second: 0, intended: 200 },
      { second: 1, intended: 100 },
    ]);
  });

  it('names all that is wrong with it and sends nothing', async () => {
    const requests = [{ name: 'bad', weight: 0, method: 'get it', path: 'nowhere/{{uuid}}', headers: { 'a b': 'c' } }];
    const outcome = await generateLoad(plan('ftp://127.0.0.1', { ratePerSecond: 0, requests }));
    expect(outcome.kind).toBe('not run');
    const reason = outcome.kind === 'not run' ? outcome.reason : '';
    for (const part of ['ftp://', 'rate', 'weight 0', "method 'get it'", "path 'nowhere", '{{uuid}}', 'a b'])
      expect(reason).toContain(part);
  });
});

describe('a load that ends early', () => {
  it('stops at an abort, and what was on the way is unclear', async () => {
    const server = await scripted({ latency: { kind: 'constant', ms: 60_000 } });
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 300);
    const result = await load(plan(server.url, { durationMs: 60_000, connections: 500 }), { signal: abort.signal });
    expect(result.ended.kind).toBe('aborted');
    expect(result.measured.unclear).toBeGreaterThan(0);
    expect(result.measured.intended).toBe(result.measured.failed + result.measured.unclear);
    expect(result.measured.intended).toBeLessThan(1_000);
  });

  it('runs in a process of its own, tells each second, and hands over what it has at an abort', async () => {
    const server = await scripted({});
    const abort = new AbortController();
    const seconds: number[] = [];
    const outcome = await runLoad(plan(server.url, { durationMs: 60_000 }), {
      signal: abort.signal,
      onSecond: ({ second }) => {
        seconds.push(second);
        if (second === 1) abort.abort();
      },
    });
    expect(seconds.slice(0, 2)).toEqual([0, 1]);
    expect(outcome).toMatchObject({ kind: 'ran', result: { ended: { kind: 'aborted' } } });
    if (outcome.kind === 'ran') expect(outcome.result.measured.answered).toBeGreaterThanOrEqual(400);
  });

  it('does not outlive a caller that is killed', async () => {
    const server = await scripted({});
    const caller = [
      `import { runLoad } from ${JSON.stringify(new URL('./run.ts', import.meta.url).href)};`,
      `await runLoad(${JSON.stringify(plan(server.url, { durationMs: 60_000 }))});`,
    ].join('\n');
    const parameters = ['--import', import.meta.resolve('tsx'), '--input-type=module', '--eval', caller];
    const child = spawn(process.execPath, parameters, { stdio: 'ignore' });
    await until(() => server.received() > 20);
    child.kill('SIGKILL');
    await until(() => server.openConnections() === 0);
  });
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20));
}
