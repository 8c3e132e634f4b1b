import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { createInterface } from 'node:readline';
import type { LoggedAttempt } from '../engine/attempt-log.ts';
import type { DecisionRequest } from '../engine/decision-request.ts';
import type { EngineEvent } from '../engine/event.ts';
import type { Json, LaunchRequest } from '../engine/request.ts';
import type { Decision } from '../evidence/decision.ts';
import type { WindowLength } from '../evidence/leaf.ts';
import { fail, type Problem, ProblemError } from '../evidence/problem.ts';
import type { Plan } from '../plan/step.ts';
import type { Health } from './http-api.ts';
import type { LaunchPicture, LaunchSummary, LaunchView } from './launch-view.ts';
import type { OperationEvent } from './operation.ts';

/** Events as they come; the first line of a stream is the picture that they continue. */
export type StreamLine = EngineEvent | { readonly kind: 'picture'; readonly picture: LaunchPicture };

export type PlanAnswer = {
  readonly plan: Plan;
  readonly host: string;
  readonly runtime: string;
  readonly window: WindowLength;
};

/** The resident process as its clients see it. Every method throws a ProblemError where it refuses or is not there. */
export type ResidentClient = {
  health(): Promise<Health>;
  plan(request: LaunchRequest): Promise<PlanAnswer>;
  /** The new launch's name. */
  launch(request: LaunchRequest): Promise<string>;
  check(request: LaunchRequest, step: string): Promise<string>;
  /** Oldest first. */
  launches(): Promise<readonly LaunchSummary[]>;
  view(launch: string): Promise<LaunchView>;
  picture(launch: string): Promise<LaunchPicture>;
  /** Ends when the launch is closed, the resident process ends, or the signal comes. */
  events(launch: string, signal?: AbortSignal): AsyncIterable<StreamLine>;
  decide(launch: string, request: DecisionRequest): Promise<Decision>;
  /** Lets a launch whose plan could not be made try again now. */
  resume(launch: string): Promise<void>;
  logs(launch: string, step: string): Promise<readonly LoggedAttempt[]>;
  checkpoint(): Promise<string>;
  exportLedger(to: string): Promise<{ readonly size: number; readonly artefacts: number; readonly tombstones: number }>;
  entry(index: number): Promise<Json>;
  operations(): Promise<readonly string[]>;
  /** Resolves with the result; progress comes line by line. */
  operate(name: string, by: string, input: Json, progress: (line: string) => void): Promise<Json>;
};

type Asked = { readonly method: 'GET' | 'POST'; readonly path: string; readonly body?: unknown; signal?: AbortSignal };

/** A client over the Unix socket of a resident process. */
export function residentClient(socket: string): ResidentClient {
  const get = <T>(path: string) => ask<T>(socket, { method: 'GET', path });
  const post = <T>(path: string, body: unknown = {}) => ask<T>(socket, { method: 'POST', path, body });
  const at = (launch: string) => `/v1/launches/${encodeURIComponent(launch)}`;
  return {
    health: () => get('/v1/health'),
    plan: (request) => post('/v1/plan', request),
    launch: async (request) => (await post<{ launch: string }>('/v1/launches', request)).launch,
    check: async (request, step) => (await post<{ launch: string }>('/v1/checks', { request, step })).launch,
    launches: () => get('/v1/launches'),
    view: (launch) => get(at(launch)),
    picture: (launch) => get(`${at(launch)}/picture`),
    events: (launch, signal) =>
      lines<StreamLine>(socket, { method: 'GET', path: `${at(launch)}/events`, ...(signal && { signal }) }),
    decide: async (launch, request) =>
      (await post<{ decision: Decision }>(`${at(launch)}/decisions`, request)).decision,
    resume: async (launch) => {
      await post(`${at(launch)}/resume`);
    },
    logs: (launch, step) => get(`${at(launch)}/logs/${step.split('/').map(encodeURIComponent).join('/')}`),
    checkpoint: async () => (await get<{ checkpoint: string }>('/v1/ledger/checkpoint')).checkpoint,
    exportLedger: (to) => post('/v1/ledger/export', { to }),
    entry: (index) => get(`/v1/ledger/entries/${index}`),
    operations: () => get('/v1/operations'),
    operate: (name, by, input, progress) => operate(socket, name, { by, input }, progress),
  };
}

