import './reflect-metadata.ts';
import { webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import type { X509Certificate as Certificate } from '@peculiar/x509';
import { between, days, type Instant, instant, later, type Milliseconds, minutes } from '../evidence/units.ts';
import type { UnitFile, UnitUser } from '../runtimes/unit.ts';

// Loaded here and not by an import statement: a bundle moves those of packages before everything else, and the polyfill has
// to be there first.
const {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  cryptoProvider,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} = await import('@peculiar/x509');

cryptoProvider.set(webcrypto);

/** A certificate and its private key, both PEM. The key is a secret: it goes into files of mode 0600 only. */
export type KeyPair = { readonly certificate: string; readonly key: string };

export const AUTHORITY_LIFETIME: Milliseconds = days(3_650);
/** As long as public authorities' certificates of these years live; renewed long before. */
export const LEAF_LIFETIME: Milliseconds = days(90);
/** A clock that is a little behind must not find the certificate "not yet valid". */
const BACKDATED: Milliseconds = minutes(10);
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/** A certificate authority of one's own: signs leaves, and nothing below them. */
export async function createAuthority(name: string, now: Instant): Promise<KeyPair> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: [{ CN: [name] }, { O: ['Holdpoint'] }],
    ...validity(now, AUTHORITY_LIFETIME),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: pem(certificate), key: await privateKeyPem(keys.privateKey) };
}

export type LeafUse = 'server' | 'client';

/**
 * A certificate for servers on this machine: valid for the hostnames, `localhost` and 127.0.0.1. Its PEM holds the leaf
 * alone: the authority is the root that clients are given.
 */
export async function issueLeaf(
  authority: KeyPair,
  leaf: {
    readonly hostnames: readonly string[];
    readonly uses: readonly LeafUse[];
    readonly now: Instant;
    readonly lifetime?: Milliseconds;
  },
): Promise<KeyPair> {
  const issuer = new X509Certificate(authority.certificate);
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const names = [...new Set([...leaf.hostnames, 'localhost', '127.0.0.1'])];
  const certificate = await X509CertificateGenerator.create({
    subject: [{ CN: [names[0] ?? 'localhost'] }],
    issuer: issuer.subjectName,
    ...validity(leaf.now, leaf.lifetime ?? LEAF_LIFETIME),
    signingAlgorithm: ALGORITHM,
    publicKey: keys.publicKey,
    signingKey: await importedKey(authority.key),
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension(
        leaf.uses.map((use) => (use === 'server' ? ExtendedKeyUsage.serverAuth : ExtendedKeyUsage.clientAuth)),
      ),
      new SubjectAlternativeNameExtension(
        names.map((name) => ({ type: isIP(name) === 0 ? ('dns' as const) : ('ip' as const), value: name })),
      ),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
      await AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  });
  return { certificate: pem(certificate), key: await privateKeyPem(keys.privateKey) };
}

export type CertificateFacts = { readonly notBefore: Instant; readonly notAfter: Instant; readonly subject: string };

export function certificateFacts(certificate: string): CertificateFacts {
  const { notBefore, notAfter, subject } = new X509Certificate(certificate);
  return { notBefore: instant(notBefore.getTime()), notAfter: instant(notAfter.getTime()), subject };
}

/** The share of a certificate's life that is left when it is renewed: a third, so 30 of 90 days, as ACME clients do. */
const RENEWED_WITH = 1 / 3;

export function renewalDue(certificate: string, now: Instant): boolean {
  const { notBefore, notAfter } = certificateFacts(certificate);
  return between(now, notAfter) <= between(notBefore, notAfter) * RENEWED_WITH;
}

/** `tls.crt`, `tls.key` and `ca.crt` for a part, in a store of its own. */
export const certificateFiles = (
  store: string,
  user: UnitUser,
  leaf: KeyPair,
  authority: string,
): readonly UnitFile[] => [
  { store, path: 'ca.crt', content: authority, mode: 0o644, user },
  { store, path: 'tls.crt', content: leaf.certificate, mode: 0o644, user },
  { store, path: 'tls.key', content: leaf.key, mode: 0o600, user },
];

const validity = (now: Instant, lifetime: Milliseconds) => ({
  notBefore: new Date(now - BACKDATED),
  notAfter: new Date(later(now, lifetime)),
});

const pem = (certificate: Certificate): string => `${certificate.toString('pem')}\n`;

async function privateKeyPem(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key)).toString('base64');
  return `-----BEGIN PRIVATE KEY-----\n${der.replace(/(.{64})(?!$)/g, '$1\n')}\n-----END PRIVATE KEY-----\n`;
}

async function importedKey(text: string): Promise<webcrypto.CryptoKey> {
  const der = Buffer.from(text.replace(/-----[^-]+-----|\s/g, ''), 'base64');
  return webcrypto.subtle.importKey('pkcs8', der, ALGORITHM, false, ['sign']);
}
