import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Host } from '../../hosts/host.ts';
import { localHost } from '../../hosts/local.ts';
import type { Unit } from '../unit.ts';
import { jsonOrNothing, recordFrom, recordText, type UnitRecord } from '../unit-record.ts';

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
    return recordFrom(text, { name, file, next: 'remove that file; the unit is then known by its container' });
  }

  async write(record: UnitRecord): Promise<void> {
    await this.#here.folder(this.#folder, { mode: 0o700 });
    const content = recordText(record);
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

/** A unit from the label that its container carries. */
export function unitOfLabel(json: string | undefined): Unit | undefined {
  const unit = json === undefined ? undefined : jsonOrNothing(json);
  return isUnit(unit) ? unit : undefined;
}
const isUnit = (value: unknown): value is Unit =>
  typeof value === 'object' && value !== null && 'name' in value && 'command' in value && 'stop' in value;
