import { readFile } from 'node:fs/promises';
import { authorityFile } from '../environments/certificates.ts';
import type { Environment } from '../environments/environment.ts';
import { bringUpLoadBalancer, sendTrafficTo } from '../environments/load-balancer.ts';
import { writeServiceTargets } from '../environments/monitoring.ts';
import { changeRecord, type EnvironmentRecord, type Live, readRecord } from '../environments/record.ts';
import { routingOf } from '../environments/routing.ts';
import type { Gate, Stopped } from '../environments/services.ts';
import { replaceAgents, retireSlot, startSlot } from '../environments/services.ts';
import type { Clock, Milliseconds } from '../evidence/units.ts';
import { between } from '../evidence/units.ts';
import type { Release } from '../releases/release.ts';
import { otherSlot, type Slot } from '../runtimes/unit.ts';

/** The moves of a blue/green rollout, each of which first looks at what is there. Used by every environment. */

export type Candidate = { readonly slot: Slot; readonly gates: readonly Gate[]; readonly already: 'live' | 'no' };

/**
 * Brings the release up in the slot that gets no traffic, behind the load balancer's second door. Where this epoch has made
 * the release live already its own instances are looked at instead. A candidate that does not become ready is stopped again; what is
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
  const live = await serving(environment, record);
  if (live?.release === release.digest && live.epoch === record.epoch) {
    const gates = await startSlot(environment, release, live.slot, signal);
    return { slot: live.slot, gates, already: 'live' };
  }
  const slot = live ? otherSlot(live.slot) : 'blue';
  const gates = await startSlot(environment, release, slot, signal);
  if (gates.some((g) => g.kind === 'not-ready')) {
    await retireSlot(environment, slot);
    await changeRecord(environment, { candidate: undefined });
    return { slot, gates, already: 'no' };
  }
  await changeRecord(environment, { candidate: { slot, release: release.digest, took: between(begun, clock()) } });
  return { slot, gates, already: 'no' };
}

/**
 * What people are served from. What is recorded as live and of which nothing runs (the machine was restarted) is
 * forgotten: nobody is served, and there is nothing to spare.
 */
async function serving(environment: Environment, { live }: EnvironmentRecord): Promise<Live | undefined> {
  if (live === undefined) return undefined;
  const units = await environment.runtime.list();
  const runs = units.some(
    ({ unit, state }) => unit.role === 'web' && unit.slot === live.slot && state.kind === 'running',
  );
  if (runs) return live;
  await changeRecord(environment, { live: undefined });
  return undefined;
}

/** `was-made`: an earlier attempt of this epoch has sent the traffic there, so nothing is switched now. */
export type Switched =
  | { readonly kind: 'made' | 'was-made'; readonly live: Live }
  | { readonly kind: 'no-candidate'; readonly reason: string };

/** Sends traffic to the candidate: one file is renamed, no configuration changes, no connection is closed. */
export async function switchToCandidate(environment: Environment, release: Release, clock: Clock): Promise<Switched> {
  const { epoch, live, candidate } = await readRecord(environment);
  if (live?.release === release.digest && live.epoch === epoch) {
    await sendTrafficTo(environment, live.slot);
    return { kind: 'was-made', live };
  }
  if (candidate?.release !== release.digest)
    return { kind: 'no-candidate', reason: 'there is no candidate of this release; it was stopped' };
  const begun = clock();
  await sendTrafficTo(environment, candidate.slot);
  const since = clock();
  const now: Live = {
    slot: candidate.slot,
    release: release.digest,
    since,
    epoch,
    from: live?.slot ?? 'nobody was served',
    took: (candidate.took + between(begun, since)) as Milliseconds,
    routing: routingOf(environment, candidate.slot),
  };
  await changeRecord(environment, { live: now });
  await writeServiceTargets(environment);
  return { kind: 'made', live: now };
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
