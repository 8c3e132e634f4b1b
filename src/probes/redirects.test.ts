import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { observePage } from './redirects.ts';

const WAYS: Readonly<Record<string, string>> = {
  '/': '/front?from=root',
  '/round': '/round',
  '/away': 'https://example.com/',
  '/broken': 'http://[',
};
let server: Server;
let target: { baseUrl: string; timeoutMs: number };
const asked: string[] = [];

beforeAll(async () => {
  server = createServer((request, answer) => {
    asked.push(`${request.method} ${request.url}`);
    const to = WAYS[request.url ?? ''];
    answer.writeHead(to === undefined ? 200 : 302, to === undefined ? {} : { location: to });
    answer.end('a page');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  target = { baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, timeoutMs: 2_000 };
});
afterAll(() => new Promise((resolve) => server.close(resolve)));

it('follows a redirect within the server, by GET', async () => {
  const page = await observePage(target, '/');
  expect(page).toMatchObject({ kind: 'page', path: '/front?from=root', observation: { exchange: { status: 200 } } });
  expect(asked.splice(0)).toEqual(['GET /', 'GET /front?from=root']);
});

it('does not go where another answers', async () => {
  expect(await observePage(target, '/away')).toEqual({ kind: 'leads away', to: 'https://example.com' });
});

it('ends where redirects do not, or lead to no URL', async () => {
  expect(await observePage(target, '/round')).toMatchObject({ kind: 'leads nowhere' });
  expect(await observePage(target, '/broken')).toMatchObject({ kind: 'leads nowhere' });
});
