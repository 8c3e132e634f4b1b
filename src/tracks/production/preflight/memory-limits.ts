import type { App } from '../../../config/app.ts';
import type { Method } from '../../../evidence/measurement.ts';
import { exactly, type Observed } from '../../../evidence/measurement.ts';
import type { Abilities } from '../../../runtimes/runtime.ts';

/** Of a service that declares `memory`: whether anything holds it to that where it runs. */
export const LIMITS_NOT_ENFORCED = 'host.memory-limits-not-enforced';

type Limits = { readonly observed: Observed; readonly method: Method; readonly note: string };

/** How many of the services may grow beyond the memory that is declared for them, with what holds the others, or why not. */
export function memoryLimits(ability: Abilities['memory-limit'], { services }: Pick<App, 'services'>): Limits {
  const free = ability.kind === 'can' ? 0 : services.length;
  return {
    observed: exactly(free, Math.max(1, services.length)),
    method: { kind: 'file', text: 'control groups for memory where the units run' },
    note:
      ability.kind === 'can'
        ? `a service that outgrows its memory is killed${ability.how === undefined ? '' : `: ${ability.how}`}`
        : `a service may outgrow its memory: ${ability.because}`,
  };
}
