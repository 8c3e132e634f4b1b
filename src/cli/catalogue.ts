import type { CommandSpec, OptionSpec } from './command.ts';

/** Options of every command. */
export const GLOBAL_OPTIONS: readonly OptionSpec[] = [
  { flags: '--app <PATH>', description: 'holdpoint.yaml or its folder (default: the current folder)' },
  {
    flags: '--state <DIR>',
    description: 'where Holdpoint keeps its state (default: $HOLDPOINT_STATE, else /var/lib/holdpoint as root)',
  },
  { flags: '--json', description: 'one JSON object a line instead of text' },
  { flags: '--no-color', description: 'no colour (also NO_COLOR=1); only terminals get colour at all' },
];

const ENVIRONMENT: OptionSpec = {
  flags: '--environment <NAME>',
  description: 'the environment that is meant (default: production)',
};
const BY: OptionSpec = { flags: '--by <NAME>', description: 'who decides; shown as "identity not verified"' };
const REASON: OptionSpec = { flags: '--reason <TEXT>', description: 'why; stands on page one of every document' };
const YES: OptionSpec = { flags: '--yes', description: 'change this host without asking (packages, users, ports)' };
const LAUNCH_OPTION: OptionSpec = {
  flags: '--launch <LAUNCH>',
  description: 'a launch of `holdpoint history` (default: the latest)',
};
const LAUNCH = {
  name: 'LAUNCH',
  description: 'a launch of `holdpoint history`; default: the latest',
  optional: true,
} as const;
const STEP = { name: 'STEP', description: 'the step, as plan and board name it: A.1/latency' };

