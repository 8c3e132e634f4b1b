import { randomUUID } from 'node:crypto';

/**
 * Text with places to fill in, so that a request can be written down as data:
 * `{{sequence}}` (0, 1, 2 …), `{{sequence mod 1000}}`, and `{{key}}` (a UUID, the same in all texts of one request).
 */
export type Template = string;

export interface TemplateValues {
  readonly sequence: number;
  readonly key: string;
}

const PLACE = /\{\{\s*(?:(sequence)(?:\s+mod\s+([1-9]\d*))?|(key))\s*\}\}/g;
const ANYTHING = /\{\{[^}]*\}\}/g;

/** Places that `fill` does not know, for an error message before any request is sent. */
export function unknownPlaces(template: Template): readonly string[] {
  return template.replace(PLACE, '').match(ANYTHING) ?? [];
}

export function fill(template: Template, values: TemplateValues): string {
  if (!template.includes('{{')) return template;
  return template.replace(PLACE, (_place, sequence: string | undefined, modulus: string | undefined) => {
    if (sequence === undefined) return values.key;
    return String(modulus === undefined ? values.sequence : values.sequence % Number(modulus));
  });
}

/** Values whose key is only made when a template asks for it. */
export function lazyValues(sequence: number): TemplateValues {
  let key: string | undefined;
  return {
    sequence,
    get key() {
      key ??= randomUUID();
      return key;
    },
  };
}
