import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';

export interface Migration {
  readonly version: number;
  readonly name: string;
  readonly up: string;
  readonly down: string;
  /** SHA-256 of the up script, so that one that was edited after it ran is noticed. */
  readonly digest: string;
}

export class MigrationError extends Error {}

/** Reads `NNNN_name.up.sql` and `.down.sql` pairs in order. Throws where a half is missing or a number is taken twice. */
export function readMigrations(directory: URL): readonly Migration[] {
  const names = readdirSync(directory).filter((name) => name.endsWith('.sql'));
  const stray = names.find((name) => !/^\d{4}_[a-z0-9_]+\.(up|down)\.sql$/.test(name));
  if (stray !== undefined) throw new MigrationError(`${stray} is not named NNNN_name.up.sql or NNNN_name.down.sql.`);

  const stems = [...new Set(names.map((name) => name.replace(/\.(up|down)\.sql$/, '')))].sort();
  return stems.map((stem, index) => {
    const version = Number(stem.slice(0, 4));
    if (version !== index + 1) {
      throw new MigrationError(`${stem} should be number ${index + 1}: each number once, without gaps, from 0001.`);
    }
    const read = (half: 'up' | 'down'): string => {
      const file = `${stem}.${half}.sql`;
      if (!names.includes(file)) throw new MigrationError(`${file} is missing: every migration needs both halves.`);
      return readFileSync(new URL(file, directory), 'utf8');
    };
    const up = read('up');
    return {
      version,
      name: stem.slice(5),
      up,
      down: read('down'),
      digest: createHash('sha256').update(up).digest('hex'),
    };
  });
}
