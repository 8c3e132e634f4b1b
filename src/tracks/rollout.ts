import { readFile } from 'node:fs/promises';
import { authorityFile } from '../environments/certificates.ts';
import type { Environment } from '../environments/environment.ts';
import { bringUpLoadBalancer, sendTrafficTo } from '../environments/load-balancer.ts';
import { writeServiceTargets } from '../environments/monitoring.ts';
import { changeRecord, readRecord } from '../environments/record.ts';
import type { Gate, Stopped } from '../environments/services.ts';
import { replaceAgents, retireSlot, startSlot } from '../environments/services.ts';
import type { Clock, Milliseconds } from '../evidence/units.ts';
import { between } from '../evidence/units.ts';
import type { Release } from '../releases/release.ts';
import { otherSlot, type Slot } from '../runtimes/unit.ts';

/** The moves of a blue/green rollout, each of which first looks at what is there. Used by every environment. */

export type Candidate = { readonly slot: Slot; readonly gates: readonly Gate[]; readonly already: 'live' | 'no' };

/**
 * Brings the release up in the slot that gets no traffic, behind the load balancer's second door. Where the release is
 * live already its own instances are looked at instead. A candidate that does not become ready is stopped again; what is
 * live goes on untouched.
 */
export async function bringUpCandidate(
  environment: Environment,
  release: Release,
  signal: AbortSignal,
  clock: Clock,
): Promise<Candidate> {
  const begun = clock();
  await bringUpLoadBalancer(environment);
  const record = await readRecord(environment);
  if (record.live?.release === release.digest) {
    const gates = await startSlot(environment, release, record.live.slot, signal);
    return { slot: record.live.slot, gates, already: 'live' };
  }
  const slot = record.live ? otherSlot(record.live.slot) : 'blue';
  const gates = await startSlot(environment, release, slot, signal);
  if (gates.some((g) => g.kind === 'not-ready')) {
    await retireSlot(environment, slot);
    await changeRecord(environment, { candidate: undefined });
    return { slot, gates, already: 'no' };
  }
  await changeRecord(environment, { candidate: { slot, release: release.digest, took: between(begun, clock()) } });
  return { slot, gates, already: 'no' };
}

/** Sends traffic to the candidate: one file is renamed, no configuration changes, no connection is closed. */
export async function switchToCandidate(
  environment: Environment,
  release: Release,
  clock: Clock,
): Promise<{ readonly slot: Slot; readonly took: Milliseconds } | 'no-candidate'> {
  const { live, candidate } = await readRecord(environment);
  if (live?.release === release.digest) {
    await sendTrafficTo(environment, live.slot);
    return { slot: live.slot, took: 0 as Milliseconds };
  }
  if (candidate?.release !== release.digest) return 'no-candidate';
  const begun = clock();
  await sendTrafficTo(environment, candidate.slot);
  await changeRecord(environment, { live: { slot: candidate.slot, release: release.digest, since: clock() } });
  await writeServiceTargets(environment);
  return { slot: candidate.slot, took: (candidate.took + between(begun, clock())) as Milliseconds };
}

/** Stops what gets no traffic any more. */
export async function retireOld(environment: Environment): Promise<readonly Stopped[]> {
  const { live } = await readRecord(environment);
  if (!live) return [];
  const stopped = await retireSlot(environment, otherSlot(live.slot));
  await changeRecord(environment, { candidate: undefined });
  return stopped;
}

/** Everything at once, for environments that nobody looks at yet: staging, and throw-away ones. */
export async function rollOut(
  environment: Environment,
  release: Release,
  signal: AbortSignal,
  clock: Clock,
): Promise<readonly Gate[]> {
  const candidate = await bringUpCandidate(environment, release, signal, clock);
  if (candidate.gates.some((g) => g.kind === 'not-ready')) return candidate.gates;
  const agents = await replaceAgents(environment, release, signal);
  await switchToCandidate(environment, release, clock);
  await retireOld(environment);
  return [...candidate.gates, ...agents];
}

export const authorityOf = (environment: Environment): Promise<string> => readFile(authorityFile(environment), 'utf8');

export const notReady = (gates: readonly Gate[]): string[] =>
  gates.flatMap((g) => (g.kind === 'not-ready' ? [`${g.unit}: ${g.reason}`] : []));