async function operate(socket: string, name: string, body: unknown, progress: (line: string) => void): Promise<Json> {
  const path = `/v1/operations/${encodeURIComponent(name)}`;
  for await (const event of lines<OperationEvent>(socket, { method: 'POST', path, body })) {
    if (event.kind === 'progress') progress(event.line);
    if (event.kind === 'failed') throw new ProblemError(event.problem);
    if (event.kind === 'done') return event.result;
  }
  return fail(wentAway(socket));
}

function send(socket: string, { method, path, body, signal }: Asked): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const sent: ClientRequest = httpRequest(
      {
        socketPath: socket,
        method,
        path,
        headers: body === undefined ? {} : { 'content-type': 'application/json' },
        ...(signal && { signal }),
      },
      resolve,
    );
    sent.on('error', (error: NodeJS.ErrnoException) =>
      reject(signal?.aborted ? error : new ProblemError(unreachable(socket, error.code), { cause: error })),
    );
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

async function ask<T>(socket: string, asked: Asked): Promise<T> {
  const answer = await send(socket, asked);
  const text = await whole(answer, socket);
  if (answer.statusCode === 204) return undefined as T;
  const read: unknown = parse(text, socket);
  if ((answer.statusCode ?? 500) >= 400) throw new ProblemError(problemIn(read, socket));
  return read as T;
}

async function* lines<T>(socket: string, asked: Asked): AsyncGenerator<T> {
  let answer: IncomingMessage;
  try {
    answer = await send(socket, asked);
  } catch (thrown) {
    if (asked.signal?.aborted) return;
    throw thrown;
  }
  if ((answer.statusCode ?? 500) >= 400)
    throw new ProblemError(problemIn(parse(await whole(answer, socket), socket), socket));
  try {
    for await (const line of createInterface({ input: answer, crlfDelay: Number.POSITIVE_INFINITY }))
      if (line !== '') yield parse(line, socket) as T;
  } catch (thrown) {
    // A stream that breaks off is at its end; whoever reads on looks whether the process is still there.
    if (thrown instanceof ProblemError) throw thrown;
  } finally {
    answer.destroy();
  }
}

async function whole(answer: IncomingMessage, socket: string): Promise<string> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of answer) chunks.push(chunk as Buffer);
  } catch {
    return fail(wentAway(socket));
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parse(text: string, socket: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return fail(wentAway(socket));
  }
}

function problemIn(read: unknown, socket: string): Problem {
  if (typeof read === 'object' && read !== null && 'problem' in read) return read.problem as Problem;
  return wentAway(socket);
}

const wentAway = (where: string): Problem => ({
  kind: 'host',
  what: 'the resident process went away in the middle of an answer',
  where,
  next: 'run the command again: it is started anew and goes on where it was',
});

const unreachable = (where: string, code: string | undefined): Problem => ({
  kind: 'host',
  what:
    code === 'EACCES'
      ? 'the resident process belongs to another user'
      : `no resident process answers (${code ?? 'no answer'})`,
  where,
  next: code === 'EACCES' ? 'run the command as the user who started it' : 'start it with `holdpoint serve`, or launch',
});

/** What a connection says where nobody listens, or where the listener is just going away (a reset). */
const NOBODY = new Set(['ENOENT', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE']);

/** Whether the thing that was thrown says that nobody listens. */
export const nobodyListens = (thrown: unknown): boolean =>
  thrown instanceof ProblemError &&
  thrown.cause instanceof Error &&
  'code' in thrown.cause &&
  NOBODY.has(String(thrown.cause.code));
