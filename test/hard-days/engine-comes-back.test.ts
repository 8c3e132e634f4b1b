import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { begin, holdpoint, STACK } from './command-line.ts';
import {
  launchView,
  notTried,
  type OwnGround,
  onEngine,
  ownGround,
  retryHeld,
  untilStep,
  untilUnits,
} from './launch-on-own-engine.ts';

/** The container engine is killed, and restarted in order, in the middle of one launch, and comes back each time. */

vi.setConfig({ testTimeout: 400_000, hookTimeout: 900_000 });

describe.skipIf(notTried !== '')(`an engine that goes away and comes back in a launch${notTried}`, () => {
  let ground: OwnGround;
  let launch: ReturnType<typeof begin>;

  beforeAll(async () => {
    ground = await ownGround();
    launch = begin(ground.place, 'launch', '--runtime', 'docker', '--window', '30s', '--yes');
  });
  afterAll(() => ground?.close());

  const attemptsOf = async (id: string) =>
    (await launchView(ground.place)).steps.find((step) => step.id === id)?.attempts ?? [];
  /** Those that have to run for good, and do not. */
  const unitsDown = async () => {
    const lasting = /^(web|caddy|prometheus|alertmanager|mtail|unit-exporter|node-exporter|blackbox-exporter)/;
    return (await onEngine(ground)).filter((line) => lasting.test(line) && !line.endsWith(' running'));
  };

  it('is waited for where it is killed under a step: the step goes on, in the same attempt', async () => {
    await untilUnits(ground);
    await ground.own.kill();
    await pause(4_000);
    await ground.own.start();
    await untilStep(ground.place, 'A.1/health', ({ state }) => state === 'passed');
    expect(await attemptsOf('A.1/health')).toHaveLength(1);
    expect(launch.said.out).toContain(`A.1/health  waits for the engine at unix://${ground.own.socket}`);
  });

  it('is waited for where it restarts in order under production: the launch goes on', async () => {
    await untilStep(ground.place, 'A.3/watched', ({ state }) => state === 'running');
    await ground.own.stop();
    await ground.own.start();
    // A job that the engine took with it is told as lost: its step holds, and no other does.
    await untilStep(ground.place, 'A.3/watched', ({ state }) => state !== 'running');
    await retryHeld(ground.place);
    await untilStep(ground.place, 'A.3/watched', ({ state }) => state === 'passed');
    expect(await attemptsOf('A.2/switch')).toHaveLength(1);
  });

  it('is no pass of a window that it was away in', async () => {
    await untilStep(ground.place, 'A.3/rules', ({ state }) => state === 'passed' || state === 'held');
    await retryHeld(ground.place);
    await untilStep(ground.place, 'A.4/window', ({ state }) => state === 'running');
    await pause(5_000);
    await ground.own.kill();
    await pause(8_000);
    await ground.own.start();
    const held = await untilStep(ground.place, 'A.4/window', ({ state }) => state !== 'running');
    expect(held.state).toBe('held');
    const verdicts = Object.fromEntries(held.findings.map(({ objective, verdict }) => [objective, verdict.kind]));
    // What the client saw of it is known; what Prometheus did not see is not.
    expect(verdicts).toMatchObject({ 'client-errors': 'fail' });
    expect(verdicts.coverage).not.toBe('pass');
    const end = await launch.ended;
    expect(end.status).toBe(1);
    expect(`${end.out}${end.err}`).not.toMatch(STACK);
  });

  it('is back with every unit, and a retry of the window takes the launch to its end', async () => {
    await vi.waitFor(async () => expect(await unitsDown()).toEqual([]), { timeout: 60_000 });
    expect(await retryHeld(ground.place)).toEqual(['A.4/window']);
    const attached = await holdpoint(ground.place, 'attach');
    expect(`${attached.out}${attached.err}`).not.toMatch(STACK);
    expect({ status: attached.status, out: attached.out }).toMatchObject({ status: 0 });
    expect(await attemptsOf('A.4/window')).toHaveLength(2);
  });
});
