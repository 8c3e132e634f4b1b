import { describe, expect, it } from 'vitest';
import { temporaryRuntime } from '../../../../test/runtimes/temporary.ts';
import type { Service } from '../../../config/app.ts';
import type { World } from '../../world.ts';
import { host } from './host.ts';
import { LIMITS_NOT_ENFORCED, memoryLimits } from './memory-limits.ts';

const services = [{ name: 'office' }, { name: 'mailer' }] as Service[];

describe('what a service declares of its memory', () => {
  it('holds where the runtime can enforce it, and how is told', () => {
    expect(memoryLimits({ kind: 'can', how: 'a group each' }, { services })).toMatchObject({
      observed: { kind: 'value', value: 0, n: 2 },
      note: 'a service that outgrows its memory is killed: a group each',
    });
  });

  it('holds nobody where it cannot, and why is told', () => {
    expect(memoryLimits({ kind: 'cannot', because: 'only root may make control groups' }, { services })).toMatchObject({
      observed: { kind: 'value', value: 2, n: 2 },
      note: 'a service may outgrow its memory: only root may make control groups',
    });
  });

  it('is told of the runtime that is really there', async () => {
    const ground = await temporaryRuntime();
    const ability = ground.runtime.abilities['memory-limit'];
    const { note } = memoryLimits(ability, { services });
    if (ability.kind === 'can') expect(note).toMatch(/ is killed: control groups of version [12] at \/sys\/fs\/cgroup/);
    else expect(note).toBe(`a service may outgrow its memory: ${ability.because}`);
    await ground.close();
  });

  it('informs, and holds no launch', () => {
    const { objectives } = host({ inputs: {} } as World);
    expect(objectives.find(({ metric }) => metric === LIMITS_NOT_ENFORCED)).toMatchObject({ gate: 'inform' });
  });
});
