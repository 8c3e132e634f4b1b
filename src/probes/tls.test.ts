import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { createServer, type TlsOptions } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { selfSigned } from './self-signed.ts';
import { observeTls } from './tls.ts';

const DAY_MS = 86_400_000;
const NOW = Date.now();
const identity = selfSigned({ notBefore: new Date(NOW - DAY_MS), notAfter: new Date(NOW + 20 * DAY_MS) });

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
});

async function listen(server: Server): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

async function tlsServer(options: TlsOptions): Promise<number> {
  const server = createServer({ ...identity, ...options });
  server.on('tlsClientError', () => {});
  return listen(server);
}

async function states(port: number) {
  const { handshakes } = await observeTls({ host: '127.0.0.1', port, timeoutMs: 3_000 });
  return Object.fromEntries(handshakes.map(({ version, state }) => [version, state]));
}

describe('a handshake with each protocol version', () => {
  it('is refused below TLS 1.2 by a server that is set so, although this client can speak them', async () => {
    const port = await tlsServer({ minVersion: 'TLSv1.2' });
    expect(await states(port)).toEqual({
      TLSv1: 'refused',
      'TLSv1.1': 'refused',
      'TLSv1.2': 'accepted',
      'TLSv1.3': 'accepted',
    });
  });

  it('is accepted at TLS 1.0 by a server that still allows it: the client itself does not refuse', async () => {
    const port = await tlsServer({ minVersion: 'TLSv1', maxVersion: 'TLSv1.2', ciphers: 'DEFAULT@SECLEVEL=0' });
    expect(await states(port)).toEqual({
      TLSv1: 'accepted',
      'TLSv1.1': 'accepted',
      'TLSv1.2': 'accepted',
      'TLSv1.3': 'refused',
    });
  });

  it('tells nothing where nobody listens, or where no TLS is spoken', async () => {
    const closed = await listen(createTcpServer());
    await new Promise((resolve) => servers.pop()?.close(resolve));
    const plain = await listen(createTcpServer((socket) => socket.resume().end('HTTP/1.1 400 Bad Request\r\n\r\n')));
    for (const port of [closed, plain])
      expect(new Set(Object.values(await states(port)))).toEqual(new Set(['cannot tell']));
  });
});

describe('the certificate', () => {
  const certificateAt = async (port: number, options: { ca?: string; serverName?: string }) => {
    const clock = { monotonicMs: () => 0, wallMs: () => NOW };
    const { certificate } = await observeTls({ host: '127.0.0.1', port, timeoutMs: 3_000, clock, ...options });
    return certificate.kind === 'seen' ? certificate.certificate : certificate;
  };

  it('is read with its names, days left and key, and held against the authority', async () => {
    const port = await tlsServer({});
    const seen = await certificateAt(port, { ca: identity.cert });
    expect(seen).toMatchObject({
      subject: 'CN=holdpoint control',
      issuer: 'CN=holdpoint control',
      subjectAltNames: ['DNS:localhost', 'IP Address:127.0.0.1'],
      key: 'ec prime256v1',
      chain: { kind: 'valid' },
      hostName: 'matches',
      ocsp: 'none',
    });
    expect('daysLeft' in seen && seen.daysLeft).toBeCloseTo(20, 3);
  });

  it('of an unknown authority or for another name says so', async () => {
    const port = await tlsServer({});
    expect(await certificateAt(port, {})).toMatchObject({ chain: { kind: 'not valid' }, hostName: 'matches' });
    const other = await certificateAt(port, { ca: identity.cert, serverName: 'shop.example' });
    expect(other).toMatchObject({ chain: { kind: 'valid' }, hostName: 'differs' });
  });

  it('that has expired is not valid, and its days are negative', async () => {
    const expired = selfSigned({ notBefore: new Date(NOW - 3 * DAY_MS), notAfter: new Date(NOW - DAY_MS) });
    const seen = await certificateAt(await tlsServer(expired), { ca: expired.cert });
    expect(seen).toMatchObject({ chain: { kind: 'not valid' } });
    expect('daysLeft' in seen && seen.daysLeft).toBeCloseTo(-1, 3);
  });
});
