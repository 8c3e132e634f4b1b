import { expect, test } from 'vitest';
import type { Problem } from '../evidence/problem.ts';
import { isDiskFull, persistently, storeTrouble } from './persistence.ts';

const coded = (message: string, code: string, cause?: unknown) =>
  Object.assign(new Error(message, { cause }), { code });

test.each([
  ['a refused connection', coded('connect ECONNREFUSED', 'ECONNREFUSED')],
  ['a socket that is not there', coded('connect ENOENT /run/.s.PGSQL.5432', 'ENOENT')],
  ['a server that is starting', coded('the database system is starting up', '57P03')],
  ['a server that was shut down', coded('terminating connection', '57P01')],
  ['a connection that broke', new Error('Connection terminated unexpectedly')],
  ['trouble below another error', new Error('append failed', { cause: coded('write EPIPE', 'EPIPE') })],
  ['several at once', new AggregateError([coded('connect ETIMEDOUT', 'ETIMEDOUT')])],
])('%s is waited for', (_what, thrown) => {
  expect(storeTrouble(thrown)).toMatchObject({ kind: 'host' });
});

test.each([
  ['a full disk of Postgres', coded('could not extend file: No space left on device', '53100')],
  ['a full disk of ours', coded('ENOSPC: no space left on device, write', 'ENOSPC')],
  ['a quota', coded('EDQUOT', 'EDQUOT')],
])('%s is named and waited for', (_what, thrown) => {
  expect(isDiskFull(thrown)).toBe(true);
  expect(storeTrouble(thrown)?.what).toBe('the disk is full');
});

test.each([
  ['a statement that was cancelled', coded('canceling statement', '57014')],
  ['a unique violation', coded('duplicate key', '23505')],
  ['an error of ours', new Error('a leaf is too large')],
  ['no error at all', 'text'],
])('%s is not', (_what, thrown) => {
  expect(storeTrouble(thrown)).toBeUndefined();
});

test('work is repeated until the store is back, and the trouble is told once', async () => {
  const told: (Problem | 'up')[] = [];
  let failures = 2;
  const work = async () => {
    if (failures-- > 0) throw coded('connect ECONNREFUSED', 'ECONNREFUSED');
    return 'done';
  };
  const { signal } = new AbortController();
  expect(await persistently(work, { signal, down: (p) => told.push(p), up: () => told.push('up') })).toBe('done');
  expect(told).toMatchObject([{ kind: 'host' }, 'up']);
});

test('waiting ends with the process', async () => {
  const ending = new AbortController();
  const work = async () => {
    throw coded('connect ECONNREFUSED', 'ECONNREFUSED');
  };
  const waiting = persistently(work, { signal: ending.signal, down: () => ending.abort(), up: () => undefined });
  await expect(waiting).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});
