import fc from 'fast-check';
import { expect, it } from 'vitest';
import { stringify } from 'yaml';
import { commandCarriesSecret } from './literal-secret.ts';
import { configProblemLines } from './problem.ts';
import { appFromText } from './read.ts';

const word = fc.stringMatching(/^[a-z][a-z0-9]{0,8}(-[a-z0-9]{1,5}){0,2}$/);
const time = fc.record({ n: fc.integer({ min: 1, max: 90 }), unit: fc.constantFrom('s', 'm', 'h', 'd') });
const FACTORS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const optionally = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });

const service = fc.record({
  // What could be a secret is refused: such a description is not sound.
  words: fc.array(fc.string(), { maxLength: 4 }).filter((words) => !commandCarriesSecret(words)),
  instances: optionally(fc.integer({ min: 1, max: 8 })),
  drain: optionally(time),
  mebibytes: optionally(fc.integer({ min: 1, max: 64_000 })),
  health: optionally(word),
});

/** A sound description, as what is meant: how it is written comes from it. */
const meant = fc.record({
  name: word,
  services: fc.uniqueArray(fc.tuple(word, service), { minLength: 1, maxLength: 4, selector: ([name]) => name }),
  window: optionally(time),
  objectives: fc.dictionary(word, fc.integer({ min: 1, max: 5_000 }), { maxKeys: 4 }),
  staging: fc.boolean(),
});
type Meant = typeof meant extends fc.Arbitrary<infer T> ? T : never;

const timeText = (t: { n: number; unit: keyof typeof FACTORS }) => `${t.n}${t.unit}`;

function written({ name, services, window, objectives, staging }: Meant): unknown {
  const entries = services.map(([serviceName, s], i) => [
    serviceName,
    {
      command: ['node', ...s.words],
      instances: s.instances,
      // One of them gets all requests.
      ...(i === 0 ? {} : { paths: [`/${serviceName}`] }),
      stop: s.drain === undefined ? undefined : { drain: timeText(s.drain) },
      memory: s.mebibytes === undefined ? undefined : `${s.mebibytes} MiB`,
      health: s.health === undefined ? undefined : `/${s.health}`,
    },
  ]);
  return {
    name,
    services: Object.fromEntries(entries),
    window: window === undefined ? undefined : timeText(window),
    objectives: {
      'A.1/latency': Object.fromEntries(Object.entries(objectives).map(([id, ms]) => [id, `${ms}ms`])),
    },
    ...(staging ? {} : { staging: false }),
  };
}

it('reads back whatever sound description is written', () => {
  fc.assert(
    fc.property(meant, fc.boolean(), (m, asJson) => {
      const text = asJson ? JSON.stringify(written(m)) : stringify(written(m));
      const reading = appFromText(text, 'holdpoint.yaml', '/app');
      if (reading.kind === 'problems') throw new Error(reading.problems.flatMap(configProblemLines).join('\n'));
      const { app } = reading;
      expect(app.name).toBe(m.name);
      expect(app.environments.staging !== undefined).toBe(m.staging);
      expect(app.window.length).toBe(m.window === undefined ? 86_400_000 : m.window.n * FACTORS[m.window.unit]);
      expect(new Map(app.objectives.map((o) => [o.objective, o.threshold?.value]))).toEqual(
        new Map(Object.entries(m.objectives)),
      );
      expect(app.services.map((s) => [s.name, s.command, s.instances, s.stop.drain, s.memory, s.health?.path])).toEqual(
        m.services.map(([name, s]) => [
          name,
          ['node', ...s.words],
          s.instances ?? 1,
          s.drain === undefined ? 10_000 : s.drain.n * FACTORS[s.drain.unit],
          (s.mebibytes ?? 512) * 1_048_576,
          s.health === undefined ? undefined : `/${s.health}`,
        ]),
      );
    }),
  );
});

