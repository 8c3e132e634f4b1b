import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { cutText, findSecret, withoutSecrets } from './secret-search.ts';

// Made up for each run, so that no file holds anything that looks like a leaked one.
const value = `pa"ss/${Math.random().toString(36).slice(2)}`;
const secrets = [{ name: 'login', value }];

describe('a text with its secrets blotted out', () => {
  it.each([
    ['as it is', value],
    ['escaped as in JSON', JSON.stringify({ password: value })],
    ['escaped as in a URL', `postgresql://app:${encodeURIComponent(value)}@127.0.0.1/app`],
    ['in base64 behind a user name', `Basic ${Buffer.from(`app:${value}`).toString('base64')}`],
    ['in hexadecimal', Buffer.from(value).toString('hex')],
  ])('holds none of them %s', (_form, text) => {
    expect(findSecret(Buffer.from(text), secrets)).toBe('login');
    const cleaned = withoutSecrets(text, secrets);
    expect(findSecret(Buffer.from(cleaned), secrets)).toBeUndefined();
    expect(cleaned).toContain('[secret login]');
  });

  it('is otherwise as it was', () => {
    expect(withoutSecrets('the service did not start', secrets)).toBe('the service did not start');
  });
});

describe('a text that was cut before its secrets are blotted out', () => {
  const password = randomBytes(32).toString('hex');
  const known = [
    { name: 'password', value: password },
    { name: 'database-url', value: `postgresql://app:${password}@127.0.0.1:21003/stockroom` },
  ];
  const log = `cannot log in with postgresql://app:${password}@127.0.0.1:21003/stockroom`;
  const from = log.indexOf(password);

  it.each([4, 5, 8, 40, 63, 64])('does not show the first %i characters of a password that the cut left', (left) => {
    const cut = cutText(log, from + left);
    expect(cut).toContain(password.slice(0, left));
    const cleaned = withoutSecrets(`web-1: ${cut}; agent-1: nothing answers`, known);
    expect(cleaned).toBe('web-1: cannot log in with postgresql://app:[secret password][…]; agent-1: nothing answers');
  });

  it('shows neither side of a cut that nobody marked, at the beginning and the end of a line', () => {
    const cleaned = withoutSecrets(`${password.slice(20)} was refused\nfor ${password.slice(0, 30)}\nbye`, known);
    expect(cleaned).toBe('[secret password] was refused\nfor [secret password]\nbye');
  });

  it('does not show the beginning of a form that is encoded', () => {
    const basic = `Basic ${Buffer.from(`app:${password}`).toString('base64')}`;
    const cleaned = withoutSecrets(cutText(basic, 40), known);
    expect(cleaned).toContain('[secret password][…]');
    expect(cleaned.length).toBeLessThan(40);
  });

  it('does not show a part of the password of a URL that is a secret of its own', () => {
    const url = 'smtp://mail:Xy7-long-pass-phrase@mail.example.com';
    const cleaned = withoutSecrets(cutText(`cannot reach ${url}`, 36), [{ name: 'mail', value: url }]);
    expect(cleaned).toBe('cannot reach smtp://mail:[secret mail][…]');
  });

  it('is otherwise as it was: a name with which a secret begins or ends is no part of it', () => {
    const ordinary = [{ name: 'login', value: 'stockroom-4711-postgres' }, ...known];
    for (const text of [
      'stockroom',
      'the database of stockroom',
      'postgres ended with exit status 1',
      '127.0.0.1:21003',
      'cannot reach postgresql://app',
      'the app says: loading…',
      cutText('an ordinary text that is too long', 20),
    ])
      expect(withoutSecrets(text, ordinary)).toBe(text);
  });

  it('is as it was where it is short enough', () => {
    expect(cutText('short', 5)).toBe('short');
    expect(cutText('longer', 5)).toBe('longe[…]');
  });
});

describe('a secret of several lines', () => {
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  const known = [{ name: 'signing-key', value: privateKey.trim() }];
  const lines = privateKey.trim().split('\n').slice(1, -1);

  it('is found and blotted out line by line', () => {
    for (const line of lines.filter((l) => l.length >= 8)) {
      const logged = `2026-11-24 web-1 | ${line}`;
      expect(findSecret(Buffer.from(logged), known)).toBe('signing-key');
      expect(withoutSecrets(logged, known)).toBe('2026-11-24 web-1 | [secret signing-key]');
    }
  });

  it('shows no part of the line that a cut went through', () => {
    const cleaned = withoutSecrets(cutText(lines.slice(0, 3).join(' / '), 150), known);
    expect(cleaned).toBe('[secret signing-key] / [secret signing-key] / [secret signing-key][…]');
  });

  it('may be spoken of: its first line is that of any such file', () => {
    const text = 'expected -----BEGIN PRIVATE KEY-----';
    expect(findSecret(Buffer.from('-----BEGIN PRIVATE KEY-----'), known)).toBeUndefined();
    expect(withoutSecrets(text, known)).toBe(text);
  });
});
