import { describe, expect, it } from 'vitest';
import type { LoadRequest } from '../../../config/app.ts';
import { judge } from '../../../evidence/judge.ts';
import type { Observed } from '../../../evidence/measurement.ts';
import { instant, minutes } from '../../../evidence/units.ts';
import { Tally } from '../../../probes/load/tally.ts';
import { notebook } from '../../observing.ts';
import { clientErrors, clientErrorsObjective, type Pages, pagesOf } from './client-errors.ts';

/** What the client saw, by status; `failed`: the connection was refused. */
function seen(counts: Readonly<Record<number, number>>, failed = 0, pages: Pages = 'named'): Observed {
  const byStatusClass: Record<string, number> = {};
  for (const [status, n] of Object.entries(counts)) {
    const name = `${status[0]}xx`;
    byStatusClass[name] = (byStatusClass[name] ?? 0) + n;
  }
  const answered = Object.values(counts).reduce((sum, n) => sum + n, 0);
  const measured = { ...new Tally().total(0), byStatusClass, answered, failed, intended: answered + failed };
  return clientErrors({ measured }, pages);
}

const objective = clientErrorsObjective({ objectives: [] }, 0.1);
const note = notebook('here', () => instant(0));
const verdict = (observed: Observed) =>
  judge(note({ metric: 'http.errors', unit: 'percent', observed, method: { kind: 'load', text: 'x' } }), objective)
    .kind;

describe('what the synthetic client saw go wrong in the window', () => {
  it('is nothing where two minutes of 600 a minute were answered', () => {
    expect(verdict(seen({ 200: 1_200, 304: 12 }))).toBe('pass');
  });

  it.each([401, 404, 429, 500, 503])('holds where from mid-window on the answer is %i', (status) => {
    expect(verdict(seen({ 200: 600, [status]: 600 }))).toBe('fail');
  });

  it('holds where from mid-window on connections are refused', () => {
    expect(verdict(seen({ 200: 600 }, 600))).toBe('fail');
  });

  it('is unknown where too few were sent, or none', () => {
    expect(verdict(seen({ 200: 99 }))).toBe('unknown');
    expect(verdict(seen({}))).toBe('unknown');
  });

  it('is unknown where one request more would be too much', () => {
    expect(verdict(seen({ 200: 300 }))).toBe('unknown');
  });

  it('leaves a page that the app never named refused, as long as it always is', () => {
    expect(verdict(seen({ 404: 1_200 }, 0, 'guessed'))).toBe('pass');
    expect(verdict(seen({ 404: 1_200 }))).toBe('fail');
    expect(verdict(seen({ 200: 600, 404: 600 }, 0, 'guessed'))).toBe('fail');
    expect(verdict(seen({ 404: 600, 502: 600 }, 0, 'guessed'))).toBe('fail');
  });
});

describe('the page that is sent', () => {
  const get = (path: string): LoadRequest => ({ weight: 1, method: 'GET', path, headers: {}, body: undefined });
  const window = (...paths: string[]) => ({ length: minutes(2), requestsPerMinute: 600, requests: paths.map(get) });

  it('is a guess only where the app names nothing that it answers with 200', () => {
    expect(pagesOf({ window: window('/'), smoke: [] })).toBe('guessed');
    expect(pagesOf({ window: window('/api/products'), smoke: [] })).toBe('named');
    expect(pagesOf({ window: window('/', '/a'), smoke: [] })).toBe('named');
  });
});

describe('the objective', () => {
  const source = 'holdpoint.yaml:7';
  const asked = (step: string, objective: string) => ({
    step,
    objective,
    threshold: { value: 1, unit: 'percent' as const },
    source,
  });

  it('is as the load balancer may have it, where the team asks for another rate there', () => {
    expect(objective.threshold).toBe(0.1);
    expect(objective.gate).toBe('hold');
    expect(clientErrorsObjective({ objectives: [asked('A.4/window', 'error-rate')] }, 0.1).threshold).toBe(1);
    expect(clientErrorsObjective({ objectives: [asked('A.1/latency', 'errors')] }, 0.1).threshold).toBe(0.1);
  });
});
