import { createHash } from 'node:crypto';
import type { LeafBody, NewLeaf } from '../../src/evidence/leaf.ts';
import { LAUNCH_STEP } from '../../src/evidence/leaf.ts';
import { exactly } from '../../src/evidence/measurement.ts';
import type { Digest } from '../../src/evidence/units.ts';
import { hours, instant, isDigest, minutes } from '../../src/evidence/units.ts';

/** The leaves that a launch leaves behind: as real ones look, and as large. */

export function digestOf(content: string | Uint8Array): Digest {
  const digest = `sha256:${createHash('sha256').update(content).digest('hex')}`;
  if (!isDigest(digest)) throw new Error(digest);
  return digest;
}

const START = instant(Date.UTC(2026, 0, 1));

export const opened = (launch: string, environment = 'production', app = 'stockroom'): NewLeaf => ({
  key: { launch, step: LAUNCH_STEP, attempt: 0, sequence: 0 },
  release: undefined,
  body: {
    kind: 'opened',
    app,
    environment,
    host: 'local',
    runtime: 'process',
    by: 'ada',
    holdpoint: '0.1.0',
    window: { length: minutes(2), planned: hours(24) },
    plan: digestOf('plan'),
    at: START,
  },
});

/** A latency between 100 and 299 ms, held against 200 ms: about half of them pass. */
export function measured(n: number, artefacts: readonly Digest[] = []): LeafBody {
  const value = 100 + (n % 200);
  return {
    kind: 'measured',
    measurement: {
      metric: 'http.latency.p95',
      unit: 'ms',
      of: 'dashboard',
      observed: { kind: 'value', value, interval: [value - 0.5, value + 0.5], n: 10_000, resolution: 1 },
      quietness: { kind: 'quiet', pressure: 'some avg10=0.12' },
      from: START,
      to: instant(START + 60_000),
      host: 'local',
      method: { kind: 'load', text: 'GET https://stockroom.test/stock?low=1 at 10000/min for 60 s, open loop' },
      artefacts,
      note: `measurement ${n}`,
    },
    objectives: [
      {
        id: 'p95',
        metric: 'http.latency.p95',
        comparator: '<',
        threshold: 200,
        unit: 'ms',
        gate: 'hold',
        maximumAge: hours(24),
        minimumSamples: 1_000,
        source: 'A.1: P95 < 200 ms',
      },
    ],
  };
}

/** One attempt of a step: `started`, some measurements, `finished`. */
export function attempt(launch: string, step: string, number: number, measurements: number): NewLeaf[] {
  const at = (sequence: number) => ({ launch, step, attempt: number, sequence });
  const release = digestOf('release 1');
  const body = { kind: 'started' as const, inputs: { app: digestOf('app'), config: digestOf('config') }, at: START };
  return [
    { key: at(0), release, body },
    ...Array.from({ length: measurements }, (_, i): NewLeaf => ({ key: at(i + 1), release, body: measured(i) })),
    {
      key: at(measurements + 1),
      release,
      body: { kind: 'finished', end: { kind: 'completed' }, at: instant(START + 61_000) },
    },
  ];
}

/** `count` leaves of one launch, the first of which opens it. */
export function launchOf(launch: string, count: number): NewLeaf[] {
  const leaves: NewLeaf[] = [opened(launch)];
  for (let step = 0; leaves.length < count; step++) leaves.push(...attempt(launch, `A.1/step-${step}`, 1, 8));
  return leaves.slice(0, count);
}

export const exactCount = (value: number): LeafBody => ({
  kind: 'measured',
  measurement: {
    metric: 'findings',
    unit: 'count',
    of: '',
    observed: exactly(value, 10),
    quietness: { kind: 'indifferent' },
    from: START,
    to: START,
    host: 'local',
    method: { kind: 'file', text: 'holdpoint.yaml' },
    artefacts: [],
  },
  objectives: [],
});
