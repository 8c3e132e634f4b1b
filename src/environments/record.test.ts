import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readRecord } from './record.ts';

describe('where an environment stands', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'hp-record-'));
  });
  afterEach(() => rm(folder, { recursive: true }));
  const kept = async (record: object) => {
    await writeFile(join(folder, 'environment.json'), JSON.stringify(record));
    return (await readRecord({ folder })).standsOn;
  };

  it('is what was chosen for it', async () => {
    const standsOn = { host: 'deploy@web1', runtime: 'docker' };
    expect(await kept({ epoch: 1, target: 'sha256:a', standsOn })).toEqual(standsOn);
  });

  it('is this machine and its processes, where a version launched it that knew nothing else', async () => {
    expect(await kept({ epoch: 1, target: 'sha256:a' })).toEqual({ host: 'local', runtime: 'process' });
  });

  it('is nowhere once it is destroyed, or before it was ever launched', async () => {
    expect(await kept({ epoch: 2 })).toBeUndefined();
    expect((await readRecord({ folder: join(folder, 'none') })).standsOn).toBeUndefined();
  });
});
