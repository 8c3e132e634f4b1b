import { readFile } from 'node:fs/promises';
import type { HttpExpectation, LoadRequest, Observe, ServerByUrl } from '../../../config/app.ts';
import { exactly, type Measurement, type Method } from '../../../evidence/measurement.ts';
import type { Objective } from '../../../evidence/objective.ts';
import { fail } from '../../../evidence/problem.ts';
import { days, type Milliseconds } from '../../../evidence/units.ts';
import type { Applicability } from '../../../plan/step.ts';
import type { HttpTarget } from '../../../probes/http.ts';
import type { PrometheusTarget } from '../../../probes/promql.ts';
import { ask } from '../../asking.ts';
import type { Notebook } from '../../observing.ts';
import type { World } from '../../world.ts';

/** What every step says of itself that would have to change something. */
export const ONLY_OBSERVED: Applicability = {
  kind: 'not-applicable',
  because: 'something else deploys the app: it is only observed',
};

/**
 * What is deployed may be another release tomorrow, and nobody would tell us: a look stands for a day, in the launch that
 * looked (see `inputs.production` of an observed world).
 */
export const LOOK_STANDS: Milliseconds = days(1);

/** Whose requests these are, for whoever reads the log over there. */
export const SAYS_WHO = { 'user-agent': 'holdpoint (observes)' } as const;

/** What the evidence of an observed step depends on: where was looked, and when. No release: which one is unknown. */
export const observedInputs = ({ inputs }: World) => ({ production: inputs.production, holdpoint: inputs.holdpoint });

const READS: readonly string[] = ['GET', 'HEAD'];

/** Whether a request may be sent: one that could change something only where the team allows it. */
export const maySend = ({ allowWrites }: Pick<Observe, 'allowWrites'>, { method }: { readonly method: string }) =>
  allowWrites || READS.includes(method);

/** The requests that may be sent, and those that may not. */
export function sendable<R extends { readonly method: string }>(
  observe: Observe,
  all: readonly R[],
): { readonly sent: readonly R[]; readonly left: readonly R[] } {
  return { sent: all.filter((r) => maySend(observe, r)), left: all.filter((r) => !maySend(observe, r)) };
}

export const LEFT_OUT = 'would write, and `observe.allowWrites` is not set';

/** `GET /healthz, HEAD /` */
export const requestsText = (all: readonly { readonly method: string; readonly path: string }[]): string =>
  all.map(({ method, path }) => `${method} ${path}`).join(', ');

/** The same request below the URL of the deployment, which may itself lie below a path of its host. */
export function below<R extends HttpExpectation | LoadRequest>(observe: Observe, request: R): R {
  return { ...request, path: pathBelow(observe, request.path), headers: { ...SAYS_WHO, ...request.headers } };
}

export const pathBelow = ({ url }: Pick<Observe, 'url'>, path: string): string =>
  `${new URL(url).pathname.replace(/\/+$/, '')}${path}`;

export async function deploymentTarget(observe: Observe): Promise<HttpTarget> {
  return { ...(await targetOf(observe, 'observe.caFile')), timeoutMs: 10_000 };
}

/** By GET alone: whoever stands before it may take a POST for a change. */
export async function prometheusOf(server: ServerByUrl): Promise<PrometheusTarget> {
  return { ...(await targetOf(server, 'observe.prometheus.caFile')), timeoutMs: 15_000, by: 'GET' };
}

async function targetOf(server: ServerByUrl, key: string): Promise<{ readonly baseUrl: string; readonly ca?: string }> {
  const ca = await authoritiesOf(server, key);
  return { baseUrl: server.url, ...(ca === undefined ? {} : { ca }) };
}

/** PEM of the authorities to trust; undefined: those that Node trusts. */
export async function authoritiesOf({ caFile }: ServerByUrl, key: string): Promise<string | undefined> {
  if (caFile === undefined) return undefined;
  return readFile(caFile, 'utf8').catch(() =>
    fail({
      kind: 'input',
      what: 'the file with the certificates of the CA cannot be read',
      where: caFile,
      next: `put it there, or change \`${key}\` in holdpoint.yaml`,
    }),
  );
}

/** What the plan says of requests that are not sent because they would write. */
export const notSentObjective = (metric: string): Objective =>
  ask({
    id: 'not-sent',
    metric,
    is: ['==', 0, 'count'],
    source: 'what was not asked is said',
    gate: 'warn',
    maximumAge: LOOK_STANDS,
  });

/** How many of `all` declared requests were not sent, and which. */
export const notSent = (
  metric: string,
  left: readonly { readonly method: string; readonly path: string }[],
  all: number,
  method: Method,
  note: Notebook,
): Measurement =>
  note({
    metric,
    unit: 'count',
    observed: exactly(left.length, all),
    method,
    note: left.length === 0 ? undefined : `${requestsText(left)}: ${LEFT_OUT}`,
  });
