import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { writeDurably } from '../ledger/durable-file.ts';
import type { KeyPair } from '../parts/certificates.ts';
import type { Environment } from './environment.ts';
import { keptSecret } from './secrets.ts';

/** The environment's own authority and its server certificate. */
export type EnvironmentCertificates = { readonly authority: string; readonly server: KeyPair };

const folderOf = (environment: Pick<Environment, 'folder'>) => join(environment.folder, 'certificates');

/** PEM file of the authority: what a client needs to trust this environment. */
export const authorityFile = (environment: Pick<Environment, 'folder'>): string =>
  join(folderOf(environment), 'authority.pem');

/**
 * The certificates of an environment: an authority made once, and a server certificate that is issued anew when it is
 * due for renewal or names another host. The authority's key never leaves the folder.
 */
export async function ensureCertificates(environment: Environment): Promise<EnvironmentCertificates> {
  const folder = folderOf(environment);
  const pair = JSON.parse(
    await keptSecret(folder, 'authority.json', async () => {
      const { createAuthority } = await x509();
      return JSON.stringify(await createAuthority(`${environment.app.name} ${environment.name}`, environment.clock()));
    }),
  ) as KeyPair;
  await written(authorityFile(environment), pair.certificate, 0o644);
  return { authority: pair.certificate, server: await serverCertificate(environment, folder, pair) };
}

/** Loaded by the first certificate: a plan that is only printed must not wait for some fifty files of ASN.1. */
const x509 = () => import('../parts/certificates.ts');

/** Whole or not at all. The folder is passed through by clients that read the authority's certificate. */
async function written(path: string, content: string, mode: number): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  await writeDurably(path, content, mode);
}

type KeptLeaf = KeyPair & { readonly hostname: string };

async function serverCertificate(environment: Environment, folder: string, authority: KeyPair): Promise<KeyPair> {
  const path = join(folder, 'server.json');
  const { hostname } = environment.settings;
  const now = environment.clock();
  const kept = await readFile(path, 'utf8').then(
    (text) => JSON.parse(text) as KeptLeaf,
    () => undefined,
  );
  const { issueLeaf, renewalDue } = await x509();
  if (kept && kept.hostname === hostname && !renewalDue(kept.certificate, now)) return kept;
  const leaf = await issueLeaf(authority, { hostnames: [hostname], uses: ['server'], now });
  await written(path, JSON.stringify({ ...leaf, hostname }), 0o600);
  return leaf;
}
