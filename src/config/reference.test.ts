import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import * as z from 'zod';
import { editorSchema, editorSchemaText } from './json-schema.ts';
import { configProblemLines } from './problem.ts';
import { appFromText } from './read.ts';
import { exampleFile, keyEntries, referencePage } from './reference.ts';
import { pathOfGenerated } from './write-reference.ts';

const DUE = 'run `npx tsx src/config/write-reference.ts`';

it('the reference page is what the schema says', async () => {
  expect(await readFile(pathOfGenerated('docs/reference/holdpoint-yaml.md'), 'utf8'), DUE).toBe(referencePage());
});

it('the JSON Schema for editors is what the schema says', async () => {
  const committed: unknown = JSON.parse(await readFile(pathOfGenerated('schema/holdpoint.schema.json'), 'utf8'));
  expect(committed, DUE).toEqual(JSON.parse(editorSchemaText()));
});

/** Every example of every key, in a file that holds no more than it needs. */
const EXAMPLES = keyEntries().flatMap((e) =>
  e.text.examples.map((value, i) => {
    const example = Object.assign(
      { name: 'stockroom', services: { dashboard: 'node a.js' } },
      exampleFile(e.path, value),
    );
    return [`${e.title}, example ${i + 1}`, example] as const;
  }),
);

/** The Compose file that examples name. */
const files = (path: string) => (path === 'compose.yaml' ? 'services: { shop: { image: shop } }' : undefined);

describe('every example', () => {
  it('is there for every key of the file', () => {
    const { properties } = editorSchema();
    expect(new Set(keyEntries().map((e) => e.path[0]))).toEqual(new Set(Object.keys(properties ?? {})));
  });

  it('is there for every key', () => {
    expect(keyEntries().filter((e) => e.text.examples.length === 0)).toEqual([]);
  });

  it.each(EXAMPLES)('can be read: %s', (_title, example) => {
    const reading = appFromText(stringify(example), 'holdpoint.yaml', '/app', files);
    expect(reading.kind === 'problems' ? reading.problems.flatMap(configProblemLines) : []).toEqual([]);
  });

  it('is sound to an editor, which is not fooled by an unknown key', () => {
    const editor = z.fromJSONSchema(JSON.parse(editorSchemaText()));
    for (const [title, example] of EXAMPLES) expect(editor.safeParse(example).success, title).toBe(true);
    const sound = { name: 'a', services: { w: 'node a.js' } };
    expect(editor.safeParse(sound).success).toBe(true);
    expect(editor.safeParse({ ...sound, cache: 'memcached' }).success).toBe(false);
    expect(editor.safeParse({ name: 'a', services: { w: { comand: 'node a.js' } } }).success).toBe(false);
  });
});
