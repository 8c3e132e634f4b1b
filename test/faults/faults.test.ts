import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FAULTS } from './catalogue.ts';
import { type Ground, openGround } from './ground.ts';
import { isGreen, lookText } from './looking.ts';
import { plantAndLook } from './planting.ts';

const quick = FAULTS.filter((f) => f.pace === 'seconds');
const standings = [...new Set(quick.map((f) => f.needs))];

/** What takes longer is planted by `npm run bench:faults`. */
describe('what is wrong on purpose is found', () => {
  let ground: Ground;
  beforeAll(async () => {
    ground = await openGround();
    for (const standing of standings) await ground.stand(standing);
  }, 180_000);
  afterAll(async () => ground?.end(), 60_000);

  test('the sound app turns no check red', () => {
    expect(ground.sound.length).toBeGreaterThan(20);
    expect(ground.sound.filter((seen) => !isGreen(seen)).map(lookText)).toEqual([]);
  });

  test.each(quick)('$name: $plants', { timeout: 90_000 }, async (fault) => {
    const { found, missing, falseAlarms } = await plantAndLook(ground, fault);
    expect({ found, missing, falseAlarms }).toEqual({ found: 'found', missing: [], falseAlarms: [] });
  });
});
