import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { sampleApp } from '../../test/sample-app.ts';
import { ProblemError, problemLines } from '../evidence/problem.ts';
import { localHost } from '../hosts/local.ts';
import { chosenRuntime, environmentFolder, type RuntimeWish } from './chosen-runtime.ts';
import { changeRecord } from './record.ts';

const HERE = 'unix:///nowhere/here.sock';
const ELSEWHERE = 'unix:///nowhere/elsewhere.sock';

describe('the engine of an environment that was launched on the one at a socket', () => {
  let state = '';
  let wish: RuntimeWish;
  beforeEach(async () => {
    state = mkdtempSync(join(tmpdir(), 'hp-'));
    const production = environmentFolder(state, 'sample-production');
    const settings = { ...sampleApp().environments.production, runtime: undefined };
    const named = { name: 'sample-production', kind: 'lasting', folder: production, production } as const;
    wish = { ...named, state, settings, where: 'as-asked', here: localHost() };
    await changeRecord(wish, { standsOn: { host: 'local', runtime: 'docker', engine: HERE } });
    vi.stubEnv('DOCKER_CONFIG', state);
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(state, { recursive: true });
  });

  const refusal = async (more: Partial<RuntimeWish> = {}) => {
    const thrown = await chosenRuntime({ ...wish, ...more }).catch((error: unknown) => error);
    return thrown instanceof ProblemError ? problemLines(thrown.problem).join('\n') : 'none';
  };

  it('is looked for there, whatever else this machine has, and said to be away', async () => {
    vi.stubEnv('DOCKER_HOST', undefined);
    const text = await refusal();
    expect(text).toContain('no container engine answers, and sample-production needs it');
    expect(text).toContain(HERE);
    expect(text).toContain('start it');
    expect(text).not.toContain('runtime: process');
  });

  it('is not left for another one that DOCKER_HOST names: there would be nothing of the environment', async () => {
    vi.stubEnv('DOCKER_HOST', ELSEWHERE);
    const text = await refusal();
    expect(text).toContain(`stands on the engine at ${HERE}, and the one at ${ELSEWHERE} is asked for`);
    expect(text).toContain('holdpoint destroy');
  });

  it('is the one that ends it, whatever DOCKER_HOST names by then', async () => {
    vi.stubEnv('DOCKER_HOST', ELSEWHERE);
    expect(await refusal({ where: 'as-it-stands' })).toContain(HERE);
  });

  it('is the one of what stands beside production, too', async () => {
    vi.stubEnv('DOCKER_HOST', undefined);
    const settings = { ...wish.settings, runtime: 'docker' } as const;
    const staging = { name: 'sample-staging', folder: environmentFolder(state, 'sample-staging'), settings };
    expect(await refusal(staging)).toContain(HERE);
  });
});
