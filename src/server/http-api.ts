import { timingSafeEqual } from 'node:crypto';
import Fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { loggedAttempts } from '../engine/attempt-log.ts';
import type { Engine } from '../engine/engine.ts';
import type { EngineEvent } from '../engine/event.ts';
import type { LaunchRequest } from '../engine/request.ts';
import { fail, type Problem, ProblemError, problemOf } from '../evidence/problem.ts';
import type { Clock } from '../evidence/units.ts';
import { toldTo } from '../hosts/telling.ts';
import { planAsData, type StepId } from '../plan/step.ts';
import { lineStream } from './event-stream.ts';
import { type LaunchPicture, launchView, picture, summary } from './launch-view.ts';
import type { Ledger } from './ledger.ts';
import type { Operation, OperationEvent } from './operation.ts';
import {
  checkRequest,
  decisionRequest,
  exportRequest,
  launchRequest,
  operationRequest,
  shaped,
} from './request-shape.ts';

/** What is asked of the resident process to see that it is there. */
export type Health = {
  readonly version: string;
  readonly pid: number;
  readonly since: number;
  readonly state: string;
  readonly database: { readonly description: string; readonly how: string; readonly down?: Problem };
  readonly ledger: { readonly problem?: Problem };
  readonly openLaunches: readonly string[];
};

export type ApiParts = {
  readonly engine: Engine;
  readonly ledger: Ledger;
  readonly health: () => Health;
  readonly attemptLogs: string;
  readonly operations: Readonly<Record<string, Operation>>;
  /** Refuses a request whose app cannot be launched from this state directory. */
  readonly refuse: (request: LaunchRequest) => void;
  readonly clock: Clock;
  readonly log: (line: string) => void;
  /** Over TCP every request must bear it; a Unix socket is guarded by its mode. */
  readonly token?: string;
};

const STATUS: Record<Problem['kind'], number> = { input: 400, conflict: 409, host: 503, app: 422, internal: 500 };

/** The API, version 1: JSON in, JSON out, `{ "problem": … }` where something went wrong. Not yet listening. */
export function httpApi(parts: ApiParts): FastifyInstance {
  const app = Fastify({ logger: false, bodyLimit: 1_048_576, forceCloseConnections: true });
  app.setErrorHandler((error: FastifyError | ProblemError, _request, reply) => answerProblem(parts, error, reply));
  app.setNotFoundHandler((request) =>
    fail({
      kind: 'input',
      what: `there is no ${request.method} ${request.url}`,
      next: 'use a client of the same version as the resident process',
    }),
  );
  const { token } = parts;
  if (token !== undefined) app.addHook('onRequest', async (request) => refuseWithoutToken(request, token));
  app.get('/v1/health', async () => parts.health());
  launchRoutes(app, parts);
  ledgerRoutes(app, parts);
  operationRoutes(app, parts);
  return app;
}

function answerProblem({ log }: ApiParts, error: FastifyError | ProblemError, reply: FastifyReply): void {
  const refused = !(error instanceof ProblemError) && error.statusCode !== undefined && error.statusCode < 500;
  const problem: Problem = refused
    ? { kind: 'input', what: error.message, next: 'use a client of the same version as the resident process' }
    : problemOf(error);
  if (problem.kind === 'internal') log(`fault: ${error.stack ?? error.message}`);
  void reply.code(STATUS[problem.kind]).send({ problem });
}

function refuseWithoutToken(request: FastifyRequest, token: string): void {
  const given = Buffer.from(request.headers.authorization ?? '');
  const wanted = Buffer.from(`Bearer ${token}`);
  if (given.length === wanted.length && timingSafeEqual(given, wanted)) return;
  throw Object.assign(new Error('the bearer token is missing or wrong'), { statusCode: 401 });
}

type ById = { Params: { id: string } };
type ByStep = { Params: { id: string; '*': string } };

