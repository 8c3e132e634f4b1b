import { existsSync } from 'node:fs';
import { cp, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { remove, temporaryDirectory } from '../../test/temporary-state.ts';
import { readApp } from '../config/read.ts';
import { environmentFolder } from '../environments/chosen-runtime.ts';
import { isOpen } from '../environments/environment.ts';
import { changeRecord, readRecord } from '../environments/record.ts';
import { systemClock } from '../evidence/units.ts';
import { localHost } from '../hosts/local.ts';
import { makeWorld, type WorldSettings } from './make-world.ts';

const NOTES = fileURLToPath(new URL('../../examples/notes', import.meta.url));

let root: string;
let state: string;
beforeEach(async () => {
  root = temporaryDirectory();
  state = join(root, 'state');
  await cp(NOTES, join(root, 'app'), { recursive: true });
  await mkdir(state, { mode: 0o755 });
});
afterEach(() => remove(root));

const production = () => environmentFolder(state, 'notes-production');
const staging = () => environmentFolder(state, 'notes-staging');

async function world(purpose: WorldSettings['purpose']) {
  const reading = await readApp(join(root, 'app'));
  if (reading.kind !== 'app') throw new Error(JSON.stringify(reading.problems));
  return makeWorld({
    app: reading.app,
    state,
    host: localHost(),
    clock: systemClock,
    version: '0.0.0-test',
    window: undefined,
    before: undefined,
    purpose,
    on: { runtime: 'process' },
  });
}

describe('the environments of an app', () => {
  it('are opened to launch, and it is remembered what they stand on', async () => {
    const { production: opened } = await world('to-launch');
    expect(opened.runtime.kind).toBe('process');
    expect((await readRecord(opened)).standsOn).toEqual({ host: 'local', runtime: 'process' });
  });

  it('are not made by who only reads: documents rendered after a destruction bring nothing back', async () => {
    const { production: described } = await world('to-read');
    expect(isOpen(described)).toBe(false);
    expect([production(), staging()].filter((folder) => existsSync(folder))).toEqual([]);
  });

  it('are opened for who reads where they stand, one without the other', async () => {
    await changeRecord({ folder: production() }, { standsOn: { host: 'local', runtime: 'process' } });
    const read = await world('to-read');
    expect([read.production, read.staging].map((e) => e && isOpen(e))).toEqual([true, false]);
    expect(existsSync(staging())).toBe(false);
  });

  it('are only described for a plan', async () => {
    const { production: described } = await world('to-look');
    expect(isOpen(described)).toBe(false);
    expect(existsSync(production())).toBe(false);
  });
});
