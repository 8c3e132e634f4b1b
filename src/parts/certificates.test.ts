import { createPrivateKey, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer } from 'node:tls';
import { beforeAll, describe, expect, it } from 'vitest';
import { days, type Instant, later, systemClock } from '../evidence/units.ts';
import {
  certificateFacts,
  certificateFiles,
  createAuthority,
  issueLeaf,
  type KeyPair,
  renewalDue,
} from './certificates.ts';

const now: Instant = systemClock();
let authority: KeyPair;
let leaf: KeyPair;
beforeAll(async () => {
  authority = await createAuthority('stockroom production', now);
  leaf = await issueLeaf(authority, { hostnames: ['stockroom.test'], uses: ['server', 'client'], now });
});

/** What a client says of a server with this leaf. */
async function handshake(servername: string, ca: string): Promise<'authorized' | string> {
  const server = createServer({ cert: leaf.certificate, key: leaf.key }, (socket) => socket.end('hello'));
  server.on('tlsClientError', () => {});
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  try {
    const socket = connect({ port: address.port, host: '127.0.0.1', servername, ca });
    await once(socket, 'secureConnect');
    socket.destroy();
    return 'authorized';
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
  } finally {
    server.close();
  }
}

describe('certificates of an authority of one’s own', () => {
  it.each(['stockroom.test', 'localhost'])('are accepted for %s by a client that knows the authority', async (name) => {
    expect(await handshake(name, authority.certificate)).toBe('authorized');
  });

  it('are refused for another name, and by a client that knows another authority', async () => {
    expect(await handshake('other.test', authority.certificate)).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
    const stranger = await createAuthority('stockroom production', now);
    expect(await handshake('localhost', stranger.certificate)).toMatch(/SIGNATURE|UNABLE|SELF_SIGNED/);
  });

  it('say what they are: an authority that signs leaves only, a leaf that signs nothing', () => {
    const root = new X509Certificate(authority.certificate);
    const certificate = new X509Certificate(leaf.certificate);
    expect(root.ca).toBe(true);
    expect(certificate.ca).toBe(false);
    expect(certificate.verify(root.publicKey)).toBe(true);
    expect(certificate.subjectAltName).toBe('DNS:stockroom.test, DNS:localhost, IP Address:127.0.0.1');
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
    expect(createPrivateKey(leaf.key).asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' });
  });

  it('are due for renewal with a third of their life left, not before', () => {
    const { notAfter } = certificateFacts(leaf.certificate);
    expect(renewalDue(leaf.certificate, now)).toBe(false);
    expect(renewalDue(leaf.certificate, later(notAfter, days(-31)))).toBe(false);
    expect(renewalDue(leaf.certificate, later(notAfter, days(-29)))).toBe(true);
    expect(renewalDue(leaf.certificate, later(notAfter, days(1)))).toBe(true);
  });

  it('lie in files that only their user may read the key of', () => {
    const files = certificateFiles('caddy', 'proxy', leaf, authority.certificate);
    expect(files.map(({ path, mode }) => [path, mode])).toEqual([
      ['ca.crt', 0o644],
      ['tls.crt', 0o644],
      ['tls.key', 0o600],
    ]);
  });
});
