import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { disturbance, samplePressure } from './pressure.ts';

let proc: string;
beforeAll(async () => {
  proc = await mkdtemp(join(tmpdir(), 'holdpoint-proc-'));
});
afterAll(() => rm(proc, { recursive: true }));

const at = (monotonicMs: number) => ({ monotonicMs: () => monotonicMs, wallMs: () => 0 });

async function sample(monotonicMs: number, files: Record<string, string>) {
  await rm(proc, { recursive: true });
  await mkdir(join(proc, 'pressure'), { recursive: true });
  for (const [name, text] of Object.entries(files)) await writeFile(join(proc, name), text);
  return samplePressure(proc, at(monotonicMs));
}

const psi = (total: number) =>
  `some avg10=0.00 avg60=0.00 avg300=0.00 total=${total}\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=1\n`;

describe('the disturbance between two samples', () => {
  it('is a share of the elapsed time: PSI, steal, busy', async () => {
    const before = await sample(0, {
      'pressure/cpu': psi(1_000_000),
      'pressure/io': psi(0),
      'pressure/memory': psi(5),
      stat: 'cpu  100 0 100 700 100 0 0 0 0 0\ncpu0 1 2 3\n',
      loadavg: '0.10 0.20 0.30 1/100 1234\n',
    });
    const after = await sample(10_000, {
      'pressure/cpu': psi(3_500_000),
      'pressure/io': psi(100_000),
      'pressure/memory': psi(5),
      stat: 'cpu  600 0 300 900 100 0 0 100 50 0\ncpu0 1 2 3\n',
      loadavg: '2.50 0.20 0.30 1/100 1234\n',
    });
    expect(disturbance(before, after)).toEqual({
      elapsedMs: 10_000,
      stalled: {
        cpu: { kind: 'known', value: 0.25 },
        io: { kind: 'known', value: 0.01 },
        memory: { kind: 'known', value: 0 },
      },
      steal: { kind: 'known', value: 0.1 },
      busy: { kind: 'known', value: 0.8 },
      load1: { kind: 'known', value: 2.5 },
    });
  });

  it('is absent, and not zero, where the kernel does not tell', async () => {
    const before = await sample(0, {});
    const after = await sample(10, {});
    const seen = disturbance(before, after);
    for (const reading of [...Object.values(seen.stalled), seen.steal, seen.busy, seen.load1])
      expect(reading.kind).toBe('absent');
  });

  it('is read from this very machine', async () => {
    const before = await samplePressure();
    await new Promise((resolve) => setTimeout(resolve, 50));
    const { elapsedMs, busy } = disturbance(before, await samplePressure());
    expect(elapsedMs).toBeGreaterThan(0);
    if (busy.kind === 'known') expect(busy.value).toBeGreaterThanOrEqual(0);
  });
});
