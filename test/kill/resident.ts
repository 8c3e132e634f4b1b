/**
 * A resident process that ends itself with SIGKILL at a moment it was told: the child of the kill matrix.
 *
 * Told by the environment: KILL_STATE (state directory), KILL_MARKS (file of side effects), KILL_AT (boundary, or `none`),
 * KILL_COUNT (at its how many-th time), KILL_SEED (order of the steps).
 */
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import type { Planned } from '../../src/engine/request.ts';
import { ProblemError } from '../../src/evidence/problem.ts';
import { type Digest, days, milliseconds } from '../../src/evidence/units.ts';
import { serveUntilSignalled } from '../../src/server/serve.ts';
import { marksIn, type Toy, toyPlan, toyStep } from '../toy-plan.ts';

const told = (name: string): string => process.env[`KILL_${name}`] ?? '';
const at = told('AT');
let left = Number(told('COUNT') || 1);

/** Here is the boundary `name`; if it is the one, nothing comes after this line. */
function boundary(name: string): void {
  if (name === at && --left === 0) process.kill(process.pid, 'SIGKILL');
}

/** The two boundaries within the append's transaction, seen on the wire: leaves are inserted, COMMIT is not yet sent, or just answered. */
function watchTransactions(): void {
  const original = pg.Client.prototype.query as (...parameters: unknown[]) => unknown;
  const holding = new WeakSet<object>();
  pg.Client.prototype.query = function (this: pg.Client, ...parameters: unknown[]) {
    const text = typeof parameters[0] === 'string' ? parameters[0] : '';
    if (/INSERT INTO \S+\.leaves/.test(text)) holding.add(this);
    if (text !== 'COMMIT' || !holding.delete(this)) return original.apply(this, parameters);
    boundary('before-commit');
    const answer = original.apply(this, parameters);
    if (!(answer instanceof Promise)) return answer;
    return answer.then((result) => {
      boundary('after-commit');
      return result;
    });
  } as typeof pg.Client.prototype.query;
}

/** xorshift32: the same seed, the same order. */
function shuffled<T>(items: readonly T[], seed: number): T[] {
  let state = seed || 1;
  const random = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
  return items
    .map((item) => [random(), item] as const)
    .sort(([a], [b]) => a - b)
    .map(([, item]) => item);
}

const marks = marksIn(told('MARKS'));
const inRun: Toy = { during: () => boundary('in-run') };
const TOYS: Record<string, Toy> = {
  'A.1/root': inRun,
  'A.1/left': { ...inRun, needs: ['A.1/root'], tokens: ['cpu'] },
  'A.1/right': { ...inRun, needs: ['A.1/root'], tokens: ['cpu', 'disk'] },
  'A.1/alone': { ...inRun, tokens: ['cpu', 'disk', 'app'] },
  'A.1/slow': { lasts: 150, needs: ['A.1/root'] },
  'A.1/flaky': {
    needs: ['A.1/root'],
    retry: { kind: 'back-off', attempts: 3, first: milliseconds(30), factor: 2 },
    during: ({ number }) => {
      boundary('in-run');
      if (number % 2 === 1) throw new ProblemError({ kind: 'host', what: 'not yet', next: 'wait' });
    },
  },
  'A.1/artefact': {
    needs: ['A.1/left'],
    during: async (attempt) => {
      await attempt.artefact('what was seen', `seen in attempt ${attempt.number}`, days(1));
      boundary('in-run');
    },
  },
  'A.1/join': { ...inRun, needs: ['A.1/left', 'A.1/right'] },
  'A.1/long': { lasts: 80, needs: ['A.1/flaky'] },
  'A.1/tail-1': { ...inRun, needs: ['A.1/join'], tokens: ['app'] },
  'A.1/tail-2': { ...inRun, needs: ['A.1/join', 'A.1/slow'], tokens: ['app'] },
  'A.1/end': { ...inRun, needs: ['A.1/tail-1', 'A.1/tail-2', 'A.1/long', 'A.1/artefact', 'A.1/alone'] },
};

watchTransactions();
await serveUntilSignalled(
  {
    state: told('STATE'),
    version: 'kill',
    boundary,
    order: (due) => shuffled(due, Number(told('SEED')) + due.length),
    compose: () => ({
      plans: async ({ environment, options }): Promise<Planned> => {
        const inputs = { round: `sha256:${String(options.round).padStart(64, '0')}` as Digest };
        const steps = Object.entries(TOYS).map(([id, toy]) =>
          toyStep(id as `A.1/${string}`, { ...toy, inputs }, marks),
        );
        return toyPlan(steps, environment);
      },
      operations: {},
    }),
  },
  () => process.stdout.write('ready\n'),
);
// A step that is in the middle of something is left to the next process.
await pause(0);
process.exit(0);
