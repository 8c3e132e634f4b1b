import { errorFields, log } from '../log.ts';
import type { Applied } from './apply-movement.ts';

/** Waits after failures double from the first to the last, in milliseconds. */
const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 2_000;

export interface QueueWorkerOptions {
  /** Takes and settles one job. */
  readonly work: () => Promise<Applied>;
  /** Wait after an empty queue, in milliseconds. */
  readonly pollMs: number;
  readonly onSettled: (outcome: 'applied' | 'rejected', seconds: number) => void;
  readonly onFailure: () => void;
}

/** One job after the other until it is told to stop; the job in hand is always finished. */
export class QueueWorker {
  private readonly options: QueueWorkerOptions;
  private readonly stopping = new AbortController();
  private done: Promise<void> | undefined;

  constructor(options: QueueWorkerOptions) {
    this.options = options;
  }

  start(): void {
    this.done ??= this.run();
  }

  /** Takes no further job; resolves when the one in hand is settled. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.done;
  }

  private async run(): Promise<void> {
    let retryMs = FIRST_RETRY_MS;
    while (!this.stopping.signal.aborted) {
      const started = performance.now();
      try {
        const result = await this.options.work();
        retryMs = FIRST_RETRY_MS;
        if (result.outcome === 'empty') await this.pause(this.options.pollMs);
        else this.options.onSettled(result.outcome, (performance.now() - started) / 1000);
      } catch (error) {
        this.options.onFailure();
        log('warn', 'job failed and stays in the queue', { retry_ms: retryMs, ...errorFields(error) });
        await this.pause(retryMs);
        retryMs = Math.min(retryMs * 2, LAST_RETRY_MS);
      }
    }
  }

  private pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const finish = (): void => {
        clearTimeout(timer);
        this.stopping.signal.removeEventListener('abort', finish);
        resolve();
      };
      const timer = setTimeout(finish, ms);
      this.stopping.signal.addEventListener('abort', finish);
      if (this.stopping.signal.aborted) finish();
    });
  }
}
