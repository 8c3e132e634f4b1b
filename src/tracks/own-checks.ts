import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Command, OwnCheck } from '../config/app.ts';
import { authorityFile } from '../environments/certificates.ts';
import { doorUrl } from '../environments/environment.ts';
import { absent, type Measurement } from '../evidence/measurement.ts';
import { seconds } from '../evidence/units.ts';
import type { CommandEnd } from '../hosts/host.ts';
import { type Attempt, QUIET_MACHINE, type Step, type StepId } from '../plan/step.ts';
import { bundleModule } from '../probes/own-check-module.ts';
import { measuresTime, plain, type Read, readOutput, shown } from '../probes/own-check-output.ts';
import { howItEnded } from '../releases/build.ts';
import type { Tree } from '../releases/source-tree.ts';
import { APPLIES } from './asking.ts';
import { notebook } from './observing.ts';
import { inSandbox, type Sandbox } from './own-checks/sandbox.ts';
import { quietly } from './quiet.ts';
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
  inputs: { release: world.inputs.release, source: world.inputs.source },
  applies: APPLIES,
  // The environment that it may look at is not taken away meanwhile.
  tokens: measuresTime(check.objective.unit) ? QUIET_MACHINE : ['cpu', 'app'],
  estimate: seconds(10),
  objectives: [check.objective],
  retry: { kind: 'never' },
  async run(attempt) {
    const seen = await whatItMaySee(world, attempt);
    const source = await world.checkout('pipeline');
    const built = await world.release().then(
      ({ folder }) => folder,
      () => undefined,
    );
    const { host, scratchFolder } = world;
    return inSandbox({ host, scratchFolder, source, built, caFile: seen.caFile }, (sandbox) =>
      measure(world, check, { sandbox, source, seen }, attempt),
    );
  },
});

/** What a check is told: where the app can be looked at. No secret is among it. */
export type CheckContext = {
  /** `preflight`, or `production` where the app is observed. */
  readonly environment: string;
  /** Where the app answers; undefined where it has no web service. */
  readonly urls: { readonly app?: string };
  /** What is asked for. */
  readonly metric: string;
  readonly unit: string;
  /** Aborted when the time limit is over; two seconds later the check is killed. */
  readonly signal: AbortSignal;
};

type Seen = { readonly environment: string; readonly url: string | undefined; readonly caFile: string | undefined };

async function whatItMaySee(world: World, attempt: Attempt): Promise<Seen> {
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

type Given = { readonly sandbox: Sandbox; readonly source: Tree; readonly seen: Seen };

async function measure(world: World, check: OwnCheck, given: Given, attempt: Attempt): Promise<Measurement[]> {
  const { metric, unit } = check.objective;
  const { sandbox } = given;
  const note = notebook(world.host.name, world.clock);
  attempt.progress(`runs ${methodText(check)}`);
  const { result, quietness } = await quietly(() => carryOut(check, given, attempt.signal));
  const common = {
    metric,
    unit,
    method: { kind: 'command', text: methodText(check) },
    ...(measuresTime(unit) ? { quietness } : {}),
  } as const;
  if (result.kind === 'refused') return [note({ ...common, observed: absent(result.because), note: sandbox.weakness })];
  return result.measurements.map((one) =>
    note({
      ...common,
      of: one.of,
      observed: one.observed,
      note: [one.note, sandbox.weakness].filter((text) => text !== undefined).join('; ') || undefined,
    }),
  );
}

const methodText = ({ by }: OwnCheck): string =>
  by.kind === 'command' ? by.command.join(' ') : `the default export of ${by.path}`;

async function carryOut(check: OwnCheck, { sandbox, source, seen }: Given, signal: AbortSignal): Promise<Read> {
  const ready = await commandFor(check, sandbox, source);
  if (ready.kind === 'refused') return ready;
  const environment = environmentOf(check, sandbox, seen);
  const end = await sandbox.run(ready.command, { environment, timeLimit: check.timeLimit }, signal);
  if (end.kind !== 'exited' || end.code !== 0)
    return { kind: 'refused', because: `the check ${howItEnded(end)}${lastWords(end, sandbox)}` };
  const read = readOutput(end.stdout, check.objective);
  return read.kind === 'refused' ? { kind: 'refused', because: `the check is no measurement: ${read.because}` } : read;
}

type Ready =
  | { readonly kind: 'ready'; readonly command: Command }
  | { readonly kind: 'refused'; readonly because: string };

async function commandFor({ name, by }: OwnCheck, sandbox: Sandbox, source: Tree): Promise<Ready> {
  if (by.kind === 'command') return { kind: 'ready', command: by.command };
  const paths = new Set(source.files.filter((file) => file.kind !== 'link').map((file) => file.path));
  const bundled = await bundleModule(by.path, {
    paths,
    read: (path) => readFile(join(sandbox.source, path), 'utf8'),
  });
  if (bundled.kind === 'refused') return bundled;
  // Beside the module, so that Node looks for packages where the module would have it look.
  const file = join(dirname(by.path), `.holdpoint-check-${name}.mjs`);
  await sandbox.add(file, bundled.code);
  return { kind: 'ready', command: ['node', file] };
}

function environmentOf({ objective }: OwnCheck, { caFile }: Sandbox, seen: Seen): Record<string, string> {
  const { metric, unit } = objective;
  const context: Omit<CheckContext, 'signal'> = {
    environment: seen.environment,
    urls: seen.url === undefined ? {} : { app: seen.url },
    metric,
    unit,
  };
  return {
    HOLDPOINT_CHECK: JSON.stringify(context),
    HOLDPOINT_ENVIRONMENT: seen.environment,
    ...(seen.url === undefined ? {} : { HOLDPOINT_URL: seen.url }),
    // Beside what Node trusts anyway, so that `fetch` takes the environment's own certificate.
    ...(caFile === undefined ? {} : { HOLDPOINT_CA_FILE: caFile, NODE_EXTRA_CA_CERTS: caFile }),
  };
}

/** Why it ended, in its own words: the line that names the error, else the last one that says anything. */
function lastWords(end: CommandEnd, { source }: Sandbox): string {
  if (!('stderr' in end)) return '';
  const lines = end.stderr.split('\n').filter((line) => line.trim() !== '' && !/^Node\.js v\d/.test(line));
  const line = lines.findLast((l) => /^(Uncaught )?[\w.]*(Error|Exception)( \[\w+\])?: /.test(l)) ?? lines.at(-1);
  return line === undefined ? '' : `: ${shown(plain(line.replaceAll(source, '.'), 200))}`;
}
