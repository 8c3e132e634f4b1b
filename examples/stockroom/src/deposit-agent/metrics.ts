import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { Pool } from '../database.ts';

export interface AgentMetrics {
  settled(outcome: 'applied' | 'rejected', seconds: number): void;
  failed(): void;
}

export function createAgentMetrics(registry: Registry, pool: Pool): AgentMetrics {
  const settled = new Counter({
    name: 'stockroom_movements_settled_total',
    help: 'Movements taken from the queue and settled',
    labelNames: ['outcome'],
    registers: [registry],
  });
  settled.inc({ outcome: 'applied' }, 0);
  settled.inc({ outcome: 'rejected' }, 0);
  const failures = new Counter({
    name: 'stockroom_job_failures_total',
    help: 'Attempts on a job that failed; the job stayed in the queue',
    registers: [registry],
  });
  const duration = new Histogram({
    name: 'stockroom_job_duration_seconds',
    help: 'Time to take and settle one movement',
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5],
    registers: [registry],
  });
  const queue = sharedQueueReader(pool);
  new Gauge({
    name: 'stockroom_queue_depth',
    help: 'Movements that wait',
    registers: [registry],
    async collect() {
      this.set((await queue()).depth);
    },
  });
  new Gauge({
    name: 'stockroom_queue_oldest_seconds',
    help: 'Age of the oldest movement that waits; 0 for an empty queue',
    registers: [registry],
    async collect() {
      this.set((await queue()).oldest);
    },
  });
  return {
    settled(outcome, seconds) {
      settled.inc({ outcome });
      duration.observe(seconds);
    },
    failed: () => failures.inc(),
  };
}

interface Queue {
  readonly depth: number;
  readonly oldest: number;
}

/** Both gauges of one scrape share one query. */
function sharedQueueReader(pool: Pool): () => Promise<Queue> {
  let running: Promise<Queue> | undefined;
  return () => {
    running ??= readQueue(pool).finally(() => {
      running = undefined;
    });
    return running;
  };
}

/** NaN where the database does not answer: a queue that cannot be seen is not an empty one. */
async function readQueue(pool: Pool): Promise<Queue> {
  const unseen = { depth: Number.NaN, oldest: Number.NaN };
  try {
    const { rows } = await pool.query<Queue>(
      `SELECT count(*) AS depth, coalesce(extract(epoch FROM now() - min(recorded_at)), 0)::float8 AS oldest
       FROM movements WHERE state = 'queued'`,
    );
    return rows[0] ?? unseen;
  } catch {
    return unseen;
  }
}
