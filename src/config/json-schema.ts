import * as z from 'zod';
import { file } from './schema/file.ts';
import { type KeyText, keyText } from './schema/key.ts';

/** The part of JSON Schema (2020-12) that comes out of our keys, with the words of each key beside it. */
export type KeySchema = {
  $schema?: string;
  $id?: string;
  title?: string;
  type?: string | undefined;
  description?: string;
  default?: unknown;
  examples?: readonly unknown[];
  const?: unknown;
  enum?: readonly unknown[];
  pattern?: string;
  patternProperties?: Record<string, KeySchema>;
  properties?: Record<string, KeySchema>;
  required?: readonly string[];
  additionalProperties?: KeySchema | boolean;
  items?: KeySchema;
  anyOf?: readonly KeySchema[];
  /** Ours: taken out again before the schema is published. */
  'holdpoint:text'?: KeyText;
};

/** Every key with its words: what the reference page and the errors are made from. */
export function annotatedSchema(): KeySchema {
  annotated ??= annotate();
  return annotated;
}

/** Made once, and only where it is needed: a sound file needs none of it. */
let annotated: KeySchema | undefined;

function annotate(): KeySchema {
  const schema: unknown = z.toJSONSchema(file, {
    io: 'input',
    override: ({ zodSchema, jsonSchema }) => {
      const text = keyText(zodSchema);
      if (text === undefined) return;
      Object.assign(jsonSchema, { examples: [...text.examples], 'holdpoint:text': text });
    },
  });
  return schema as KeySchema;
}

/** What an editor completes and checks from. */
export function editorSchema(): KeySchema {
  const { $schema, ...rest } = JSON.parse(JSON.stringify(annotatedSchema(), withoutOurs)) as KeySchema;
  return {
    ...($schema === undefined ? {} : { $schema }),
    title: 'holdpoint.yaml',
    ...rest,
    // Compose's custom: a place for anchors that belong to no key.
    patternProperties: { '^x-': {} },
  };
}

/** The text of schema/holdpoint.schema.json. */
export const editorSchemaText = (): string => `${JSON.stringify(editorSchema(), null, 2)}\n`;

const withoutOurs = (name: string, value: unknown): unknown => (name === 'holdpoint:text' ? undefined : value);

/** The schemas that a value at `path` may have: more than one where a key has a short form. */
export function schemasAt(root: KeySchema, path: readonly (string | number)[]): KeySchema[] {
  const start = alternatives(root);
  return path.reduce<KeySchema[]>((schemas, part) => schemas.flatMap((s) => childSchema(s, part)), start);
}

/** A union's branches, flat; a schema that is no union is its own only one. */
export const alternatives = (schema: KeySchema): KeySchema[] =>
  schema.anyOf === undefined ? [schema] : schema.anyOf.flatMap(alternatives);

function childSchema(schema: KeySchema, part: string | number): KeySchema[] {
  if (typeof part === 'number') return schema.items === undefined ? [] : alternatives(schema.items);
  const property = schema.properties?.[part];
  if (property !== undefined) return alternatives(property);
  return typeof schema.additionalProperties === 'object' ? alternatives(schema.additionalProperties) : [];
}
