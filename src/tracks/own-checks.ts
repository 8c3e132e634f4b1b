import type { OwnCheck } from '../config/app.ts';
import { authorityFile } from '../environments/certificates.ts';
import { doorUrl } from '../environments/environment.ts';
import { seconds } from '../evidence/units.ts';
import { type Attempt, QUIET_MACHINE, type Step, type StepId } from '../plan/step.ts';
import { measuresTime } from '../probes/own-check-output.ts';
import { APPLIES } from './asking.ts';
import { type CheckSettings, carryOut, methodText } from './own-checks/carry-out.ts';
import type { World } from './world.ts';

/**
 * A team's own checks: a command that prints what it measured, or a module that returns it. Both come out as evidence
 * like ours; whatever else they do is no observation.
 */
export const ownChecks = (world: World): readonly Step[] => world.app.checks.map((check) => ownCheck(world, check));

const ownCheck = (world: World, check: OwnCheck): Step => ({
  id: `A.1/check-${check.name}` as StepId,
  task: 'A.1',
  title: `The team's own check ${check.name}`,
  needs: ['A.2/release'],
  inputs: { release: world.inputs.release, source: world.inputs.source, holdpoint: world.inputs.holdpoint },
  applies: APPLIES,
  // The environment that it may look at is not taken away meanwhile.
  tokens: measuresTime(check.objective.unit) ? QUIET_MACHINE : ['cpu', 'app'],
  estimate: seconds(10),
  objectives: [check.objective],
  retry: { kind: 'never' },
  async run(attempt) {
    const { host, scratchFolder, clock } = world;
    const seen = await whatItMaySee(world, attempt);
    const source = await world.checkout('pipeline');
    const built = await world.release().then(
      ({ folder }) => folder,
      // Nothing was built where the app is only observed.
      () => undefined,
    );
    attempt.progress(`runs ${methodText(check)}`);
    return carryOut(check, { host, scratchFolder, source, built, clock, signal: attempt.signal, ...seen });
  },
});

async function whatItMaySee(
  world: World,
  attempt: Attempt,
): Promise<Pick<CheckSettings, 'environment' | 'url' | 'caFile'>> {
  const { observe, services } = world.app;
  if (observe) return { environment: 'production', url: observe.url, caFile: observe.caFile };
  if (!services.some((s) => s.kind === 'web')) return { environment: 'preflight', url: undefined, caFile: undefined };
  const environment = await world.preflight(attempt);
  return {
    environment: environment.name,
    url: await doorUrl(environment, 'public'),
    caFile: authorityFile(environment),
  };
}
