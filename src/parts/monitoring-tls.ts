import { stringify } from 'yaml';
import type { Place } from '../runtimes/runtime.ts';
import type { Part } from './part.ts';

/** PEM texts by which a server proves itself, and the authority against which its clients check it. */
export type TlsFiles = { readonly certificate: string; readonly key: string; readonly authority: string };

/** The store in which Prometheus, Alertmanager and the exporters find their certificate. */
export const TLS_STORE = 'tls-monitoring';

/**
 * Certificate, key and authority for the monitoring servers, with the web configuration that all of them read (the
 * exporter-toolkit's format): TLS 1.2 and newer only.
 */
export function monitoringTls(tls: TlsFiles, place: Place): Part {
  const web = {
    tls_server_config: {
      cert_file: place.path(TLS_STORE, 'certificate.pem'),
      key_file: place.path(TLS_STORE, 'key.pem'),
      min_version: 'TLS12',
    },
  };
  const file = (path: string, content: string, mode: number) =>
    ({ store: TLS_STORE, path, content, mode, user: 'monitoring' }) as const;
  return {
    stores: [{ name: TLS_STORE, owner: 'monitoring' }],
    files: [
      file('certificate.pem', tls.certificate, 0o644),
      file('key.pem', tls.key, 0o600),
      file('authority.pem', tls.authority, 0o644),
      file('web.yml', stringify(web), 0o644),
    ],
    units: [],
  };
}

export const webConfig = (place: Place): string => place.path(TLS_STORE, 'web.yml');
export const authorityFile = (place: Place): string => place.path(TLS_STORE, 'authority.pem');
