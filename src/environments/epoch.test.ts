import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sampleApp } from '../../test/sample-app.ts';
import { instant, milliseconds } from '../evidence/units.ts';
import { localHost } from '../hosts/local.ts';
import { digestOf } from '../releases/digest.ts';
import { describeEnvironment, type Environment } from './environment.ts';
import { aim, epochDigest, epochFor } from './epoch.ts';
import { changeRecord, readRecord } from './record.ts';

const FIRST = digestOf('first');
const SECOND = digestOf('second');
const live = {
  slot: 'blue',
  release: digestOf('built'),
  since: instant(1),
  epoch: 0,
  from: 'nobody was served',
  took: milliseconds(700),
} as const;

let state: string;
let environment: Environment;

beforeEach(async () => {
  state = await mkdtemp(join(tmpdir(), 'hp-'));
  const app = sampleApp();
  const settings = app.environments.production;
  const open = { app, name: 'production', kind: 'lasting', settings, state, host: localHost() } as const;
  environment = describeEnvironment({ ...open, clock: () => instant(0) });
});
afterEach(() => rm(state, { recursive: true, force: true }));

const epochOf = (target = FIRST) => epochFor(environment, target, 'recorded');

describe('the epoch of an environment', () => {
  it('is 0 before anything was aimed at', async () => {
    expect(await epochOf()).toBe(0);
  });

  it('stays for the same release, and is the next one for another', async () => {
    await aim(environment, FIRST, await epochOf());
    expect(await epochOf(FIRST)).toBe(0);
    expect(await epochOf(SECOND)).toBe(1);
  });

  it('does not come back with an earlier release', async () => {
    for (const target of [FIRST, SECOND, FIRST]) await aim(environment, target, await epochOf(target));
    expect(await epochOf(FIRST)).toBe(2);
  });

  it('keeps what is live, whether another release takes over from it or the same one begins anew', async () => {
    await aim(environment, FIRST, 0);
    const candidate = { slot: 'green', release: digestOf('built'), took: milliseconds(5) } as const;
    await changeRecord(environment, { live, candidate });
    await aim(environment, SECOND, 1);
    expect((await readRecord(environment)).live).toEqual(live);
    await aim(environment, SECOND, 2);
    expect(await readRecord(environment)).toMatchObject({ live, candidate: undefined });
  });

  it('changes nothing when it is aimed at again', async () => {
    await aim(environment, FIRST, 0);
    await changeRecord(environment, { live });
    await aim(environment, FIRST, 0);
    expect(await readRecord(environment)).toMatchObject({ epoch: 0, live });
  });

  it('is the next one after the environment was taken down, or destroyed, as they are recorded', async () => {
    await aim(environment, FIRST, 0);
    await changeRecord(environment, { epoch: 1, live: undefined, candidate: undefined });
    expect(await epochOf(FIRST)).toBe(1);
    await rm(environment.folder, { recursive: true });
    await changeRecord(environment, { epoch: 2 });
    expect(await epochOf(FIRST)).toBe(2);
  });

  it('has a digest of its own, in each environment', () => {
    const staging = { ...environmentFacts(environment), name: 'staging' } as Environment;
    expect(epochDigest(environment, 1)).not.toBe(epochDigest(environment, 2));
    expect(epochDigest(environment, 1)).not.toBe(epochDigest(staging, 1));
  });
});

/** Without the runtime, which a described environment does not have. */
const environmentFacts = ({ app, kind, settings, ports, host, folder, escrowFolder, clock }: Environment) => ({
  app,
  kind,
  settings,
  ports,
  host,
  folder,
  escrowFolder,
  clock,
});

describe('the record of an environment', () => {
  it('changes what is given and keeps the rest', async () => {
    await changeRecord(environment, { epoch: 3, live });
    const candidate = { slot: 'green', release: FIRST, took: milliseconds(5) } as const;
    await changeRecord(environment, { candidate });
    await changeRecord(environment, { candidate: undefined });
    expect(await readRecord(environment)).toEqual({
      epoch: 3,
      target: undefined,
      live,
      candidate: undefined,
      verifiedBackup: undefined,
    });
    expect(await readdir(environment.folder)).toEqual(['environment.json']);
  });

  it('that is damaged is a problem that says where, and is left as it is', async () => {
    await changeRecord(environment, { epoch: 3 });
    const file = join(environment.folder, 'environment.json');
    await writeFile(file, '{ "epoch": 3, "li');
    await expect(readRecord(environment)).rejects.toMatchObject({ problem: { kind: 'host', where: file } });
    await expect(changeRecord(environment, { epoch: 4 })).rejects.toMatchObject({ problem: { where: file } });
  });
});
