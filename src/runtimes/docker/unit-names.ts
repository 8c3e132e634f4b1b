import type { Unit, UnitFile } from '../unit.ts';
import type { Ground } from './ground.ts';
import { UNIT_NAMES } from './place.ts';
import type { Units } from './units.ts';

/** A file of the store `unit-names`: `dashboard-blue-1.json`. */
export type UnitName = {
  readonly unit: string;
  /** Name of the service or part. */
  readonly service: string;
  /** Id of its container, 64 hexadecimal digits: the last part of its control group's name. */
  readonly container: string;
};

/**
 * Tells exporters that see control groups alone which container is which unit. Where no unit looks at them (`sees:
 * 'usage'`) there is no such store and nothing to do.
 */
export class UnitNames {
  readonly #ground: Ground;
  readonly #units: Units;

  constructor(ground: Ground, units: Units) {
    this.#ground = ground;
    this.#units = units;
  }

  /** Before a unit starts that reads them: the store with all that are there. */
  async ready(): Promise<void> {
    const { stores } = this.#ground;
    if (await stores.exists(UNIT_NAMES)) return;
    await stores.make(UNIT_NAMES, 'monitoring');
    await stores.put((await this.#units.all()).flatMap(({ record, found }) => fileOf(record.unit, found?.Id)));
  }

  /** A container was made for the unit. Readers look again where they see half a file. */
  async tell(unit: Unit): Promise<void> {
    const { stores } = this.#ground;
    if (!(await stores.exists(UNIT_NAMES))) return;
    const found = await this.#units.container(unit.name);
    await stores.putRoughly(fileOf(unit, found?.Id));
  }

  async forget(name: string): Promise<void> {
    if (await this.#ground.stores.exists(UNIT_NAMES)) await this.#ground.stores.erase(UNIT_NAMES, `${name}.json`);
  }
}

function fileOf(unit: Unit, container: string | undefined): readonly UnitFile[] {
  if (container === undefined) return [];
  const name: UnitName = { unit: unit.name, service: unit.of, container };
  return [
    {
      store: UNIT_NAMES,
      path: `${unit.name}.json`,
      content: `${JSON.stringify(name)}\n`,
      mode: 0o644,
      user: 'monitoring',
    },
  ];
}
