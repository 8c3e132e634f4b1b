import { execFileSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { editorSchemaText } from './json-schema.ts';
import { referencePage } from './reference.ts';

/** Files that come out of the schema, from the root of this package, and what must stand in them. */
export const GENERATED: readonly (readonly [path: string, text: () => string])[] = [
  ['schema/holdpoint.schema.json', editorSchemaText],
  ['docs/reference/holdpoint-yaml.md', referencePage],
];

export const pathOfGenerated = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** `npx tsx src/config/write-reference.ts`, after a change of the schema; a test says when it is due. */
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [path, text] of GENERATED) {
    const file = pathOfGenerated(path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text());
    if (path.endsWith('.json')) execFileSync('npx', ['biome', 'format', '--write', file], { stdio: 'inherit' });
  }
}
