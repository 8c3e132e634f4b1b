import * as z from 'zod';
import { key } from './key.ts';
import { openUrlOrReference } from './secrets.ts';

const notification = z.strictObject(
  {
    webhook: key(openUrlOrReference, {
      description:
        'Where it is sent by POST. An address that carries a token (most chat services) is a secret: give a reference.',
      examples: ['env:TEAM_WEBHOOK', 'http://127.0.0.1:9099/hook'],
    }),
  },
  { error: (issue) => (issue.code === 'invalid_type' ? 'a mapping with `webhook`' : undefined) },
);

export const notifications = key(z.array(notification, { error: 'a list of notifications' }).prefault([]), {
  description: 'Who is told of launches, holds and alerts.',
  examples: [[{ webhook: 'env:TEAM_WEBHOOK' }]],
});