/** Every command, in the order of help. The help, docs/commands.md and shell completion are all made from it. */
export const COMMANDS: readonly CommandSpec[] = [
  {
    name: 'init',
    summary: "draft holdpoint.yaml from what lies in the app's folder",
    description:
      'Reads Compose files, Dockerfile, Procfile, package.json, pyproject.toml, migrations, OpenAPI and Prometheus files, ' +
      'and writes behind each value what it came from. Asks only what it cannot find. Runs nothing of the app, and never ' +
      'writes over a holdpoint.yaml.',
    options: [
      { flags: '--yes', description: 'ask nothing; leave what cannot be found as marked blanks' },
      {
        flags: '--force',
        description: 'keep an existing holdpoint.yaml aside, as holdpoint.yaml.before-1, and write a new one',
      },
    ],
    examples: [
      { line: 'holdpoint init', does: 'for the app in this folder; asks what it cannot find' },
      { line: 'holdpoint init --app shop --yes', does: 'asks nothing; `holdpoint plan` names the blanks' },
    ],
    load: () => import('./commands/init.ts'),
  },
  {
    name: 'plan',
    summary: 'print what a launch would do, without doing it',
    description:
      'Tracks, tasks with the hours that the written plan allows by hand, steps with what they need and how long a ' +
      'machine takes, what is not applicable and why, and the critical path. Changes nothing and starts nothing.',
    options: [
      ENVIRONMENT,
      { flags: '--objectives', description: 'what each step has to show: objective, gate, source' },
      { flags: '--verbose', description: 'also the digests that the evidence depends on' },
    ],
    examples: [
      { line: 'holdpoint plan', does: 'the plan of the app in this folder' },
      {
        line: 'holdpoint plan --objectives --app examples/stockroom',
        does: 'with every threshold and where it is from',
      },
    ],
    load: () => import('./commands/plan.ts'),
  },
  {
    name: 'launch',
    summary: 'take the app to production through the three tracks',
    description:
      'Starts the resident process where none runs, and follows the launch. Ctrl-C ends this command and not the ' +
      'launch. A shortened window makes go-live provisional, never confirmed.',
    options: [
      ENVIRONMENT,
      { flags: '--window <TIME>', description: 'length of the monitoring window: 2m, 24h (default: as planned)' },
      {
        flags: '--runtime <NAME>',
        description: 'process or docker (default: as holdpoint.yaml says, else docker where its engine answers)',
      },
      {
        flags: '--host <HOST>',
        description: 'local, ssh:user@host, or a name of `hosts` in holdpoint.yaml (default: as it says)',
      },
      YES,
      { flags: '--detach', description: 'start it and return' },
    ],
    examples: [
      { line: 'holdpoint launch', does: 'asks before it changes this host' },
      { line: 'holdpoint launch --window 2m --yes', does: 'a rehearsal: two minutes of window, nothing asked' },
      { line: 'holdpoint launch --runtime docker --host ssh:deploy@web1', does: 'in containers, on another machine' },
    ],
    load: () => import('./commands/launch.ts'),
  },
  {
    name: 'attach',
    summary: 'come back to a launch and follow it',
    arguments: [
      { name: 'LAUNCH', description: 'a launch of `holdpoint history`; default: the latest', optional: true },
    ],
    options: [ENVIRONMENT],
    examples: [{ line: 'holdpoint attach', does: 'the latest launch, as it goes' }],
    load: () => import('./commands/attach.ts'),
  },
  {
    name: 'status',
    summary: 'print the board of a launch as it is now',
    arguments: [
      { name: 'LAUNCH', description: 'a launch of `holdpoint history`; default: the latest', optional: true },
    ],
    options: [ENVIRONMENT],
    examples: [
      { line: 'holdpoint status', does: 'the board; the exit status says how the launch stands' },
      { line: 'holdpoint status --json', does: 'the same for a program' },
    ],
    load: () => import('./commands/status.ts'),
  },
  {
    name: 'check',
    summary: 'run one step against a running environment',
    description: 'The attempt is recorded like any other. What it needs must have been passed before.',
    arguments: [STEP],
    options: [ENVIRONMENT],
    examples: [{ line: 'holdpoint check A.1/headers', does: 'measures the response headers again' }],
    load: () => import('./commands/check.ts'),
  },
  {
    name: 'retry',
    summary: 'ask for another attempt of a step that holds',
    description: 'Every attempt stays visible: "attempt 2 of 2".',
    arguments: [STEP],
    options: [ENVIRONMENT, LAUNCH_OPTION, BY],
    examples: [{ line: 'holdpoint retry A.1/latency --by Ada', does: 'runs the step again and goes on if it passes' }],
    load: () => import('./commands/retry.ts'),
  },
  {
    name: 'waive',
    summary: 'go past one hold, in your name',
    description:
      'A waiver covers the attempt that holds now and no later one. It is printed on page one of every document and ' +
      'is never counted as a pass.',
    arguments: [STEP],
    options: [ENVIRONMENT, LAUNCH_OPTION, BY, REASON],
    examples: [
      {
        line: 'holdpoint waive C.1/coverage --by Ada --reason "83 % until the importer is gone, issue 41"',
        does: 'goes on without that tick',
      },
    ],
    load: () => import('./commands/waive.ts'),
  },
  {
    name: 'abort',
    summary: 'end a launch',
    description:
      'Running steps are cancelled, and the environment is left as they found it. Nothing is torn down but what pre-flight made. It returns once the launch is closed, after 30 s at the latest.',
    arguments: [LAUNCH],
    options: [ENVIRONMENT, BY, REASON],
    examples: [{ line: 'holdpoint abort --reason "wrong release"', does: 'ends the launch that runs' }],
    load: () => import('./commands/abort.ts'),
  },
  {
    name: 'history',
    summary: 'list the launches of an app',
    options: [ENVIRONMENT],
    examples: [{ line: 'holdpoint history', does: 'every launch, what it came to, and who started it' }],
    load: () => import('./commands/history.ts'),
  },
  {
    name: 'logs',
    summary: 'print what a step said while it ran',
    arguments: [STEP],
    options: [ENVIRONMENT, LAUNCH_OPTION, { flags: '--attempt <N>', description: 'one attempt; default: all of them' }],
    examples: [{ line: 'holdpoint logs A.2/migrations', does: 'the lines of every attempt of the latest launch' }],
    load: () => import('./commands/logs.ts'),
  },
  {
    name: 'ledger export',
    summary: 'write the ledger into a folder that anybody can verify',
    arguments: [{ name: 'DIR', description: 'a folder that does not exist or is empty' }],
    examples: [{ line: 'holdpoint ledger export proof/', does: 'tiles, checkpoint, entries and the public key' }],
    load: () => import('./commands/ledger-export.ts'),
  },
  {
    name: 'ledger show',
    summary: 'print one entry with its inclusion proof',
    arguments: [{ name: 'ENTRY', description: 'the number of the entry, as board and documents give it' }],
    options: [
      { flags: '--from <DIR>', description: 'an exported ledger (default: the one of this machine)' },
      { flags: '--key <FILE>', description: 'the public key of an exported ledger' },
    ],
    examples: [
      { line: 'holdpoint ledger show 214', does: 'what entry 214 says, and the proof that it is in the ledger' },
    ],
    load: () => import('./commands/ledger-show.ts'),
  },
  {
    name: 'ledger verify',
    summary: 'check an exported ledger; needs nothing but its files',
    description:
      'Finds an edited byte, a removed, reordered or foreign entry, and names it. Without --since nobody can exclude ' +
      'that the ledger was cut back to an older checkpoint, and the command says so.',
    arguments: [{ name: 'DIR', description: 'the exported folder' }],
    options: [
      { flags: '--key <FILE>', description: 'the public key, from a place that you trust' },
      { flags: '--since <FILE>', description: 'a checkpoint that was kept elsewhere: finds truncation and forks' },
    ],
    examples: [
      { line: 'holdpoint ledger verify proof/ --key holdpoint.pub', does: 'every entry against the signed checkpoint' },
      {
        line: 'holdpoint ledger verify proof/ --key holdpoint.pub --since last-month.checkpoint',
        does: 'and that nothing was cut off or replaced since then',
      },
    ],
    load: () => import('./commands/ledger-verify.ts'),
  },
  {
    name: 'serve',
    summary: 'run the resident process in the foreground',
    description: 'Engine, ledger and API on a unix socket. `holdpoint launch` starts it by itself where none runs.',
    options: [
      YES,
      {
        flags: '--database-url-file <FILE>',
        description: 'a file with the URL of a Postgres of your own (default: the embedded one)',
      },
    ],
    examples: [{ line: 'holdpoint serve', does: 'for a service manager, or to watch it' }],
    load: () => import('./commands/serve.ts'),
  },
  {
    name: 'down',
    summary: 'stop an environment and keep its data',
    options: [ENVIRONMENT, YES],
    examples: [{ line: 'holdpoint down', does: 'stops production; the next launch starts it again' }],
    load: () => import('./commands/down.ts'),
  },
  {
    name: 'destroy',
    summary: 'remove an environment with its data, keep the ledger',
    description:
      'Asks for the name of the environment. Refuses where there were writes since the last verified backup, and ' +
      'prints what remains.',
    arguments: [{ name: 'ENVIRONMENT', description: 'the environment: production, staging' }],
    options: [
      { flags: '--yes-destroy <NAME>', description: 'the name of the environment, instead of typing it' },
      { flags: '--without-backup', description: 'also destroy writes that are in no verified backup' },
    ],
    examples: [
      { line: 'holdpoint destroy staging', does: 'asks for the name on the terminal' },
      { line: 'holdpoint destroy production --yes-destroy production', does: 'asks nothing' },
    ],
    load: () => import('./commands/destroy.ts'),
  },
  {
    name: 'schema',
    summary: 'print the JSON Schema of holdpoint.yaml',
    examples: [{ line: 'holdpoint schema > holdpoint.schema.json', does: 'editors complete and check from it' }],
    load: () => import('./commands/schema.ts'),
  },
  {
    name: 'completion',
    summary: 'print a completion script for a shell',
    arguments: [{ name: 'SHELL', description: 'bash, zsh or fish' }],
    examples: [
      { line: 'source <(holdpoint completion bash)', does: 'for this shell' },
      { line: 'holdpoint completion fish > ~/.config/fish/completions/holdpoint.fish', does: 'for good' },
    ],
    load: () => import('./commands/completion.ts'),
  },
];
