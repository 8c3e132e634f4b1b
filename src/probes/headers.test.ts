import { createServer, type OutgoingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { headerFindings, observeHeaders } from './headers.ts';

const SOUND = {
  'strict-transport-security': 'max-age=31536000; includeSubDomains',
  'content-security-policy': "default-src 'self'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer, strict-origin-when-cross-origin',
  server: 'Caddy',
};

const state = (headers: Record<string, string>, header: string, scheme: 'http' | 'https' = 'https') =>
  headerFindings(headers, scheme).find((finding) => finding.header === header)?.state;

describe('response headers', () => {
  it('that follow OWASP are all met', () => {
    expect(headerFindings(SOUND, 'https').filter((finding) => finding.state !== 'met')).toEqual([]);
  });

  it('that are absent are missing, except those that should not tell', () => {
    const missing = headerFindings({}, 'https').filter((finding) => finding.state === 'missing');
    expect(missing.map(({ header }) => header)).toEqual([
      'strict-transport-security',
      'content-security-policy',
      'x-content-type-options',
      'x-frame-options',
      'referrer-policy',
    ]);
  });

  it.each([
    ['strict-transport-security', 'max-age=300; includeSubDomains'],
    ['strict-transport-security', 'max-age=31536000'],
    ['content-security-policy', "default-src 'self' 'unsafe-inline'"],
    ['content-security-policy', "script-src 'self'; script-src-elem *; script-src 'none'", 'met'],
    ['content-security-policy', "default-src *; script-src 'nonce-abc' 'unsafe-inline'", 'met'],
    ['content-security-policy', "img-src 'self'"],
    ['x-content-type-options', 'sniff'],
    ['x-frame-options', 'ALLOW-FROM https://example.org'],
    ['x-frame-options', 'deny', 'met'],
    ['referrer-policy', 'unsafe-url'],
    ['server', 'nginx/1.25.3'],
    ['x-powered-by', 'Express'],
  ])('%s: %s', (header, value, expected = 'weak') => {
    expect(state({ [header]: value }, header)).toBe(expected);
  });

  it('HSTS over plain HTTP binds nobody', () => {
    expect(state(SOUND, 'strict-transport-security', 'http')).toBe('weak');
  });

  it('of an error page or of no answer tell nothing', async () => {
    const answers: { status: number; headers: OutgoingHttpHeaders }[] = [
      { status: 200, headers: { 'x-content-type-options': 'nosniff' } },
      { status: 503, headers: SOUND },
    ];
    const server = createServer((_request, response) => {
      const { status, headers } = answers.shift() ?? { status: 500, headers: {} };
      response.writeHead(status, { ...headers, connection: 'close' }).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const target = { baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, timeoutMs: 2_000 };
    expect(await observeHeaders(target, '/')).toMatchObject({
      kind: 'observed',
      findings: expect.arrayContaining([expect.objectContaining({ header: 'x-content-type-options', state: 'met' })]),
    });
    expect((await observeHeaders(target, '/')).kind).toBe('cannot tell');
    await new Promise((resolve) => server.close(resolve));
    expect((await observeHeaders(target, '/')).kind).toBe('cannot tell');
  });
});
