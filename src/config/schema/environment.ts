import * as z from 'zod';
import { looksLikeSecret, namesSecret } from '../literal-secret.ts';
import { key, refuse } from './key.ts';
import { variable } from './values.ts';

const VALUE = 'text, a number, `true` or `false`';

/** Environment variables, given in the open. Whatever looks like a secret is refused: those go under `secrets`. */
export const environment = key(
  z
    .record(variable, z.union([z.string(), z.number(), z.boolean()], { error: VALUE }), {
      error: 'a mapping of environment variables to values',
    })
    .transform((given, ctx) => {
      const entries = Object.entries(given).map(([name, value]) => [name, String(value)] as const);
      for (const [name, value] of entries) {
        if (value === '' || (!namesSecret(name) && !looksLikeSecret(value))) continue;
        const expected = 'only what anybody may read; a secret goes under `secrets`, as a reference';
        refuse(ctx, value, { expected, quote: 'hidden', found: 'what looks like a secret' }, [name]);
      }
      return Object.fromEntries(entries);
    })
    .prefault({}),
  { description: 'Environment variables that anybody may read.', examples: [{ LOG_LEVEL: 'info' }] },
);
