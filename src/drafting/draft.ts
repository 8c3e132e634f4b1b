import { BLANK } from '../config/document.ts';
import { commandLine } from './command-line.ts';
import type { Facts } from './facts.ts';
import type { DatabaseDraft, Guess, ServiceDraft } from './guess.ts';
import { flow, type Line, type Section, textOf } from './lines.ts';
import { type Understood, understand } from './understood.ts';

/** What only a person knows. An answer that is empty leaves the usual value, or the blank. */
export type Question = {
  readonly id: 'command' | 'health' | 'hostname';
  readonly text: string;
  /** What holds without an answer. */
  readonly otherwise: string;
};

export type Answers = Readonly<Partial<Record<Question['id'], string>>>;

export type Draft = {
  /** The whole of holdpoint.yaml. */
  readonly text: string;
  /** Each value that was found, and what it came from. */
  readonly found: readonly { readonly key: string; readonly value: string; readonly from: string }[];
  readonly questions: readonly Question[];
  /** Keys that are left blank: `holdpoint plan` names them as well. */
  readonly blanks: readonly { readonly key: string; readonly line: number; readonly from: string }[];
  readonly notes: readonly string[];
};

/** holdpoint.yaml for what lies in a folder. Pure: the same facts and answers give the same text. */
export function draft(facts: Facts, answers: Answers = {}, nodeVersion: string = process.versions.node): Draft {
  const app = answered(understand(facts, nodeVersion), answers);
  const sections = sectionsOf(app, answers);
  const text = textOf(sections);
  const found = sections.flatMap(({ lines }) => lines.flatMap((line) => values(line, '')));
  return {
    text,
    found: found.filter(({ value }) => !value.includes(BLANK)),
    questions: questionsOf(app, answers),
    blanks: found
      .filter(({ value }) => value.includes(BLANK))
      .map(({ key, from }) => ({ key, from, line: lineOf(text, key) })),
    notes: app.notes,
  };
}

function values(line: Line, above: string): { key: string; value: string; from: string }[] {
  if ('absent' in line) return [];
  const key = above === '' ? line.key : `${above}.${line.key}`;
  if ('entries' in line) return line.entries.flatMap((inner) => values(inner, key));
  if ('items' in line) return line.items.map(({ value, from }) => ({ key, value: flow(value), from }));
  return line.from === undefined ? [] : [{ key, value: flow(line.value), from: line.from }];
}

/** The line of a blank: the last part of its key, with the blank behind it. */
function lineOf(text: string, key: string): number {
  const last = key.split('.').at(-1) ?? '';
  return text.split('\n').findIndex((line) => line.trimStart().startsWith(`${last}: ${BLANK}`)) + 1;
}

const isKnown = (text: string | undefined): text is string => text !== undefined && text.trim() !== '';

/** Without a command there is nothing to launch: a blank, until somebody says it. */
function answered(app: Understood, answers: Answers): Understood {
  const { command, health } = answers;
  const none: ServiceDraft[] =
    app.compose !== undefined || app.services.length > 0
      ? []
      : [
          {
            name: 'web',
            kind: 'web',
            start: isKnown(command) ? saidToStart(command) : NOTHING,
          },
        ];
  const services = [...app.services, ...none].map((service) =>
    service.kind === 'web' && service.health === undefined && isKnown(health)
      ? { ...service, health: { value: health.trim().replace(/^\/?/, '/'), from: ANSWER } }
      : service,
  );
  return { ...app, services };
}

const ANSWER = 'as you answered';

const saidToStart = (command: string): ServiceDraft['start'] => ({
  key: 'command',
  value: commandLine(command)?.command ?? command.trim(),
  from: ANSWER,
});

const NOTHING: ServiceDraft['start'] = {
  key: 'command',
  value: BLANK,
  from: 'nothing here says what starts the app: a command that listens on $HOST and $PORT',
};

