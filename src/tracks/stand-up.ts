import { bringUpCache } from '../environments/cache.ts';
import { bringUpDatabase, expectSuccess, MIGRATION_LIMIT, runDatabaseCommand } from '../environments/database.ts';
import { type Environment, hostPorts } from '../environments/environment.ts';
import { ownPorts } from '../environments/routing.ts';
import { fail, ProblemError } from '../evidence/problem.ts';
import type { Clock } from '../evidence/units.ts';
import { minutes } from '../evidence/units.ts';
import { portProblem } from '../hosts/ports.ts';
import type { Release } from '../releases/release.ts';
import { notReady, rollOut } from './rollout.ts';

export type StandUp = {
  readonly release: Release;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly progress: (line: string) => void;
};

/**
 * Brings a whole environment up that nobody depends on yet: database, migrations, sample data, services, load balancer.
 * What is there already stays, so that a start that was cut off goes on.
 */
export async function standUp(environment: Environment, { release, signal, clock, progress }: StandUp): Promise<void> {
  const { app } = environment;
  await requirePorts(environment);
  if (app.database?.managed.kind === 'by-holdpoint') {
    progress('starts the database');
    await bringUpDatabase(environment, signal);
  }
  await bringUpCache(environment, signal);
  const { migrations, seed } = app.database ?? {};
  if (migrations) {
    progress('migrates it');
    const end = await runDatabaseCommand(
      environment,
      release,
      { name: 'migrate', command: migrations.up, timeLimit: MIGRATION_LIMIT },
      signal,
    );
    expectSuccess(end, 'the migrations failed', environment);
  }
  if (seed) {
    progress('fills it with sample data');
    const end = await runDatabaseCommand(
      environment,
      release,
      { name: 'seed', command: seed, timeLimit: minutes(10) },
      signal,
    );
    expectSuccess(end, 'the sample data could not be written', environment);
  }
  progress('starts the services');
  const [failing] = notReady(await rollOut(environment, release, signal, clock));
  if (failing === undefined) return;
  throw new ProblemError({
    kind: 'app',
    what: `a service did not become ready: ${failing}`,
    where: environment.name,
    next: 'look at its log with `holdpoint logs`, mend the service, and launch again',
  });
}

/**
 * The ports that an environment takes of its host, none of which somebody else may hold. Those of its own running units
 * are left out.
 *
 * @throws ProblemError `host` for the first that is taken, naming pid and program
 */
export async function requirePorts(environment: Environment): Promise<void> {
  const own = await ownPorts(environment);
  for (const { port } of hostPorts(environment)) {
    const state = own.has(port) ? undefined : await environment.host.portState(port);
    if (state?.kind === 'taken') fail(portProblem(port, state.by));
  }
}
