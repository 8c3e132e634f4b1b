import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { noSecondHost, type SecondHost, secondHost } from '../../test/hosts/second-host.ts';
import { seconds, systemClock } from '../evidence/units.ts';
import type { Host } from '../hosts/host.ts';
import { localHost } from '../hosts/local.ts';
import type { Step, StepId } from '../plan/step.ts';
import type { TaskId } from '../plan/task.ts';
import { toldByHost } from './told-by-host.ts';

/** Works on a host for as long as nobody writes the file, and says nothing itself. */
const waits = (id: StepId, host: Host, file: string): Step => ({
  id,
  task: id.split('/')[0] as TaskId,
  title: 'waits',
  needs: [],
  inputs: {},
  applies: { kind: 'applies' },
  tokens: [],
  estimate: seconds(30),
  objectives: [],
  retry: { kind: 'never' },
  async run({ signal }) {
    const wait = ['sh', '-c', 'until [ -e "$1" ]; do sleep 0.2; done', 'wait', file] as const;
    await host.run({ argv: wait, timeLimit: seconds(120) }, signal);
    return [];
  },
});

describe.skipIf(noSecondHost !== undefined)('a line that drops while steps run', { timeout: 120_000 }, () => {
  let second: SecondHost;
  beforeAll(async () => {
    second = await secondHost();
  });
  afterAll(() => second.close());

  it('is told in the words of each step on that host, and of no other', async () => {
    const host = await second.connect({ name: 'web1' });
    const here = localHost();
    const world = { host: here, production: { host }, staging: undefined };
    const file = `${second.root}/enough`;
    const told: Record<string, string[]> = {};
    const run = (step: Step) => {
      const lines: string[] = [];
      told[step.id] = lines;
      return toldByHost(step, world).run({
        launch: 'l1',
        number: 1,
        signal: new AbortController().signal,
        clock: systemClock,
        progress: (line) => lines.push(line),
        artefact: () => Promise.reject(new Error('none is kept')),
      });
    };
    const steps = [
      run(waits('A.1/first', host, file)),
      run(waits('A.4/second', host, file)),
      run(waits('C.1/here', here, file)),
    ];
    // One that has ended is told nothing any more.
    await run({ ...waits('A.2/over', host, file), run: async () => [] });
    await second.cut();
    await expect.poll(() => told['A.1/first'], { timeout: 40_000 }).toHaveLength(1);
    await second.mend();
    await expect.poll(() => told['A.1/first'], { timeout: 40_000 }).toHaveLength(2);
    expect(told['A.1/first']).toEqual([
      'the line to web1 dropped; trying again (for 2 min)',
      expect.stringMatching(/^the line to web1 is back after \d+ s$/),
    ]);
    expect(told['A.4/second']).toEqual(told['A.1/first']);
    expect(told['C.1/here']).toEqual([]);
    expect(told['A.2/over']).toEqual([]);
    await here.place([{ path: file, content: '', mode: 0o644 }]);
    expect(await Promise.all(steps)).toEqual([[], [], []]);
    await host.close();
  });
});
