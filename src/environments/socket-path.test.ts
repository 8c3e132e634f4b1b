import { expect, it } from 'vitest';
import { sampleApp } from '../../test/sample-app.ts';
import { systemClock } from '../evidence/units.ts';
import { localHost } from '../hosts/local.ts';
import { processPlace } from '../runtimes/process/place.ts';
import { requireSocketPath } from './database.ts';
import { describeEnvironment, type Environment } from './environment.ts';

/** Production of an app of this name as far as its paths go: nothing is opened. */
function productionOf(name: string, state: string): Environment {
  const app = sampleApp({ name });
  const settings = app.environments.production;
  const open = {
    app,
    name: 'production',
    kind: 'lasting',
    settings,
    state,
    host: localHost(),
    clock: systemClock,
  } as const;
  const described = describeEnvironment(open);
  const place = processPlace(described.folder, () => {
    throw new Error('no program is looked for');
  });
  return Object.defineProperty(described, 'runtime', { value: { place } });
}

const letters = (count: number) => 'a'.repeat(count);

it('the socket of Postgres fits below the usual state directory for a name of 26 letters', () => {
  expect(() => requireSocketPath(productionOf(letters(26), '/var/lib/holdpoint'))).not.toThrow();
});

it('a name that is too long for it is refused, with the length that fits', () => {
  expect(() => requireSocketPath(productionOf(letters(29), '/var/lib/holdpoint'))).toThrow(
    expect.objectContaining({
      problem: expect.objectContaining({
        kind: 'input',
        what: "the path of the socket of Postgres is 3 bytes longer than a socket's may be",
        next: 'give the app a name of at most 26 letters, or a shorter state directory with --state DIR',
      }),
    }),
  );
});

it('a state directory that leaves no room for any name is what has to be shorter', () => {
  expect(() => requireSocketPath(productionOf('shop', `/srv/${letters(40)}`))).toThrow(
    expect.objectContaining({
      problem: expect.objectContaining({ next: 'give a shorter state directory with --state DIR' }),
    }),
  );
});
