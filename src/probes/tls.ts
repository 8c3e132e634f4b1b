import type { KeyObject, X509Certificate } from 'node:crypto';
import { type AddressInfo, isIP } from 'node:net';
import {
  type ConnectionOptions,
  connect,
  createServer,
  type SecureContextOptions,
  type SecureVersion,
  type TLSSocket,
} from 'node:tls';
import { type Clock, systemClock } from './clock.ts';
import { errorText } from './exchange.ts';
import { selfSigned } from './self-signed.ts';

export const TLS_VERSIONS = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const;
export type TlsVersion = (typeof TLS_VERSIONS)[number];

/** What came of one handshake that offered exactly one protocol version. */
export type Handshake =
  | { readonly state: 'accepted'; readonly version: TlsVersion; readonly cipher: string }
  | { readonly state: 'refused'; readonly version: TlsVersion; readonly reason: string }
  | { readonly state: 'cannot tell'; readonly version: TlsVersion; readonly reason: string };

export interface CertificateObservation {
  readonly subject: string;
  readonly subjectAltNames: readonly string[];
  readonly issuer: string;
  /** ISO 8601. */
  readonly notBefore: string;
  readonly notAfter: string;
  /** Until notAfter, in days; negative once expired. */
  readonly daysLeft: number;
  /** Such as `ec prime256v1` or `rsa 2048`. */
  readonly key: string;
  readonly fingerprintSha256: string;
  readonly chain: { readonly kind: 'valid' } | { readonly kind: 'not valid'; readonly reason: string };
  readonly hostName: 'matches' | 'differs';
  /** Whether the server staples an OCSP answer; one that is not stapled is not asked for elsewhere. */
  readonly ocsp: 'stapled' | 'none';
}

export interface TlsObservation {
  /** ISO 8601. */
  readonly at: string;
  readonly host: string;
  readonly port: number;
  readonly handshakes: readonly Handshake[];
  readonly certificate:
    | { readonly kind: 'seen'; readonly certificate: CertificateObservation }
    | { readonly kind: 'not seen'; readonly reason: string };
}

export interface TlsTarget {
  readonly host: string;
  readonly port: number;
  /** Name to ask for and to find in the certificate; `host` by default. */
  readonly serverName?: string;
  /** PEM of the authorities to hold the chain against instead of the system's. */
  readonly ca?: string;
  readonly timeoutMs: number;
  readonly clock?: Clock;
}

/**
 * Tries each protocol version in a handshake of its own and reads the certificate.
 * A refusal counts only if this client has just spoken that very version to a control server in this process, and if the
 * server accepts another version: else it may be the client that refuses, or no TLS server at all.
 */
export async function observeTls(target: TlsTarget): Promise<TlsObservation> {
  const clock = target.clock ?? systemClock;
  const at = new Date(clock.wallMs()).toISOString();
  const handshakes: Handshake[] = [];
  for (const version of TLS_VERSIONS) {
    const control = await speaksVersion(version, target.timeoutMs);
    handshakes.push(
      control.state === 'accepted'
        ? (await handshake(target, version)).outcome
        : {
            state: 'cannot tell',
            version,
            reason: `this client did not reach its own control server: ${control.reason}`,
          },
    );
  }
  const certificate = await readCertificate(target, clock);
  return { at, host: target.host, port: target.port, handshakes: refusalsOfTlsServer(handshakes), certificate };
}

/** Without one accepted version there is no sign that TLS is spoken there at all. */
function refusalsOfTlsServer(handshakes: readonly Handshake[]): readonly Handshake[] {
  if (handshakes.some(({ state }) => state === 'accepted')) return handshakes;
  return handshakes.map((seen) =>
    seen.state === 'refused'
      ? { ...seen, state: 'cannot tell', reason: `no version at all is accepted there (${seen.reason})` }
      : seen,
  );
}

interface HandshakeEnd<Seen> {
  readonly outcome: Handshake;
  readonly seen?: Seen;
}

function handshake<Seen>(
  target: TlsTarget,
  version: TlsVersion | 'any',
  look?: (socket: TLSSocket, stapled: boolean) => Seen,
): Promise<HandshakeEnd<Seen>> {
  const named = version === 'any' ? 'TLSv1.3' : version;
  return new Promise((resolve) => {
    let connected = false;
    let stapled = false;
    const socket = connect(clientOptions(target, version));
    const end = (result: HandshakeEnd<Seen>) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(result);
    };
    const timer = setTimeout(
      () =>
        end({
          outcome: { state: 'cannot tell', version: named, reason: `no handshake within ${target.timeoutMs} ms` },
        }),
      target.timeoutMs,
    );
    socket.on('connect', () => {
      connected = true;
    });
    socket.on('OCSPResponse', (response: Buffer | null) => {
      stapled = response !== null && response.length > 0;
    });
    socket.on('secureConnect', () => {
      const outcome: Handshake = {
        state: 'accepted',
        version: protocolOf(socket) ?? named,
        cipher: socket.getCipher().standardName,
      };
      end(look === undefined ? { outcome } : { outcome, seen: look(socket, stapled) });
    });
    // A server may refuse by an alert or by closing; only one that was never reached says nothing.
    const refused = (reason: string) =>
      end({ outcome: { state: connected ? 'refused' : 'cannot tell', version: named, reason } });
    socket.on('error', (error) => refused(errorText(error)));
    socket.on('close', () => refused('the server closed the connection in the handshake'));
  });
}