function questionsOf({ name, services }: Understood, answers: Answers): Question[] {
  const isOpen = (id: Question['id']) => answers[id] === undefined;
  const web = services.find(({ kind }) => kind === 'web');
  const all: readonly (Question & { readonly asked: boolean })[] = [
    {
      id: 'command',
      text: 'What starts the app? A command, without a shell; it learns its port from $PORT:',
      otherwise: 'a blank to fill in',
      asked: web?.start.value === BLANK,
    },
    {
      id: 'health',
      text: 'Which path answers 200 while the app is alive?',
      otherwise: 'none, and its health is unknown',
      asked: web !== undefined && web.health === undefined,
    },
    {
      id: 'hostname',
      text: 'Under which name do people reach it?',
      otherwise: `${name.value}.localhost, for a rehearsal`,
      asked: true,
    },
  ];
  return all.filter(({ id, asked }) => asked && isOpen(id)).map(({ id, text, otherwise }) => ({ id, text, otherwise }));
}

const HEAD = [
  'Drafted by `holdpoint init` from what lies in this folder. Behind each value stands what it came from: a guess, until you have looked at it.',
  'Every key: docs/reference/holdpoint-yaml.md',
];

function sectionsOf(app: Understood, answers: Answers): Section[] {
  const { name, compose, packages, build, tests, services, database, cache, secrets } = app;
  const fromCompose = 'services, database and secrets are taken over from it';
  return [
    { heading: HEAD, lines: [{ key: 'name', ...name }] },
    {
      lines: compose === undefined ? [] : [{ key: 'compose', value: compose.value, from: fromCompose }],
    },
    {
      lines: packages.length === 0 ? [] : [{ key: 'packages', items: packages, above: PACKAGES }],
    },
    {
      lines: [
        ...(build.length === 0 ? [] : [{ key: 'build', items: build }]),
        ...(tests === undefined ? [] : [{ key: 'tests', ...tests }]),
      ],
    },
    { lines: services.length === 0 ? [] : [{ key: 'services', entries: services.map(serviceEntry) }] },
    { lines: database === undefined ? [] : databaseLines(database, compose !== undefined) },
    {
      lines: cache === undefined ? [] : [cacheEntry(cache)],
    },
    { lines: secrets.length === 0 ? [] : [{ key: 'secrets', entries: secrets.map(secretEntry) }] },
    { lines: [hostnameLine(name.value, answers)] },
    smokeSection(app.smoke),
    { lines: loadLines(app.load) },
  ];
}

const PACKAGES = [
  'Debian packages, by the rule that Debian names them by: `apt-cache policy NAME` says whether there is one, and which version.',
];

function serviceEntry(service: ServiceDraft): Line {
  const { name, kind, start, environment = [], volumes = [] } = service;
  const isWeb = kind === 'web';
  const optional = (key: 'port' | 'portVariable' | 'hostVariable' | 'metrics'): Line[] => {
    const given = service[key];
    return given === undefined ? [] : [{ key, ...given }];
  };
  return {
    key: name,
    entries: [
      { key: start.key, value: start.value, from: start.from },
      ...(isWeb ? [] : [{ key: 'kind', value: 'agent', from: 'by its name: it has no public port' }]),
      ...optional('port'),
      ...optional('portVariable'),
      ...optional('hostVariable'),
      ...(environment.length === 0
        ? []
        : [{ key: 'environment', entries: environment.map((e) => ({ key: e.name, value: e.value, from: e.from })) }]),
      ...expectation('health', service.health, isWeb ? 'none was found: its health is unknown' : undefined),
      ...expectation(
        'readiness',
        service.readiness,
        isWeb ? 'none was found: checks of readiness are not applicable' : undefined,
      ),
      ...(service.metrics === undefined && isWeb
        ? [{ absent: 'metrics: /metrics', because: "none was found: figures come from the load balancer's log" }]
        : optional('metrics')),
      ...(isWeb ? goldenLines(service) : []),
      ...(volumes.length === 0
        ? []
        : [{ key: 'volumes', entries: volumes.map((v) => ({ key: v.name, value: v.value, from: v.from })) }]),
    ],
  };
}

