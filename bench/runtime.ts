import { findEngine } from '../src/runtimes/docker/engine.ts';
import type { Runtime } from '../src/runtimes/runtime.ts';
import { temporaryDocker } from '../test/runtimes/docker-ground.ts';
import { temporaryRuntime } from '../test/runtimes/temporary.ts';

/** A runtime for a bench, with the images or programs of the parts made ready; gone without a trace when closed. */
export async function benchRuntime(kind: string): Promise<{ readonly runtime: Runtime; close(): Promise<void> }> {
  if (kind === 'process') return temporaryRuntime();
  const found = await findEngine({});
  if (kind !== 'docker' || found.kind === 'none')
    throw new Error(`no runtime ${kind}${found.kind === 'none' ? `: ${found.reason}` : ''}`);
  const { runtime, close } = await temporaryDocker(found.engine);
  await runtime.prepare(console.error, new AbortController().signal);
  return { runtime, close };
}
