import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, systemClock } from './clock.ts';
import { errorText } from './exchange.ts';

export type PressureResource = 'cpu' | 'io' | 'memory';

/** What the kernel has counted since boot. */
export interface PressureSample {
  readonly monotonicMs: number;
  /** Time in which at least one task waited for the resource (PSI `some`), in microseconds. */
  readonly stalledUs: Readonly<Record<PressureResource, Reading>>;
  /** CPU time in clock ticks of all cores together. */
  readonly cpuTicks:
    | { readonly kind: 'known'; readonly total: number; readonly idle: number; readonly steal: number }
    | Absent;
  /** Load average of the last minute. */
  readonly load1: Reading;
}

/** `absent`: this kernel, or this container, does not tell. That is not the same as no disturbance. */
export type Reading = { readonly kind: 'known'; readonly value: number } | Absent;
export interface Absent {
  readonly kind: 'absent';
  readonly reason: string;
}

/** What disturbed the machine between two samples, as shares of the elapsed time (0 to 1). */
export interface Disturbance {
  readonly elapsedMs: number;
  readonly stalled: Readonly<Record<PressureResource, Reading>>;
  /** CPU time that the hypervisor gave to others. */
  readonly steal: Reading;
  /** CPU time that was not idle; 1 is all cores. */
  readonly busy: Reading;
  /** At the second sample. */
  readonly load1: Reading;
}

/** Reads Linux' own accounts: PSI (Documentation/accounting/psi.rst), /proc/stat and /proc/loadavg. */
export async function samplePressure(procDirectory = '/proc', clock: Clock = systemClock): Promise<PressureSample> {
  const file = (name: string) => readFile(join(procDirectory, name), 'utf8');
  const [cpu, io, memory, stat, loadavg] = await Promise.allSettled([
    file('pressure/cpu'),
    file('pressure/io'),
    file('pressure/memory'),
    file('stat'),
    file('loadavg'),
  ]);
  const monotonicMs = clock.monotonicMs();
  const psi = (text: PromiseSettledResult<string>) => read(text, /^some .*total=(\d+)/m);
  return {
    monotonicMs,
    stalledUs: { cpu: psi(cpu), io: psi(io), memory: psi(memory) },
    cpuTicks: cpuTicks(stat),
    load1: read(loadavg, /^(\d+(?:\.\d+)?)/),
  };
}

export function disturbance(before: PressureSample, after: PressureSample): Disturbance {
  const elapsedMs = after.monotonicMs - before.monotonicMs;
  const stalled = (resource: PressureResource) =>
    difference(before.stalledUs[resource], after.stalledUs[resource], elapsedMs * 1000);
  return {
    elapsedMs,
    stalled: { cpu: stalled('cpu'), io: stalled('io'), memory: stalled('memory') },
    ...cpuShares(before.cpuTicks, after.cpuTicks),
    load1: after.load1,
  };
}

function read(text: PromiseSettledResult<string>, pattern: RegExp): Reading {
  if (text.status === 'rejected') return { kind: 'absent', reason: errorText(text.reason) };
  const value = pattern.exec(text.value)?.[1];
  if (value === undefined) return { kind: 'absent', reason: 'the kernel answered in a form that is not known' };
  return { kind: 'known', value: Number(value) };
}

/** proc_stat(5): user nice system idle iowait irq softirq steal guest guest_nice; guest time is part of user time. */
function cpuTicks(stat: PromiseSettledResult<string>): PressureSample['cpuTicks'] {
  if (stat.status === 'rejected') return { kind: 'absent', reason: errorText(stat.reason) };
  const fields = /^cpu +(.*)$/m.exec(stat.value)?.[1]?.split(/\s+/).map(Number) ?? [];
  const [, , , idle, iowait, , , steal] = fields;
  if (idle === undefined || iowait === undefined || steal === undefined)
    return { kind: 'absent', reason: '/proc/stat has no steal column' };
  const total = fields.slice(0, 8).reduce((sum, ticks) => sum + ticks, 0);
  return { kind: 'known', total, idle: idle + iowait, steal };
}

function difference(before: Reading, after: Reading, by: number): Reading {
  if (before.kind === 'absent') return before;
  if (after.kind === 'absent') return after;
  if (by <= 0) return { kind: 'absent', reason: 'no time passed between the samples' };
  return { kind: 'known', value: (after.value - before.value) / by };
}

function cpuShares(
  before: PressureSample['cpuTicks'],
  after: PressureSample['cpuTicks'],
): Pick<Disturbance, 'steal' | 'busy'> {
  if (before.kind === 'absent') return { steal: before, busy: before };
  if (after.kind === 'absent') return { steal: after, busy: after };
  const ticks = after.total - before.total;
  if (ticks <= 0) {
    const reason = 'less than a clock tick passed between the samples';
    return { steal: { kind: 'absent', reason }, busy: { kind: 'absent', reason } };
  }
  return {
    steal: { kind: 'known', value: (after.steal - before.steal) / ticks },
    busy: { kind: 'known', value: 1 - (after.idle - before.idle) / ticks },
  };
}
