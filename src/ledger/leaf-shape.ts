import { z } from 'zod';
import type { LeafBody } from '../evidence/leaf.ts';
import type { Digest, Instant, Milliseconds } from '../evidence/units.ts';
import { isDigest } from '../evidence/units.ts';

/**
 * The shapes that the bodies of leaves have, so that what was read from a file or a table is known to be one before
 * anything is concluded from it. The compiler holds them to the kernel's own types, both ways (at the end of this file).
 * Members that are not known are let through: a later version of the same predicate may add some.
 */
const finite = (value: unknown): boolean => typeof value === 'number' && Number.isFinite(value);
const instant = z.custom<Instant>(finite);
const length = z.custom<Milliseconds>(finite);
const digest = z.custom<Digest>((value) => typeof value === 'string' && isDigest(value));

const observed = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('value'),
    value: z.number(),
    interval: z.tuple([z.number(), z.number()]).readonly(),
    n: z.number(),
    resolution: z.number(),
  }),
  z.object({ kind: z.literal('absent'), reason: z.string() }),
]);

const quietness = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('quiet'), pressure: z.string().exactOptional() }),
  z.object({ kind: z.literal('disturbed'), reason: z.string() }),
  z.object({ kind: z.literal('indifferent') }),
]);

const unit = z.enum(['ms', 's', 'bytes', 'ratio', 'percent', 'count', 'per-minute', 'days']);

const measurement = z.object({
  metric: z.string(),
  unit,
  of: z.string(),
  observed,
  quietness,
  from: instant,
  to: instant,
  host: z.string(),
  method: z.object({
    kind: z.enum(['command', 'query', 'request', 'file', 'handshake', 'recorder', 'load']),
    text: z.string(),
  }),
  artefacts: z.array(digest).readonly(),
  note: z.string().exactOptional(),
});

const objective = z.object({
  id: z.string(),
  metric: z.string(),
  of: z.string().exactOptional(),
  comparator: z.enum(['<', '<=', '>', '>=', '==']),
  threshold: z.number(),
  unit,
  gate: z.enum(['hold', 'warn', 'inform']),
  maximumAge: length,
  minimumSamples: z.number(),
  source: z.string(),
});

const problem = z.object({
  kind: z.enum(['input', 'host', 'app', 'conflict', 'internal']),
  what: z.string(),
  where: z.string().exactOptional(),
  next: z.string(),
  detail: z.array(z.string()).readonly().exactOptional(),
});

const person = z.object({ name: z.string(), identity: z.literal('not verified') });

const decision = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('waiver'),
    step: z.string(),
    attempt: z.number(),
    by: person,
    reason: z.string(),
    at: instant,
  }),
  z.object({ kind: z.literal('statement'), says: z.string(), by: person, at: instant }),
  z.object({ kind: z.literal('retry'), step: z.string(), attempt: z.number(), by: person, at: instant }),
  z.object({ kind: z.literal('abort'), by: person, reason: z.string(), at: instant }),
]);

const end = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('completed') }),
  z.object({ kind: z.literal('errored'), problem }),
  z.object({ kind: z.literal('interrupted') }),
  z.object({ kind: z.literal('cancelled') }),
]);

const shape = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('opened'),
    app: z.string(),
    environment: z.string(),
    host: z.string(),
    runtime: z.string(),
    by: z.string(),
    holdpoint: z.string(),
    window: z.object({ length, planned: length }),
    plan: digest,
    at: instant,
  }),
  z.object({ kind: z.literal('started'), inputs: z.record(z.string(), digest), at: instant }),
  z.object({ kind: z.literal('measured'), measurement, objectives: z.array(objective).readonly() }),
  z.object({ kind: z.literal('finished'), end, at: instant }),
  z.object({ kind: z.literal('decided'), decision }),
  z.object({ kind: z.literal('closed'), end: z.enum(['launched', 'checked', 'aborted']), at: instant }),
]);

/** What has this shape is a body … */
const leafBody: z.ZodType<LeafBody> = shape;

/** … and every body has this shape: where a kernel type is given something new, {@link whyNotStorable} no longer compiles. */
type LeafBodyShape = z.infer<typeof shape>;

export const isLeafBody = (body: unknown): body is LeafBody => leafBody.safeParse(body).success;

/** Where a body departs from every shape, in one line; undefined where it has one. */
export function whyNoLeafBody(body: unknown): string | undefined {
  const parsed = leafBody.safeParse(body);
  if (parsed.success) return undefined;
  const [first] = parsed.error.issues;
  return `${first?.path.join('.') || 'the body'}: ${first?.message ?? 'not the shape of a leaf'}`;
}

/** Asked before a body is stored: what could not be read back must not be written. */
export const whyNotStorable = (body: LeafBody): string | undefined => {
  const shaped: LeafBodyShape = body;
  return whyNoLeafBody(shaped);
};