function launchRoutes(app: FastifyInstance, parts: ApiParts): void {
  const { engine, refuse } = parts;
  const pictureOf = async (launch: string): Promise<LaunchPicture> => picture(await engine.snapshot(launch));

  app.post('/v1/plan', async ({ body }) => {
    const { plan, host, runtime, window } = await engine.plan(shaped(launchRequest, body));
    return { plan: planAsData(plan), host, runtime, window };
  });
  app.post('/v1/launches', async ({ body }, reply) => {
    const request = shaped(launchRequest, body);
    refuse(request);
    return reply.code(201).send({ launch: await engine.start(request) });
  });
  app.post('/v1/checks', async ({ body }, reply) => {
    const { request, step } = shaped(checkRequest, body);
    refuse(request);
    return reply.code(201).send({ launch: await engine.check(request, step as StepId) });
  });
  app.get('/v1/launches', async () => engine.records().map((r) => summary(r, engine.isOpen(r.launch))));
  app.get<ById>('/v1/launches/:id', async ({ params }) => launchView(await pictureOf(params.id)));
  app.get<ById>('/v1/launches/:id/picture', async ({ params }) => pictureOf(params.id));
  app.post<ById>('/v1/launches/:id/decisions', async ({ params, body }, reply) =>
    reply.code(201).send({ decision: await engine.decide(params.id, shaped(decisionRequest, body)) }),
  );
  app.post<ById>('/v1/launches/:id/resume', async ({ params }, reply) => {
    engine.nudge(params.id);
    return reply.code(204).send();
  });
  app.get<ByStep>('/v1/launches/:id/logs/*', async ({ params }) => {
    const { leaves } = await engine.snapshot(params.id);
    return loggedAttempts(parts.attemptLogs, params.id, params['*'], leaves);
  });
  app.get<ById>('/v1/launches/:id/events', async ({ params }, reply) => {
    // Heard from the moment of the picture on: nothing falls between the two.
    const before: EngineEvent[] = [];
    let hear = (event: EngineEvent): void => void before.push(event);
    const leave = engine.subscribe((event) => {
      if (event.launch === params.id) hear(event);
    });
    const wasOpen = engine.isOpen(params.id);
    const first = await pictureOf(params.id).catch((thrown: unknown) => {
      leave();
      throw thrown;
    });
    const stream = lineStream(reply);
    stream.onGone(leave);
    stream.send({ kind: 'picture', picture: first });
    if (!wasOpen) return stream.end();
    hear = (event) => {
      stream.send(event);
      if (event.kind === 'launch-closed') stream.end();
    };
    for (const event of before) hear(event);
  });
}

function ledgerRoutes(app: FastifyInstance, { ledger }: ApiParts): void {
  app.get('/v1/ledger/checkpoint', async () => ({ checkpoint: await ledger.checkpoint() }));
  app.post('/v1/ledger/export', async ({ body }) => ledger.exportTo(shaped(exportRequest, body).to));
  app.get<{ Params: { index: string } }>('/v1/ledger/entries/:index', async ({ params }) => {
    const { leaf, statement, envelope, hash, proof, checkpoint, signedCheckpoint, judged } = await ledger.show(
      Number(params.index),
    );
    return {
      ...{ leaf, statement, envelope, signedCheckpoint },
      hash: hash.toString('base64'),
      proof: proof.map((h) => h.toString('base64')),
      checkpoint: { ...checkpoint, root: checkpoint.root.toString('base64') },
      judged: judged.map(({ objective, verdict: { kind, because } }) => ({ objective, verdict: { kind, because } })),
    };
  });
}

function operationRoutes(app: FastifyInstance, { operations, clock, log }: ApiParts): void {
  app.get('/v1/operations', async () => Object.keys(operations));
  app.post<{ Params: { name: string } }>('/v1/operations/:name', async ({ params, body }, reply) => {
    const operation = Object.hasOwn(operations, params.name) ? operations[params.name] : undefined;
    if (operation === undefined)
      return fail({
        kind: 'input',
        what: `there is no operation ${params.name}`,
        next: `known are: ${Object.keys(operations).join(', ') || 'none'}`,
      });
    const { by, input } = shaped(operationRequest, body);
    const stream = lineStream(reply);
    const send = (event: OperationEvent) => stream.send(event);
    log(`operation ${params.name} by ${by}`);
    // A client that goes away does not end what it asked for.
    try {
      const progress = (line: string) => {
        log(`${params.name}: ${line}`);
        send({ kind: 'progress', at: clock(), line });
      };
      send({ kind: 'done', result: await toldTo(progress, () => operation(input, { by, progress })) });
    } catch (thrown) {
      const problem = problemOf(thrown, params.name);
      log(`operation ${params.name} failed: ${problem.what}`);
      send({ kind: 'failed', problem });
    }
    stream.end();
  });
}