/** As a comment: a library may be told other names, and what is named and not there is unknown. */
function goldenLines({ metrics, golden }: ServiceDraft): Line[] {
  if (metrics === undefined || golden === undefined) return [];
  const { requests, status, duration } = golden.value;
  const asIs = `golden: ${flow({ requests, status })}`;
  return [
    {
      absent: asIs,
      because: `${golden.from}: a guess at what it counts itself. Judged beside the load balancer's log; add \`duration: ${duration}\` once a bucket ends at 0.2, which none of its usual ones does`,
    },
  ];
}

function expectation(key: 'health' | 'readiness', found: Guess | undefined, because: string | undefined): Line[] {
  if (found !== undefined) return [{ key, ...found }];
  return because === undefined ? [] : [{ absent: `${key}: ${key === 'health' ? '/healthz' : '/readyz'}`, because }];
}

function databaseLines({ from, variable, migrations, seed }: DatabaseDraft, isCompose: boolean): Line[] {
  const changes: Line[] =
    migrations === undefined
      ? [{ absent: 'migrations: { up: COMMAND }', because: 'none were found' }]
      : [
          {
            key: 'migrations',
            entries: [
              { key: 'up', ...migrations.up },
              ...(migrations.down === undefined
                ? [{ absent: 'down: COMMAND', because: 'none was found: nothing takes a migration back' }]
                : [{ key: 'down', ...migrations.down }]),
              ...(migrations.status === undefined ? [] : [{ key: 'status', ...migrations.status }]),
            ],
          },
        ];
  const seeded: Line[] = seed === undefined ? [] : [{ key: 'seed', ...seed }];
  // The Compose file says which server and which variable.
  if (isCompose) return migrations === undefined ? [] : [{ key: 'database', entries: [...changes, ...seeded] }];
  const handed: Line[] = [
    ...(variable === undefined || variable.value === 'DATABASE_URL' ? [] : [{ key: 'variable', ...variable }]),
    ...(variable?.value.endsWith('_FILE') ? [{ key: 'as', value: 'file', from: variable.from }] : []),
  ];
  return [{ key: 'database', entries: [{ key: 'engine', value: 'postgres', from }, ...handed, ...changes, ...seeded] }];
}

const cacheEntry = ({ variable, from, queue }: NonNullable<Understood['cache']>): Line => ({
  key: 'cache',
  above: ['It keeps nothing over a restart. One that you run yourself: `url: env:REDIS_URL`.'],
  entries: [
    { key: 'variable', value: variable, from },
    ...(queue === undefined
      ? []
      : [{ key: 'eviction', value: 'noeviction', from: `${queue}, which keeps jobs in it` }]),
  ],
});

const secretEntry = ({ name, reference, variable, from }: Understood['secrets'][number]): Line => ({
  key: name,
  value: { from: reference, variable, as: 'value' },
  from: `${from}; ${whereItIs(reference)}`,
});

const whereItIs = (reference: string): string =>
  reference.startsWith('generated:')
    ? 'made once and kept'
    : reference.startsWith('dotenv:')
      ? 'its value is in .env'
      : 'set it where you run Holdpoint';

function hostnameLine(name: string, { hostname }: Answers): Line {
  if (isKnown(hostname))
    return { key: 'production', entries: [{ key: 'hostname', value: hostname.trim().toLowerCase(), from: ANSWER }] };
  return { absent: `production: { hostname: ${name}.example.com }`, because: `not given: ${name}.localhost` };
}

const smokeSection = (smoke: readonly Guess[]): Section =>
  smoke.length === 0
    ? { lines: [] }
    : {
        heading: ['Through the load balancer, after each deployment. They have to hold on an empty database, too.'],
        lines: [{ key: 'smoke', items: smoke }],
      };

function loadLines(reads: readonly Guess<string>[]): Line[] {
  const requests = flow(reads.length === 0 ? ['/'] : reads.map(({ value }) => value));
  return [
    {
      absent: 'load:',
      because: 'what it must carry is yours to say: without it, checks under load are not applicable',
    },
    { absent: '  requestsPerMinute: 600', because: '' },
    { absent: `  requests: ${requests}`, because: '' },
  ];
}
