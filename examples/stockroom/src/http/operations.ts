import type { ServiceMetrics } from '../metrics.ts';
import type { ReadinessProbe } from '../readiness.ts';
import { json } from './response.ts';
import type { Route } from './router.ts';

/** `/healthz`, `/readyz` and `/metrics`, the same on every service. */
export function operationRoutes(
  readiness: ReadinessProbe,
  metrics: ServiceMetrics,
  isDraining: () => boolean,
): readonly Route[] {
  return [
    // Liveness looks at nothing but the process: a restart would not bring a database back.
    { method: 'GET', pattern: '/healthz', handler: () => json(200, { status: 'ok' }) },
    {
      method: 'GET',
      pattern: '/readyz',
      handler: async () => {
        if (isDraining()) return json(503, { status: 'not ready', reason: 'shutting down' });
        const result = await readiness.check();
        return result.ready
          ? json(200, { status: 'ready' })
          : json(503, { status: 'not ready', reason: result.reason });
      },
    },
    {
      method: 'GET',
      pattern: '/metrics',
      handler: async () => ({
        status: 200,
        headers: { 'content-type': metrics.registry.contentType, 'cache-control': 'no-store' },
        body: await metrics.registry.metrics(),
      }),
    },
  ];
}
