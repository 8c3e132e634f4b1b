import { expect, it } from 'vitest';
import { appFromText } from '../config/read.ts';
import { secretFiles } from './secret-files.ts';

it('files that hold a secret are no part of a release: those in the folder of the app, each once', () => {
  const reading = appFromText(
    [
      'name: shop',
      'services: { web: node a.js }',
      'database: { managed: false, url: "file:keys/database-url" }',
      'cache: { managed: false, url: "env:CACHE" }',
      'notifications: [{ webhook: "dotenv:.env#HOOK" }]',
      'secrets:',
      '  a: dotenv:.env#A',
      '  b: file:/etc/shop/b.key',
      '  c: file:../outside.key',
      '  d: generated:32',
      '  e: command:pass show e',
    ].join('\n'),
    'holdpoint.yaml',
    '/srv/shop',
  );
  if (reading.kind !== 'app') throw new Error(JSON.stringify(reading.problems));
  expect(secretFiles(reading.app)).toEqual(['.env', 'keys/database-url']);
});
