import * as z from 'zod';
import { hasUrlPassword, isSecretHeader, looksLikeSecret } from '../literal-secret.ts';
import { key, refuse } from './key.ts';
import { httpPath } from './values.ts';

const HEADERS = 'a mapping of header names to text';

/** Header values are sent as they stand, so a secret among them would be a secret in the file. */
export const headers = key(
  z
    .record(
      z.string().regex(/^[A-Za-z0-9-]+$/, { error: 'a header name: letters, digits and hyphens' }),
      z.string({ error: 'the header as text' }),
      { error: HEADERS },
    )
    .transform((given, ctx) => {
      for (const [name, value] of Object.entries(given)) {
        if (!isSecretHeader(name) && !looksLikeSecret(value)) continue;
        const expected = 'no login in the file; send only what anybody may send';
        refuse(ctx, value, { expected, quote: 'hidden', found: 'what looks like a secret' }, [name]);
      }
      return given;
    })
    .prefault({}),
  { description: 'Request headers.', examples: [{ accept: 'application/json' }] },
);

export const body = key(
  z
    .string({ error: 'the body as text; put JSON into single quotes' })
    .transform((text, ctx) => {
      if (!hasUrlPassword(text)) return text;
      const expected = 'a body without a password';
      refuse(ctx, text, { expected, quote: 'hidden', found: 'what looks like a secret' });
      return z.NEVER;
    })
    .optional(),
  { description: 'Request body, sent as it stands.', examples: ['{"sku":"A-1","quantity":1}'], absent: 'no body' },
);

const EXPECTATION = 'a path such as `/healthz`, or a mapping with `path`';
const METHODS = ['GET', 'POST', 'PUT', 'DELETE', 'HEAD'] as const;

const expectation = z.strictObject(
  {
    name: key(z.string({ error: 'a name as text' }).min(1, { error: 'a name as text' }).optional(), {
      description: 'What the board and the documents call it.',
      examples: ['the stock list opens'],
      absent: '`health`, `readiness`, or method and path',
    }),
    method: key(z.enum(METHODS, { error: `one of ${METHODS.join(', ')}` }).default('GET'), {
      description: 'Request method.',
      examples: ['GET', 'POST'],
    }),
    path: key(httpPath, { description: 'Path and query.', examples: ['/healthz'] }),
    headers,
    body,
    status: key(
      z
        .int({ error: 'a status code from 100 to 599' })
        .min(100, { error: 'a status code from 100 to 599' })
        .max(599, { error: 'a status code from 100 to 599' })
        .default(200),
      { description: 'The status that the answer must have.', examples: [200, 303] },
    ),
    contentType: key(z.string({ error: 'the beginning of a content type, such as `application/json`' }).optional(), {
      description:
        'What the content type of the answer must begin with. Give it: a server that answers 200 to every path is seen by type and body only.',
      examples: ['application/json'],
      absent: 'any type is accepted',
    }),
    contains: key(z.string({ error: 'text that the answer must hold' }).optional(), {
      description: 'Text that the body of the answer must hold.',
      examples: ['"status":"ok"'],
      absent: 'any body is accepted',
    }),
  },
  { error: (issue) => (issue.code === 'invalid_type' ? EXPECTATION : undefined) },
);

/** A request and what its answer must be; a bare path asks for status 200 only. */
export const httpExpectation = z.union([httpPath.transform((path) => ({ path })).pipe(expectation), expectation], {
  error: EXPECTATION,
});

export type HttpExpectationInput = z.output<typeof httpExpectation>;