/** `requestOCSP` is documented for a TLSSocket and passed on by `connect`, whose types leave it out. */
function clientOptions(target: TlsTarget, version: TlsVersion | 'any'): ConnectionOptions & { requestOCSP: true } {
  const serverName = target.serverName ?? target.host;
  return {
    host: target.host,
    port: target.port,
    rejectUnauthorized: false,
    requestOCSP: true,
    ...(isIP(serverName) === 0 ? { servername: serverName } : {}),
    ...(target.ca === undefined ? {} : { ca: target.ca }),
    ...(version === 'any' ? {} : versionOptions(version)),
  };
}

/** OpenSSL 3 offers TLS below 1.2 at security level 0 only. */
function versionOptions(version: SecureVersion): SecureContextOptions {
  return { minVersion: version, maxVersion: version, ciphers: 'DEFAULT@SECLEVEL=0' };
}

function protocolOf(socket: TLSSocket): TlsVersion | undefined {
  return TLS_VERSIONS.find((version) => version === socket.getProtocol());
}

/** The positive control: a server in this process that accepts `version` and nothing else. */
async function speaksVersion(
  version: TlsVersion,
  timeoutMs: number,
): Promise<{ readonly state: 'accepted' } | { readonly state: 'failed'; readonly reason: string }> {
  const now = Date.now();
  const identity = selfSigned({ notBefore: new Date(now - 60_000), notAfter: new Date(now + 3_600_000) });
  const server = createServer({ ...identity, ...versionOptions(version) });
  server.on('tlsClientError', () => {});
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', resolve);
    });
    const { port } = server.address() as AddressInfo;
    const { outcome } = await handshake({ host: '127.0.0.1', port, timeoutMs }, version);
    return outcome.state === 'accepted' ? { state: 'accepted' } : { state: 'failed', reason: outcome.reason };
  } catch (error) {
    return { state: 'failed', reason: errorText(error) };
  } finally {
    server.close();
  }
}

async function readCertificate(target: TlsTarget, clock: Clock): Promise<TlsObservation['certificate']> {
  const { outcome, seen } = await handshake(target, 'any', (socket, stapled) => {
    const x509 = socket.getPeerX509Certificate();
    return x509 === undefined ? undefined : describe(x509, socket, stapled, target, clock);
  });
  if (seen !== undefined) return { kind: 'seen', certificate: seen };
  return {
    kind: 'not seen',
    reason: outcome.state === 'accepted' ? 'the server showed no certificate' : outcome.reason,
  };
}

function describe(
  x509: X509Certificate,
  socket: TLSSocket,
  stapled: boolean,
  target: TlsTarget,
  clock: Clock,
): CertificateObservation {
  const notAfter = new Date(x509.validTo);
  const name = target.serverName ?? target.host;
  const matching = isIP(name) === 0 ? x509.checkHost(name) : x509.checkIP(name);
  return {
    subject: x509.subject ?? '',
    subjectAltNames: x509.subjectAltName?.split(', ') ?? [],
    issuer: x509.issuer,
    notBefore: new Date(x509.validFrom).toISOString(),
    notAfter: notAfter.toISOString(),
    daysLeft: (notAfter.getTime() - clock.wallMs()) / 86_400_000,
    key: keyOf(x509.publicKey),
    fingerprintSha256: x509.fingerprint256,
    chain: chainOf(socket),
    hostName: matching === undefined ? 'differs' : 'matches',
    ocsp: stapled ? 'stapled' : 'none',
  };
}

function chainOf(socket: TLSSocket): CertificateObservation['chain'] {
  const error: unknown = socket.authorizationError;
  // Node calls a name that differs an authorization error too; that is `hostName` here, and says nothing of the chain.
  if (socket.authorized || String(error).includes('ERR_TLS_CERT_ALTNAME_INVALID')) return { kind: 'valid' };
  return { kind: 'not valid', reason: error instanceof Error ? errorText(error) : String(error) };
}

function keyOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): string {
  const size = asymmetricKeyDetails?.namedCurve ?? asymmetricKeyDetails?.modulusLength;
  return [asymmetricKeyType, size].filter((part) => part !== undefined).join(' ');
}
