import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fail } from '../../evidence/problem.ts';
import type { Host } from '../../hosts/host.ts';
import { localHost } from '../../hosts/local.ts';
import type { Unit } from '../unit.ts';

/** What the engine cannot tell of a unit: whether it should run, and its place in the order of starts. */
export type UnitRecord = {
  readonly unit: Unit;
  readonly wanted: 'running' | 'stopped';
  /** Units are stopped in the reverse of the order in which they were started. */
  readonly order: number;
};

/** `units/NAME.json` in a folder of this machine. A unit of which no record is left is still known by its container. */
export class UnitRecords {
  readonly #folder: string;
  readonly #here: Host = localHost();

  constructor(folder: string) {
    this.#folder = join(folder, 'units');
  }

  async read(name: string): Promise<UnitRecord | undefined> {
    const file = join(this.#folder, `${name}.json`);
    const text = await readFile(file, 'utf8').catch(() => undefined);
    if (text === undefined) return undefined;
    const record = parsed(text);
    if (isRecord(record)) return record;
    return fail({
      kind: 'host',
      what: `the record of unit ${name} is damaged`,
      where: file,
      next: 'remove that file; the unit is then known by its container',
    });
  }

  async write(record: UnitRecord): Promise<void> {
    await this.#here.folder(this.#folder, { mode: 0o700 });
    const content = JSON.stringify(record, undefined, 2);
    await this.#here.place([{ path: join(this.#folder, `${record.unit.name}.json`), content, mode: 0o600 }]);
  }

  async all(): Promise<readonly UnitRecord[]> {
    const names = (await readdir(this.#folder).catch(() => [])).filter((name) => name.endsWith('.json'));
    const records = await Promise.all(names.map((name) => this.read(name.slice(0, -'.json'.length))));
    return records.filter((record) => record !== undefined);
  }

  async remove(name: string): Promise<void> {
    await this.#here.remove(join(this.#folder, `${name}.json`));
  }

  async removeAll(): Promise<void> {
    await this.#here.remove(this.#folder);
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Enough to tell our own file from a damaged one; it is written whole or not at all. */
const isRecord = (value: unknown): value is UnitRecord =>
  typeof value === 'object' && value !== null && 'unit' in value && 'wanted' in value && 'order' in value;

/** A unit from the label that its container carries. */
export function unitOfLabel(json: string | undefined): Unit | undefined {
  const unit = json === undefined ? undefined : parsed(json);
  return isUnit(unit) ? unit : undefined;
}
const isUnit = (value: unknown): value is Unit =>
  typeof value === 'object' && value !== null && 'name' in value && 'command' in value && 'stop' in value;
