import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { remove, temporaryDirectory } from '../../test/temporary-state.ts';
import type { App } from '../config/app.ts';
import { readApp } from '../config/read.ts';
import { hours, milliseconds, seconds, systemClock } from '../evidence/units.ts';
import { localHost } from '../hosts/local.ts';
import { makeWorld } from './make-world.ts';
import { planFor } from './plan-for.ts';

const NOTES = fileURLToPath(new URL('../../examples/notes', import.meta.url));

let root: string;
let deployed: App;
let observed: App;
beforeAll(async () => {
  root = temporaryDirectory();
  await cp(NOTES, join(root, 'notes'), { recursive: true });
  await mkdir(join(root, 'observed'));
  await writeFile(join(root, 'observed/holdpoint.yaml'), 'name: shop\nobserve:\n  url: https://shop.example\n');
  [deployed, observed] = [await appIn('notes'), await appIn('observed')];
});
afterAll(() => remove(root));

const appIn = async (folder: string): Promise<App> => {
  const reading = await readApp(join(root, folder));
  if (reading.kind !== 'app') throw new Error(JSON.stringify(reading.problems));
  return reading.app;
};

const titleOf = async (of: App, window: number) => {
  const world = await makeWorld({
    app: of,
    state: join(root, 'state'),
    host: localHost(),
    clock: systemClock,
    version: '0.0.0-test',
    window: milliseconds(window),
    before: undefined,
    purpose: 'to-look',
  });
  return planFor(world).steps.find(({ id }) => id === 'A.4/window')?.title;
};

describe('the title of a window', () => {
  it.each([
    [seconds(10), '10 s'],
    [seconds(60), '1 min'],
    [seconds(90), '1 min 30 s'],
    [hours(24), '24 h'],
  ])('says how long one of %s ms is: %s', async (length, text) => {
    expect(await titleOf(deployed, length)).toBe(`Validation window of ${text} under steady load`);
    expect(await titleOf(observed, length)).toContain(`Window of ${text} of reads, `);
  });
});
