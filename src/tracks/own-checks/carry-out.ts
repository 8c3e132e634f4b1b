import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Command, OwnCheck } from '../../config/app.ts';
import { absent, type Measurement } from '../../evidence/measurement.ts';
import type { Clock } from '../../evidence/units.ts';
import type { CommandEnd } from '../../hosts/host.ts';
import { bundleModule } from '../../probes/own-check-module.ts';
import { measuresTime, plain, type Read, readOutput, shown } from '../../probes/own-check-output.ts';
import { howItEnded } from '../../releases/build.ts';
import type { Tree } from '../../releases/source-tree.ts';
import { notebook } from '../observing.ts';
import { quietly } from '../quiet.ts';
import { inSandbox, type Sandbox, type SandboxSettings } from './sandbox.ts';

/** What a check is told: where the app can be looked at. No secret is among it. */
export type CheckContext = {
  /** `preflight`, or `production` where the app is observed. */
  readonly environment: string;
  /** Where the app answers; not there where it has no web service. */
  readonly urls: { readonly app?: string };
  /** What is asked for. */
  readonly metric: string;
  readonly unit: string;
  /** Aborted when the time limit is over; two seconds later the check is killed. */
  readonly signal: AbortSignal;
};

export type CheckSettings = Omit<SandboxSettings, 'caFile'> & {
  readonly environment: string;
  readonly url: string | undefined;
  /** PEM file of the authority that signed the certificate at `url`; undefined: one that Node trusts. */
  readonly caFile: string | undefined;
  readonly clock: Clock;
  readonly signal: AbortSignal;
};

/** Runs one check in its sandbox. Whatever is no measurement as it was asked for comes back as absent, with the reason. */
export function carryOut(check: OwnCheck, settings: CheckSettings): Promise<Measurement[]> {
  return inSandbox(settings, (sandbox) => measure(check, sandbox, settings));
}

async function measure(check: OwnCheck, sandbox: Sandbox, settings: CheckSettings): Promise<Measurement[]> {
  const { metric, unit } = check.objective;
  const note = notebook(settings.host.name, settings.clock);
  const { result, quietness } = await quietly(() => answerOf(check, sandbox, settings));
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

export const methodText = ({ by }: OwnCheck): string =>
  by.kind === 'command' ? by.command.join(' ') : `the default export of ${by.path}`;

async function answerOf(check: OwnCheck, sandbox: Sandbox, settings: CheckSettings): Promise<Read> {
  const ready = await commandFor(check, sandbox, settings.source);
  if (ready.kind === 'refused') return ready;
  const environment = environmentOf(check, sandbox, settings);
  const end = await sandbox.run(ready.command, { environment, timeLimit: check.timeLimit }, settings.signal);
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

function environmentOf({ objective }: OwnCheck, { caFile }: Sandbox, seen: CheckSettings): Record<string, string> {
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
