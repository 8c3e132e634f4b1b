import { once } from 'node:events';
import { connect } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';

/** SHA-256 fingerprint of the certificate that a server on this machine shows; `postgres` asks for TLS first. */
export async function fingerprint(port: number, protocol: 'tls' | 'postgres' = 'tls'): Promise<string> {
  const plain = connect({ host: '127.0.0.1', port });
  await once(plain, 'connect');
  if (protocol === 'postgres') {
    // SSLRequest of the PostgreSQL protocol: its length, and the code 80877103.
    plain.write(Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]));
    const [answer] = (await once(plain, 'data')) as [Buffer];
    if (answer.toString() !== 'S') throw new Error('Postgres has no TLS');
  }
  // Which certificate it is is asked here, not whether it is trusted.
  const secured: TLSSocket = connectTls({ socket: plain, rejectUnauthorized: false });
  await once(secured, 'secureConnect');
  const found = secured.getPeerCertificate().fingerprint256;
  secured.destroy();
  return found;
}

/** Looks until what is found is wanted, at most `tries` times, and returns the last. */
export async function until<T>(look: () => Promise<T>, wanted: (found: T) => boolean, tries = 100): Promise<T> {
  for (let n = 1; ; n++) {
    const found = await look();
    if (wanted(found) || n >= tries) return found;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
