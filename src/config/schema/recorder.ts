import * as z from 'zod';
import { headers } from './http.ts';
import { key } from './key.ts';
import { httpPath, positiveWhole } from './values.ts';

const keyed = (expected: string) => ({ error: expected });
const READ_PATH = 'a path that holds `{key}`, the identity of the write';
const STATUS = 'a status code from 100 to 599';
const status = z.int(keyed(STATUS)).min(100, keyed(STATUS)).max(599, keyed(STATUS));

const write = z.strictObject(
  {
    method: key(z.enum(['POST', 'PUT'], { error: '`POST` or `PUT`' }).default('POST'), {
      description: 'Request method.',
      examples: ['PUT'],
    }),
    path: key(httpPath, {
      description: 'Where it is written; `{key}` is the identity of the write.',
      examples: ['/api/movements'],
    }),
    headers,
    body: key(z.string(keyed('the body as text; put JSON into single quotes')), {
      description: 'What is written; `{key}` is the identity of the write.',
      examples: ['{"key":"{key}","sku":"A-1","quantity":1}'],
    }),
  },
  { error: (issue) => (issue.code === 'invalid_type' ? 'a mapping with `path` and `body`' : undefined) },
);

const read = z.strictObject(
  {
    path: key(httpPath.regex(/\{key\}/, keyed(READ_PATH)), {
      description: 'Where the write can be read back.',
      examples: ['/api/movements/{key}'],
    }),
    headers,
    foundStatus: key(status.default(200), { description: 'Answer for a write that is there.', examples: [200] }),
    absentStatus: key(status.default(404), {
      description: 'Answer for a write that is not there. Any other answer is no answer, and asked again.',
      examples: [404],
    }),
  },
  { error: (issue) => (issue.code === 'invalid_type' ? 'a mapping with `path`' : undefined) },
);

const recorderKeys = z.strictObject(
  {
    write: key(write, {
      description: 'The request that writes. Sent twice with one `{key}` it must write once.',
      examples: [{ path: '/api/movements', body: '{"key":"{key}","sku":"A-1","quantity":1}' }],
    }),
    read: key(read, { description: 'The request that reads it back.', examples: [{ path: '/api/movements/{key}' }] }),
    perSecond: key(positiveWhole('a whole number of writes a second from 1 to 1000', 1000).default(20), {
      description: 'Writes a second.',
      examples: [20],
    }),
  },
  { error: (issue) => (issue.code === 'invalid_type' ? 'a mapping with `write` and `read`' : undefined) },
);

export const recorder = key(recorderKeys.optional(), {
  description: 'How to write through the public interface and read back, so that drills can count lost writes.',
  examples: [
    {
      write: { path: '/api/movements', body: '{"key":"{key}","sku":"A-1","quantity":1}' },
      read: { path: '/api/movements/{key}' },
    },
  ],
  absent: 'drills cannot count lost writes; how many there were is unknown',
});

export type RecorderInput = z.output<typeof recorderKeys>;
