import { ProblemError } from '../evidence/problem.ts';
import { inOrder, planProblems } from '../plan/graph.ts';
import type { Plan, Step } from '../plan/step.ts';
import { withAskedObjectives } from './asked-objectives.ts';
import { build } from './enhancements/pipeline/build.ts';
import { tests } from './enhancements/pipeline/tests.ts';
import { ownChecks } from './own-checks.ts';
import { agents } from './production/deployment/agents.ts';
import { backup } from './production/deployment/backup.ts';
import { cache } from './production/deployment/cache.ts';
import { candidate } from './production/deployment/candidate.ts';
import { certificates } from './production/deployment/certificates.ts';
import { database } from './production/deployment/database.ts';
import { keys } from './production/deployment/keys.ts';
import { migrate } from './production/deployment/migrate.ts';
import { release } from './production/deployment/release.ts';
import { retire } from './production/deployment/retire.ts';
import { smoke } from './production/deployment/smoke.ts';
import { switchTraffic } from './production/deployment/switch.ts';
import { webhook } from './production/deployment/webhook.ts';
import { alertDelivery } from './production/monitoring/alert-delivery.ts';
import { dashboard } from './production/monitoring/dashboard.ts';
import { rules } from './production/monitoring/rules.ts';
import { watched } from './production/monitoring/watched.ts';
import { observedSteps } from './production/observed/observed-steps.ts';
import { addresses } from './production/preflight/addresses.ts';
import { headers } from './production/preflight/headers.ts';
import { health } from './production/preflight/health.ts';
import { host } from './production/preflight/host.ts';
import { latency } from './production/preflight/latency.ts';
import { migrations } from './production/preflight/migrations.ts';
import { prepare } from './production/preflight/prepare.ts';
import { readiness } from './production/preflight/readiness.ts';
import { restore } from './production/preflight/restore.ts';
import { secrets } from './production/preflight/secrets.ts';
import { tls } from './production/preflight/tls.ts';
import { window } from './production/validation/window.ts';
import { applicationCrash } from './staging/drills/application-crash.ts';
import { twin } from './staging/environment/twin.ts';
import { toldByHost } from './told-by-host.ts';
import type { World } from './world.ts';

/** Every check and every deed of the plan, one line each. A new one is registered here. */
const STEPS: readonly ((world: World) => Step | readonly Step[])[] = [
  prepare,
  host,
  secrets,
  health,
  addresses,
  readiness,
  headers,
  tls,
  latency,
  restore,
  migrations,
  ownChecks,
  release,
  keys,
  certificates,
  database,
  backup,
  cache,
  migrate,
  candidate,
  agents,
  switchTraffic,
  smoke,
  retire,
  webhook,
  watched,
  rules,
  dashboard,
  alertDelivery,
  window,
  twin,
  applicationCrash,
  build,
  tests,
];

/**
 * The whole plan for an app: what applies and what does not, in an order in which it can run.
 *
 * @throws ProblemError of kind `input` where holdpoint.yaml asks something of a step or objective that does not exist
 */
export function planFor(world: World): Plan<Step> {
  const { observe } = world.app;
  const ordinary = STEPS.flatMap((make) => make(world));
  const made = observe ? observedSteps(world, observe, ordinary) : ordinary.map((step) => aimingFirst(step, world));
  const { steps, problems } = withAskedObjectives(made, world.app.objectives);
  const plan = {
    app: world.app.name,
    environment: world.production.name,
    steps: inOrder(steps.map((step) => toldByHost(withWholeTasks(step, steps), world))),
    exemptions: world.app.exemptions,
  };
  const [first, ...others] = [...problems, ...planProblems(plan), ...strayExemptions(plan)];
  if (first) throw new ProblemError({ ...first, detail: others.map((p) => `${p.where ?? ''}: ${p.what}`) });
  return plan;
}

/** A step whose evidence depends on an environment's epoch begins that epoch, should it be the first of it. */
function aimingFirst(step: Step, world: World): Step {
  const names = (['production', 'staging'] as const).filter((name) => name in step.inputs);
  if (names.length === 0) return step;
  return {
    ...step,
    run: async (attempt) => {
      for (const name of names) await world.aim(name);
      return step.run(attempt);
    },
  };
}

/** `A.1/*` among a step's needs stands for every step of that task. */
function withWholeTasks(step: Step, steps: readonly Step[]): Step {
  const needs = step.needs.flatMap((need) => {
    if (!need.endsWith('/*')) return [need];
    return steps.filter((s) => s.id.startsWith(need.slice(0, -1)) && s.id !== step.id).map((s) => s.id);
  });
  return { ...step, needs: [...new Set(needs)] };
}

/** An exemption that names no step or objective would silently exempt nothing. */
function strayExemptions(plan: Plan<Step>) {
  return plan.exemptions
    .filter((e) => !plan.steps.some((s) => s.id === e.step && s.objectives.some((o) => o.id === e.objective)))
    .map((e) => ({
      kind: 'input' as const,
      what: `an exemption is for ${e.step} ${e.objective}, which the plan does not have`,
      where: 'holdpoint.yaml: exemptions',
      next: 'see `holdpoint plan --objectives` for the steps and objectives',
    }));
}
