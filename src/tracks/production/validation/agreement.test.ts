import { describe, expect, it } from 'vitest';
import { type Counts, disagreement, doubtOf, shareOf } from './agreement.ts';

const counts = (changes: Partial<Counts> = {}): Counts => ({
  app: 600,
  loadBalancer: 600,
  loadBalancerErrors: 0,
  scrapes: 24,
  ...changes,
});
const percentOf = (seen: ReturnType<typeof disagreement>) => (seen.kind === 'value' ? seen.value : seen.reason);

describe('whether the app and the load balancer count the same requests', () => {
  it.each<[string, Partial<Counts>, number]>([
    ['both count the same', {}, 0],
    ['the app counts its scrapes as well', { app: 624 }, 0],
    ['the app counts health checks beyond its scrapes', { app: 654 }, 5],
    ['a part of the instances is not scraped', { app: 300 }, 50],
    ['what the load balancer answered by itself never reached the app', { app: 540, loadBalancerErrors: 60 }, 0],
    ['and more is missing than that', { app: 480, loadBalancerErrors: 60 }, 10],
  ])('%s', (_, changes, percent) => {
    expect(percentOf(disagreement(counts(changes)))).toBeCloseTo(percent);
  });

  it('is not known where nobody asked for anything', () => {
    expect(disagreement(counts({ loadBalancer: 0, app: 0 }))).toMatchObject({ kind: 'absent' });
  });
});

describe("a share of the app's own requests", () => {
  const share = (part: number, counted: number, changes: Partial<Counts> = {}) => {
    const seen = shareOf(part, counted, doubtOf(counted, counts(changes), 0.01), 'less');
    if (seen.kind === 'absent') throw new Error(seen.reason);
    return seen;
  };

  it('is what it is where the counts agree', () => {
    expect(share(570, 600)).toMatchObject({ value: 95, interval: [95, 95], n: 600 });
  });

  it('may be less where quick scrapes are among what was counted', () => {
    const { value, interval } = share(594, 624);
    expect(value).toBeGreaterThan(95);
    expect(interval[0]).toBeCloseTo((100 * 570) / 600);
  });

  it('says nothing of requests that the app did not count', () => {
    const [low, high] = share(300, 300).interval;
    expect(low).toBeLessThan(55);
    expect(high).toBe(100);
  });

  it('is not less for what the load balancer answered by itself', () => {
    expect(share(540, 540, { loadBalancerErrors: 60 }).interval).toEqual([100, 100]);
  });
});
