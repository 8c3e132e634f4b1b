import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Host } from '../../hosts/host.ts';
import { recordFrom, recordText, type UnitRecord } from '../unit-record.ts';

/** `units/NAME/` of an environment: record.json, about.json for exporters, run, log, starts. */
export class UnitRecords {
  readonly #folder: string;
  readonly #host: Host;

  constructor(host: Host, environmentFolder: string) {
    this.#host = host;
    this.#folder = join(environmentFolder, 'units');
  }

  folder(name: string): string {
    return join(this.#folder, name);
  }
  file(name: string, file: 'run' | 'enter' | 'log' | 'starts'): string {
    return join(this.#folder, name, file);
  }

  async read(name: string): Promise<UnitRecord | undefined> {
    const text = await readFile(join(this.#folder, name, 'record.json'), 'utf8').catch(() => undefined);
    if (text === undefined) return undefined;
    return recordFrom(text, {
      name,
      file: join(this.#folder, name, 'record.json'),
      next: 'remove that file; the next launch starts the unit afresh',
    });
  }

  async write(record: UnitRecord): Promise<void> {
    const { name, of, role, slot } = record.unit;
    const folder = join(this.#folder, name);
    await this.#host.place([
      // Other users may read which unit this is, but not its environment.
      { path: join(folder, 'about.json'), content: JSON.stringify({ name, of, role, slot }), mode: 0o644 },
      { path: join(folder, 'record.json'), content: recordText(record), mode: 0o600 },
    ]);
  }

  async want(name: string, wanted: UnitRecord['wanted']): Promise<void> {
    const record = await this.read(name);
    if (record !== undefined && record.wanted !== wanted) await this.write({ ...record, wanted });
  }

  /** In the order in which they were started. */
  async all(): Promise<readonly UnitRecord[]> {
    const names = await readdir(this.#folder).catch(() => []);
    const records = await Promise.all(names.map((name) => this.read(name)));
    return records.filter((record) => record !== undefined).sort((a, b) => a.order - b.order);
  }

  async #starts(name: string): Promise<readonly string[]> {
    const text = await readFile(this.file(name, 'starts'), 'utf8').catch(() => '');
    return text.split('\n').filter((line) => line !== '');
  }

  /** How often the unit's process has begun since somebody started the unit. */
  async starts(name: string): Promise<number> {
    return (await this.#starts(name)).length;
  }

  /** Pid of the process that began last. */
  async lastStart(name: string): Promise<number | undefined> {
    const last = (await this.#starts(name)).at(-1);
    return last === undefined ? undefined : Number(last.split(' ')[0]);
  }

  async remove(name: string): Promise<void> {
    await this.#host.remove(this.folder(name));
  }
}
