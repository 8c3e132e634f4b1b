import { ensureEscrowedKeys, escrowThatFails } from '../../../environments/keys.ts';
import { exactly } from '../../../evidence/measurement.ts';
import { seconds } from '../../../evidence/units.ts';
import type { Step } from '../../../plan/step.ts';
import { APPLIES, ask } from '../../asking.ts';
import { notebook } from '../../observing.ts';
import type { World } from '../../world.ts';

/** Keys of 256 bits for data and backups, each with a copy in escrow that is used once to show that it works. */
export const keys = (world: World): Step => ({
  id: 'A.2/keys',
  task: 'A.2',
  title: 'AES-256 keys, with escrowed copies that open what they close',
  needs: ['A.1/*'],
  inputs: { production: world.inputs.production },
  applies: APPLIES,
  tokens: [],
  estimate: seconds(1),
  objectives: [
    ask({
      id: 'short',
      metric: 'keys.short',
      is: ['==', 0, 'count'],
      source: 'plan A.2: AES-256; an app’s own secret: as long as it asks',
    }),
    ask({
      id: 'escrow',
      metric: 'keys.escrow-failing',
      is: ['==', 0, 'count'],
      source: 'plan A.2: an escrowed copy that is used once',
    }),
  ],
  retry: { kind: 'never' },
  async run() {
    const note = notebook(world.host.name, world.clock);
    const made = await ensureEscrowedKeys(world.production);
    const failing = await escrowThatFails(world.production);
    const names = made.map((k) => `${k.name} (${k.bits} bits)`).join(', ');
    return [
      note({
        metric: 'keys.short',
        unit: 'count',
        observed: exactly(made.filter((k) => k.bits < k.wantedBits).length, made.length),
        method: { kind: 'file', text: 'length of each key' },
        note: names,
      }),
      note({
        metric: 'keys.escrow-failing',
        unit: 'count',
        observed: exactly(failing.length, made.length),
        method: { kind: 'command', text: 'seal with the live key, open with the escrowed copy (AES-256-GCM)' },
        note: failing.join(', ') || 'the copies lie on the same host as the keys: a lost host takes both',
      }),
    ];
  },
});
