import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { digestOf } from '../../test/ledger/sample-leaves.ts';
import { bytes, days, instant } from '../evidence/units.ts';
import { type AllowList, type Artefacts, artefactFiles, openArtefacts } from './artefacts.ts';
import { findSecret, type KnownSecret } from './secret-search.ts';

const secret: KnownSecret = { name: 'database password', value: 'p4"ss/wörd+1' };
const allow: AllowList = {
  probe: 'headers',
  mediaTypes: ['text/plain'],
  largest: bytes(200),
  redactions: [{ name: 'cookie', pattern: /(?<=set-cookie: )\S+/i }],
};
const ada = { name: 'ada', identity: 'not verified' } as const;

let directory: string;
let now: number;
let artefacts: Artefacts;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'holdpoint-artefacts-'));
  now = 1_000;
  artefacts = openArtefacts({ directory, clock: () => instant(now), secrets: () => [secret] });
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const put = (content: string | Uint8Array, retention = days(1)) =>
  artefacts.put({ name: 'answer', mediaType: 'text/plain', content, retention }, allow);
const stored = () =>
  readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'));

describe('an artefact', () => {
  it('is kept under its digest, with its record, for its owner alone', async () => {
    const digest = await put('HTTP/1.1 200');
    expect(digest).toBe(digestOf('HTTP/1.1 200'));
    expect(await artefacts.get(digest)).toMatchObject({
      kind: 'present',
      record: { probe: 'headers', mediaType: 'text/plain', size: 12, storedAt: 1_000, expiresAt: 1_000 + days(1) },
    });
    expect(statSync(join(directory, artefactFiles(digest).content)).mode & 0o777).toBe(0o600);
    expect(await artefacts.list()).toEqual([digest]);
  });

  it('is redacted before it is named', async () => {
    const digest = await put('Set-Cookie: id=1; Path=/\nset-cookie: other');
    const text = 'Set-Cookie: [redacted: cookie] Path=/\nset-cookie: [redacted: cookie]';
    expect(digest).toBe(digestOf(text));
    expect(await artefacts.get(digest)).toMatchObject({ content: Buffer.from(text) });
  });

  it('that the allow-list does not name is refused', async () => {
    const other = { name: 'x', mediaType: 'image/png', content: 'x', retention: days(1) };
    await expect(artefacts.put(other, allow)).rejects.toMatchObject({ problem: { what: /image\/png/ } });
    await expect(put('x'.repeat(201))).rejects.toMatchObject({ problem: { what: /201 bytes/ } });
    expect(stored()).toEqual([]);
  });

  it('whose bytes were changed is damaged, and one that never was is not present', async () => {
    const digest = await put('true');
    writeFileSync(join(directory, artefactFiles(digest).content), 'false');
    expect(await artefacts.get(digest)).toMatchObject({ kind: 'damaged' });
    expect(await artefacts.get(digestOf('never'))).toEqual({ kind: 'not-present' });
  });
});

describe('a known secret', () => {
  const { value } = secret;
  it.each([
    ['as it is', value],
    ['in JSON', JSON.stringify({ password: value })],
    ['in a URL', `postgres://app:${encodeURIComponent(value)}@127.0.0.1/app`],
    ['in a form', new URLSearchParams({ password: value }).toString()],
    ['in hexadecimal', `\\x${Buffer.from(value).toString('hex')}`],
    ['in base64', Buffer.from(value).toString('base64')],
    ['in base64url, after one byte', Buffer.from(`:${value}`).toString('base64url')],
    ['in Basic authentication', `Authorization: Basic ${Buffer.from(`ab:${value}`).toString('base64')}`],
    ['in base64 with something after it', Buffer.from(`user:${value};more`).toString('base64')],
  ])('%s is refused by its name, never by its value, and nothing is stored', async (_, content) => {
    await expect(put(content)).rejects.toMatchObject({ problem: { what: 'it holds the secret database password' } });
    await put(content).catch((error) => expect(JSON.stringify(error.problem)).not.toContain('p4'));
    expect(stored()).toEqual([]);
  });

  it('in UTF-16, or in the name, is refused too', async () => {
    const wide = { name: 'x', mediaType: 'text/plain', content: Buffer.from(value, 'utf16le'), retention: days(1) };
    await expect(artefacts.put(wide, { ...allow, redactions: [] })).rejects.toMatchObject({
      problem: { what: /secret/ },
    });
    await expect(artefacts.put(wide, allow)).rejects.toMatchObject({ problem: { what: /UTF-8/ } });
    const named = { name: `log of ${value}`, mediaType: 'text/plain', content: 'x', retention: days(1) };
    await expect(artefacts.put(named, allow)).rejects.toMatchObject({ problem: { what: /secret/ } });
  });

  it('that a redaction cuts out does not hinder', async () => {
    const digest = await put(`set-cookie: ${value}`);
    expect((await artefacts.get(digest)).kind).toBe('present');
    expect(stored().join()).not.toContain(value);
  });

  it('is not seen where it is not', () => {
    expect(findSecret(Buffer.from('an ordinary answer, cDQ= and 70'), [secret, { name: 'empty', value: '' }])).toBe(
      undefined,
    );
  });
});

describe('retention', () => {
  it('takes the content away when its time is over, and leaves a tombstone', async () => {
    const [short, long] = [await put('short', days(1)), await put('long', days(3))];
    expect(await artefacts.expireBefore(instant(now + days(2)))).toEqual([short]);
    expect(await artefacts.get(short)).toMatchObject({ kind: 'gone', tombstone: { kind: 'expired' } });
    expect((await artefacts.get(long)).kind).toBe('present');
    expect(await artefacts.expireBefore(instant(now + days(2)))).toEqual([]);
  });

  it('is the longest that anybody asked for', async () => {
    await put('same', days(5));
    now += days(1);
    const digest = await put('same', days(1));
    expect(await artefacts.expireBefore(instant(now + days(3)))).toEqual([]);
    expect((await artefacts.get(digest)).kind).toBe('present');
  });

  it('starts anew when something expired is observed again', async () => {
    const digest = await put('same');
    await artefacts.expireBefore(instant(now + days(2)));
    expect(await put('same')).toBe(digest);
    expect((await artefacts.get(digest)).kind).toBe('present');
  });
});

describe('erasure', () => {
  it('takes the content away for good and says who and why', async () => {
    const digest = await put('a name and an address');
    await artefacts.erase(digest, ada, 'asked for by the person');
    expect(await artefacts.get(digest)).toEqual({
      kind: 'gone',
      tombstone: { kind: 'erased', by: ada, reason: 'asked for by the person', at: 1_000 },
    });
    expect(stored().join()).not.toContain('address');
  });

  it('is not undone by storing the same again', async () => {
    const digest = await put('a name');
    await artefacts.erase(digest, ada, 'asked for');
    expect(await put('a name')).toBe(digest);
    expect((await artefacts.get(digest)).kind).toBe('gone');
    expect(stored().join()).not.toContain('a name');
  });

  it('that was cut off by a kill is finished by the next sweep', async () => {
    const digest = await put('a name');
    await artefacts.erase(digest, ada, 'asked for');
    writeFileSync(join(directory, artefactFiles(digest).content), 'a name');
    expect((await artefacts.get(digest)).kind).toBe('gone');
    await artefacts.expireBefore(instant(now));
    expect(stored().join()).not.toContain('a name');
  });

  it('of what is not there is bad input', async () => {
    await expect(artefacts.erase(digestOf('x'), ada, 'r')).rejects.toMatchObject({ problem: { kind: 'input' } });
  });
});
