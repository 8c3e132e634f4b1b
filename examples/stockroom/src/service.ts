import type { Server } from 'node:http';
import { createPool, type Pool } from './database.ts';
import { drainServer, listen } from './http/drain.ts';
import { operationRoutes } from './http/operations.ts';
import type { HttpError, Response } from './http/response.ts';
import type { Route } from './http/router.ts';
import { createHttpServer } from './http/server.ts';
import { errorFields, log } from './log.ts';
import { createServiceMetrics, type ServiceMetrics } from './metrics.ts';
import { ReadinessProbe } from './readiness.ts';
import { type Environment, type ServiceSettings, SettingError, serviceSettings } from './settings.ts';

export interface ServiceParts {
  readonly routes: readonly Route[];
  readonly renderError: (error: HttpError, path: string) => Response;
  /** What else has to come to its end before the process may exit, begun when a stop is asked for. */
  readonly stop?: () => Promise<void>;
  readonly start?: () => void;
}

export interface ServiceContext {
  readonly pool: Pool;
  readonly metrics: ServiceMetrics;
}

export interface ServiceDefinition {
  readonly name: string;
  readonly defaults: { readonly port: number; readonly poolSize: number };
  build(context: ServiceContext, env: Environment): ServiceParts;
}

/** Runs a service in this process until SIGTERM or SIGINT; exit status 2 for settings that cannot be used. */
export async function runService(definition: ServiceDefinition, env: Environment): Promise<void> {
  const { name } = definition;
  try {
    await start(definition, env);
  } catch (error) {
    log('error', 'cannot start', { service: name, ...errorFields(error) });
    process.exit(error instanceof SettingError ? 2 : 1);
  }
}

async function start(definition: ServiceDefinition, env: Environment): Promise<void> {
  const { name } = definition;
  const settings = serviceSettings(env, definition.defaults);
  const { databaseUrl, poolSize, statementTimeoutMs } = settings;
  const pool = createPool(databaseUrl, { name, max: poolSize, timeoutMs: statementTimeoutMs });
  const readiness = new ReadinessProbe(databaseUrl, name);
  const metrics = createServiceMetrics(name, pool);
  const parts = definition.build({ pool, metrics }, env);

  let draining = false;
  const isDraining = (): boolean => draining;
  const server = createHttpServer({
    routes: [...operationRoutes(readiness, metrics, isDraining), ...parts.routes],
    metrics,
    renderError: parts.renderError,
    isDraining,
  });
  const onSignal = (signal: NodeJS.Signals): void => {
    if (draining) return;
    draining = true;
    log('info', 'draining', { service: name, signal });
    void stop(name, settings, server, parts, [pool.end.bind(pool), readiness.close.bind(readiness)]);
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);

  const port = await listen(server, settings.port, settings.host);
  parts.start?.();
  log('info', 'listening', { service: name, host: settings.host, port });
}

async function stop(
  name: string,
  settings: ServiceSettings,
  server: Server,
  parts: ServiceParts,
  closers: ReadonlyArray<() => Promise<void>>,
): Promise<void> {
  setTimeout(() => {
    log('error', 'drain took too long', { service: name, limit_ms: settings.drainTimeoutMs });
    process.exit(1);
  }, settings.drainTimeoutMs);
  await Promise.all([drainServer(server), parts.stop?.()]);
  await Promise.allSettled(closers.map((close) => close()));
  log('info', 'stopped', { service: name });
  process.exit(0);
}
