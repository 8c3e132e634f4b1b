import type { Digest } from '../evidence/units.ts';
import { digestOfNamed } from '../releases/digest.ts';
import type { Environment } from './environment.ts';
import { changeRecord, readRecord } from './record.ts';

/** How an environment's present is looked at: `running` asks its runtime, `recorded` reads the record alone. */
export type Look = 'running' | 'recorded';

/**
 * The epoch that a launch of a release would belong to. It goes on where the environment was last aimed at the same
 * release and still runs it; it is a new one where another release was aimed at meanwhile, or what was live is gone.
 */
export async function epochFor(environment: Environment, target: Digest, look: Look): Promise<number> {
  const record = await readRecord(environment);
  if (record.target === undefined) return record.epoch;
  if (record.target !== target) return record.epoch + 1;
  const gone = look === 'running' && !(await runs(environment, record.live !== undefined));
  return gone ? record.epoch + 1 : record.epoch;
}

/**
 * Whether everything that the environment was told to run is running: for one that is live, services too. A launch that
 * was aborted half-way and taken down has stopped parts and nothing live; what was seen of them counts no more.
 */
async function runs(environment: Environment, live: boolean): Promise<boolean> {
  const units = await environment.runtime.list();
  const kept = units.filter(({ unit }) => unit.restart === 'always');
  if (live && !kept.some(({ unit }) => unit.role !== 'part')) return false;
  return kept.every(({ state }) => state.kind === 'running');
}

/** Aims the environment at a release, before the first deed of a launch in it. */
export async function aim(environment: Environment, target: Digest, epoch: number): Promise<void> {
  const record = await readRecord(environment);
  if (record.epoch === epoch && record.target === target) return;
  // What is live goes on serving people, whatever epoch it is of; what only stood beside it counts no more.
  const taken = record.target !== target;
  await changeRecord(environment, { epoch, target, ...(taken ? {} : { candidate: undefined }) });
}

export const epochDigest = (environment: Environment, epoch: number): Digest =>
  digestOfNamed({ app: environment.app.name, environment: environment.name, epoch: String(epoch) });
