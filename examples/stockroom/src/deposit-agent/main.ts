import { errorBody, json } from '../http/response.ts';
import { runService } from '../service.ts';
import { integerSetting } from '../settings.ts';
import { applyNextMovement } from './apply-movement.ts';
import { createAgentMetrics } from './metrics.ts';
import { QueueWorker } from './queue-worker.ts';

await runService(
  {
    name: 'deposit-agent',
    // One connection for the job in hand and one for the queue's metrics.
    defaults: { port: 3001, poolSize: 2 },
    build({ pool, metrics }, env) {
      const agentMetrics = createAgentMetrics(metrics.registry, pool);
      const worker = new QueueWorker({
        work: () => applyNextMovement(pool),
        pollMs: integerSetting(env, 'POLL_MS', { fallback: 200, min: 10, max: 60_000 }),
        onSettled: agentMetrics.settled,
        onFailure: agentMetrics.failed,
      });
      return {
        routes: [],
        renderError: (error) => json(error.status, errorBody(error)),
        start: () => worker.start(),
        stop: () => worker.stop(),
      };
    },
  },
  process.env,
);
