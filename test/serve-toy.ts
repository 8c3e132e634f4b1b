/** A resident process with toy steps, as a program of its own: `serve-toy.ts STATE`. */
import { setTimeout as pause } from 'node:timers/promises';
import { milliseconds } from '../src/evidence/units.ts';
import { serveUntilSignalled } from '../src/server/serve.ts';
import { marksIn, toyPlan, toyStep } from './toy-plan.ts';

const [state = '', marks = '/dev/null'] = process.argv.slice(2);
const mark = marksIn(marks);
await serveUntilSignalled(
  {
    state,
    version: 'toy',
    secrets: () => [{ name: 'the canary', value: 'canary-b3c1-not-for-the-ledger' }],
    compose: ({ log }) => ({
      plans: async ({ environment, options }) => {
        const lasts = typeof options.lasts === 'number' ? options.lasts : 0;
        const until = typeof options.until === 'string' ? { until: options.until } : {};
        const value = typeof options.value === 'number' ? options.value : 0;
        return toyPlan(
          [
            toyStep('A.1/first', { lasts, ...until }, mark),
            toyStep('A.1/second', { needs: ['A.1/first'], value, silent: options.silent === 1 }, mark),
            toyStep(
              'B.1/leaks',
              {
                applies: options.leaks ? { kind: 'applies' } : { kind: 'not-applicable', because: 'nothing to leak' },
                during: async (attempt) => {
                  await attempt.artefact('leak', 'canary-b3c1-not-for-the-ledger', milliseconds(1000));
                },
              },
              mark,
            ),
          ].map((step) => ({ ...step, task: step.id.startsWith('B') ? ('B.1' as const) : step.task })),
          environment,
        );
      },
      operations: {
        down: async (input, { by, progress }) => {
          log('down was asked for');
          progress(`stopping for ${by}`);
          await pause(20);
          progress('stopped');
          return { stopped: input };
        },
        broken: async () => {
          throw new Error('a fault');
        },
      },
    }),
  },
  () => undefined,
);
process.exit(0);
