import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { localHost } from '../../src/hosts/local.ts';
import type { Engine } from '../../src/runtimes/docker/engine.ts';
import { LABELS } from '../../src/runtimes/docker/names.ts';
import { openDockerRuntime } from '../../src/runtimes/docker/runtime.ts';
import type { Runtime } from '../../src/runtimes/runtime.ts';

/** An environment on an engine, gone without a trace when closed. */
export async function temporaryDocker(engine: Engine): Promise<{
  readonly runtime: Runtime;
  readonly id: string;
  readonly settings: { readonly environment: string; readonly id: string; readonly folder: string };
  reopen(progress?: (line: string) => void): Promise<Runtime>;
  /** Filter of the engine's lists. */
  readonly ours: { readonly label: string[] };
  close(): Promise<void>;
}> {
  const parent = await mkdtemp(join(tmpdir(), 'hp-'));
  const id = `test-${basename(parent).slice(3).toLowerCase()}`;
  const settings = { environment: 'test', id, folder: join(parent, 'env') };
  const reopen = (progress?: (line: string) => void) =>
    openDockerRuntime({ ...settings, host: localHost(), engine, ...(progress === undefined ? {} : { progress }) });
  return {
    runtime: await reopen(),
    id,
    settings,
    reopen,
    ours: { label: [`${LABELS.environment}=${id}`] },
    async close() {
      await (await reopen()).destroy();
      await rm(parent, { recursive: true, force: true });
    },
  };
}

/** Why tests that need an engine do not run, for their name; empty where they do. */
export const notRun = (found: { readonly kind: string; readonly reason?: string }): string =>
  found.kind === 'engine' ? '' : ` (not run: ${found.reason})`;
