import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { begin, type Ended, holdpoint, STACK } from './command-line.ts';
import {
  launchView,
  notTried,
  type OwnGround,
  onEngine,
  ownGround,
  residentPid,
  retryHeld,
  untilClosed,
  untilStep,
  untilUnits,
} from './launch-on-own-engine.ts';

/** The container engine is killed in the middle of a launch and stays away: everything says so, and nothing is lost. */

// An engine is waited for 90 s before a step gives up.
vi.setConfig({ testTimeout: 400_000, hookTimeout: 900_000 });

describe.skipIf(notTried !== '')(`an engine that stays away from a launch${notTried}`, () => {
  let ground: OwnGround;
  let launch: ReturnType<typeof begin>;
  let pid: number | undefined;
  const ask = (...args: string[]) => holdpoint(ground.place, ...args);
  const where = () => `unix://${ground.own.socket}`;
  const text = ({ out, err }: Ended) => `${out}${err}`;

  beforeAll(async () => {
    ground = await ownGround();
    launch = begin(ground.place, 'launch', '--runtime', 'docker', '--window', '30s', '--yes');
  });
  afterAll(() => ground?.close());

  it('holds the step that needs it, with which engine it is and what to do', async () => {
    await untilUnits(ground);
    pid = await residentPid(ground.place);
    await ground.own.kill();
    const step = await untilStep(ground.place, 'A.1/health', ({ state }) => state !== 'running');
    expect(step.state).toBe('held');
    expect(step.problem).toMatchObject({
      kind: 'host',
      what: expect.stringContaining('no Docker engine answers'),
      where: where(),
      next: expect.stringContaining('start it'),
    });
    const end = await launch.ended;
    expect(end.status).toBe(1);
    expect(end.out).toContain(`A.1/health  waits for the engine at ${where()}`);
    expect(end.out).toContain(where());
    expect(end.out).toMatch(/retry A\.1\/health/);
    expect(text(end)).not.toMatch(STACK);
  });

  it('is told by status and attach, and the resident process lives on', async () => {
    for (const command of ['status', 'attach']) {
      const told = await ask(command);
      expect(told.status).toBe(1);
      expect(told.out).toContain(where());
      expect(text(told)).not.toMatch(STACK);
    }
    expect(await residentPid(ground.place)).toBe(pid);
  });

  it('lets the launch go on from there when it is back: each step that was held has one attempt more', async () => {
    await ground.own.start();
    const held = await retryHeld(ground.place);
    expect(held).toContain('A.1/health');
    await untilStep(ground.place, 'A.2/switch', ({ state }) => state === 'passed');
    const { steps } = await launchView(ground.place);
    const attempts = Object.fromEntries(steps.map((step) => [step.id, step.attempts.length]));
    expect(attempts).toMatchObject({ 'A.1/health': 2, 'A.1/prepare': 1, 'A.2/release': 1, 'A.2/switch': 1 });
  });

  it('is away once more when the launch was aborted', async () => {
    expect((await ask('abort', '--by', 'test', '--reason', 'it is enough')).status).toBe(0);
    await untilClosed(ground.place);
    await ground.own.kill();
  });

  it.each([
    ['down'],
    ['destroy', 'production', '--yes-destroy', 'production'],
    ['launch', '--runtime', 'docker', '--window', '30s', '--yes'],
    ['check', 'A.1/tls'],
  ])('is named by `%s`, which takes nothing for done', async (...args) => {
    const refused = await ask(...args);
    expect(refused.status).toBe(1);
    expect(refused.err).toContain('no container engine answers, and dying-production needs it');
    expect(refused.err).toContain(`where: ${where()}`);
    expect(refused.err).toMatch(/next: .*start it/);
    expect(text(refused)).not.toMatch(STACK);
    expect(await residentPid(ground.place)).toBe(pid);
  });

  it('is found again without DOCKER_HOST, where the environment stands, and nothing is left of it there', async () => {
    await ground.own.start();
    expect((await ask('down')).status).toBe(0);
    expect(await residentPid(ground.place)).toBeUndefined();
    const { app, state, engine } = ground.place;
    const elsewhere = { app, state, ...(engine && { engine: { network: engine.network } }) };
    const destroyed = await holdpoint(elsewhere, 'destroy', 'production', '--yes-destroy', 'production');
    expect(destroyed.out).toContain('production of dying is gone');
    expect(await onEngine(ground)).toEqual([]);
  });
});
