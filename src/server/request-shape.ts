import { isAbsolute } from 'node:path';
import { z } from 'zod';
import type { DecisionRequest } from '../engine/decision-request.ts';
import type { Json, LaunchRequest } from '../engine/request.ts';
import { fail } from '../evidence/problem.ts';

/** What clients may send. Everything else is refused with its place. */
const json: z.ZodType<Json> = z.json();

export const launchRequest: z.ZodType<LaunchRequest> = z.strictObject({
  directory: z.string().refine(isAbsolute, 'must be an absolute path'),
  environment: z.string().regex(/^[a-z][a-z0-9-]{0,40}$/, 'must be lower-case letters, digits and hyphens'),
  by: z.string().trim().min(1),
  options: z.record(z.string(), json),
});

export const decisionRequest: z.ZodType<DecisionRequest> = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('waive'), step: z.string(), by: z.string(), reason: z.string() }),
  z.strictObject({ kind: z.literal('retry'), step: z.string(), by: z.string() }),
  z.strictObject({ kind: z.literal('abort'), by: z.string(), reason: z.string() }),
  z.strictObject({ kind: z.literal('statement'), says: z.string(), by: z.string() }),
]);

export const checkRequest = z.strictObject({ request: launchRequest, step: z.string() });

export const exportRequest = z.strictObject({ to: z.string().refine(isAbsolute, 'must be an absolute path') });

export const operationRequest = z.strictObject({ by: z.string().trim().min(1), input: json });

/** @throws ProblemError `input` with each place that is wrong */
export function shaped<T>(shape: z.ZodType<T>, body: unknown): T {
  const read = shape.safeParse(body);
  if (read.success) return read.data;
  return fail({
    kind: 'input',
    what: 'the request has not the shape that is expected',
    next: 'use a client of the same version as the resident process (`holdpoint status` shows it)',
    detail: read.error.issues.slice(0, 8).map((i) => `${i.path.join('.') || 'body'}: ${i.message}`),
  });
}