/** Where a secret may be written by mistake. Each file has at least one error, so that there is something to print. */
const MISTAKES: readonly ((secret: string) => string)[] = [
  (s) => `password: ${s}`,
  (s) => `passwords: { admin: ${s}, list: [${s}] }`,
  (s) => `secrets: { session: ${s} }`,
  (s) => `secrets: { session: { from: ${s}, as: files } }`,
  (s) => `secrets: { a: 5, b: ${s} }`,
  (s) => `database: { url: "postgres://app:${s}@db/app" }`,
  (s) => `database: postgres://app:${s}@db/app`,
  (s) => `databse: { url: "postgres://app:${s}@db/app" }`,
  (s) => `notifications: [{ webhook: "https://user:${s}@example.com/" }]`,
  (s) => `notifications: [${s}]`,
  (s) => `smoke: [{ path: /, headers: { Authorization: Bearer ${s} } }]`,
  (s) => `smoke: [{ path: /, status: 99, body: ${s} }] # ${s}`,
  (s) => `recorder: { write: { path: /w, body: '${s}' }, read: { path: '/r/{key}' } }`,
  (s) =>
    `recorder: { write: { path: /w, body: '{key}' }, read: { path: '/r/{key}', headers: { Authorization: ${s} } } }`,
  (s) => `tests: { command: 'npm test --token ${s}', environment: { API_KEY: ${s} } }`,
  (s) => `tests: { command: 'npm test | ${s}' }`,
  (s) => `tests: { command: 'psql postgres://app:${s}@db/app' }`,
  (s) => `window: ${s}`,
  (s) => `window: [${s}]`,
  (s) => `staging: ${s}`,
  (s) => `alerts: { cpu: ${s}, memory: 90 }`,
  (s) => `exemptions: [{ step: ${s}, objective: ${s}, owner: ${s}, reason: ${s}, lastDay: ${s} }]`,
  (s) => `build: [npm ci, { password: ${s} }]`,
  (s) => `ignore: [/${s}]`,
  (s) => `cache: ${s} # ${s}`,
  (s) => `window:\n\tpassword: ${s}`,
  (s) => `window: "${s}`,
  (s) => `window: { password: ${s}`,
  (s) => `password:${s}`,
  (s) => `window: @${s}`,
  (s) => `window: *${s}`,
  (s) => `window: !${s} x`,
  (s) => `window: |\n  -----BEGIN KEY-----\n  ${s}\n`,
  (s) => `- ${s}`,
  (s) => `? [${s}]\n: 1`,
  (s) => `"https://a:${s}@b": 1`,
  (s) => `name: ${s}\nname: ${s}`,
];

/** Letters and digits, as generators of passwords make them; a plain word could not be told from a slip. */
const secret = fc.stringMatching(/^[a-z][A-Za-z0-9]{3,20}[0-9][A-Za-z0-9]{3,20}$/);

it('prints no secret, wherever one was written by mistake', () => {
  fc.assert(
    fc.property(fc.constantFrom(...MISTAKES), secret, (mistake, planted) => {
      const text = `name: a\nservices:\n  w: node a.js\n${mistake(planted)}\n`;
      const reading = appFromText(text, 'holdpoint.yaml', '/app');
      const printed = reading.kind === 'problems' ? reading.problems.flatMap(configProblemLines) : [];
      expect(printed.length, text).toBeGreaterThan(0);
      expect(JSON.stringify(reading)).not.toContain(planted);
    }),
    { numRuns: 1_000 },
  );
});

it('says something readable of any text, and never throws', () => {
  const fragment = fc.constantFrom(
    'name',
    ': ',
    '\n',
    '  ',
    '- ',
    '{',
    '}',
    '[',
    ']',
    '"',
    "'",
    '&a ',
    '*a',
    '|',
    '\t',
    '!x ',
    '? ',
    '#',
    'services',
    'w',
    '<<',
    '---\n',
    '%',
    '\u0000',
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(fragment, fc.string({ maxLength: 4 })), { maxLength: 40 }), (parts) => {
      const reading = appFromText(parts.join(''), 'holdpoint.yaml', '/app');
      if (reading.kind === 'app') return;
      expect(reading.problems.length).toBeGreaterThan(0);
      for (const line of reading.problems.flatMap(configProblemLines)) expect(line).not.toMatch(/undefined|\n/);
    }),
    { numRuns: 1_000 },
  );
});
