import { relative } from 'node:path';
import type { App, SecretReference } from '../config/app.ts';

/** Files of the app's folder that hold a secret which holdpoint.yaml refers to: never part of a release. Relative to its root. */
export function secretFiles({ root, secrets, database, cache, observe, notifications }: App): string[] {
  const references: readonly (SecretReference | undefined)[] = [
    ...secrets.map(({ from }) => (from.kind === 'generated' ? undefined : from)),
    database?.managed.kind === 'by-url' ? database.managed.url : undefined,
    cache?.managed.kind === 'by-url' ? cache.managed.url : undefined,
    observe?.database,
    ...notifications.map(({ url }) => (typeof url === 'string' ? undefined : url)),
  ];
  const paths = references.flatMap((reference) =>
    reference?.kind === 'file' || reference?.kind === 'dotenv' ? [relative(root, reference.path)] : [],
  );
  return [...new Set(paths)].filter((path) => path !== '' && path !== '..' && !path.startsWith('../'));
}
