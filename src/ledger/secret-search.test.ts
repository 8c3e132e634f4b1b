import { describe, expect, it } from 'vitest';
import { findSecret, withoutSecrets } from './secret-search.ts';

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
