import { Command, CommanderError } from 'commander';
import type { Problem } from '../evidence/problem.ts';
import { ProblemError } from '../evidence/problem.ts';
import { COMMANDS, GLOBAL_OPTIONS } from './catalogue.ts';
import type { CommandSpec, ExitStatus } from './command.ts';
import { EXIT_STATUSES } from './command.ts';

/** What was typed: the command that was meant and the values of its arguments and options. */
export type Typed = {
  readonly spec: CommandSpec;
  readonly arguments: readonly (string | undefined)[];
  readonly options: Readonly<Record<string, unknown>>;
};

/** How reading the command line ended. */
export type Parsed =
  | { readonly kind: 'command'; readonly typed: Typed }
  /** Help or version, ready to print. */
  | { readonly kind: 'text'; readonly text: string };

/**
 * Reads a command line, without the first two words of `process.argv`.
 *
 * @throws ProblemError `input` for an unknown command, option or a missing argument, with the nearest known one
 */
export function parse(argv: readonly string[], version: string, width: number): Parsed {
  let typed: Typed | undefined;
  let text = '';
  const program = commandLine({
    version,
    width,
    write: (more) => {
      text += more;
    },
    onCommand: (found) => {
      typed = found;
    },
  });
  try {
    program.parse(argv.length === 0 ? ['--help'] : [...argv], { from: 'user' });
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown;
    if (thrown.exitCode === 0) return { kind: 'text', text };
    // A group without one of its commands: commander's answer is the group's help.
    if (thrown.code === 'commander.help') return { kind: 'text', text };
    throw new ProblemError(unusable(thrown.message, argv), { cause: thrown });
  }
  return typed === undefined ? { kind: 'text', text } : { kind: 'command', typed };
}

type Settings = {
  readonly version: string;
  readonly width: number;
  write(text: string): void;
  onCommand(typed: Typed): void;
};

/** The whole command line as commander knows it: one program, its commands, and the group `ledger`. */
export function commandLine(settings: Settings): Command {
  const program = configured(new Command('holdpoint'), settings)
    .description('The launch plan that runs: a tick can come only out of a measurement.')
    .version(settings.version, '-V, --version', 'print the version')
    .usage('[options] <command>');
  for (const { flags, description } of GLOBAL_OPTIONS) program.option(flags, description);
  const groups = new Map<string, Command>();
  for (const spec of COMMANDS) {
    const [first = '', second] = spec.name.split(' ');
    let parent = program;
    if (second !== undefined) {
      parent = groups.get(first) ?? configured(program.command(first), settings).description(GROUPS[first] ?? '');
      groups.set(first, parent);
    }
    addCommand(parent, second ?? first, spec, settings);
  }
  program.addHelpText('after', `\n${afterProgram()}`);
  return program;
}

const GROUPS: Readonly<Record<string, string>> = { ledger: 'export, show and verify the evidence' };

function configured(command: Command, settings: Settings): Command {
  return command
    .exitOverride()
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: settings.write,
      writeErr: settings.write,
      outputError: () => undefined,
      getOutHelpWidth: () => settings.width,
      getErrHelpWidth: () => settings.width,
    });
}

function addCommand(parent: Command, name: string, spec: CommandSpec, settings: Settings): void {
  const command = configured(parent.command(name), settings).summary(spec.summary).description(aboutCommand(spec));
  for (const { name: argument, description, optional } of spec.arguments ?? [])
    command.argument(optional ? `[${argument}]` : `<${argument}>`, description);
  for (const { flags, description } of spec.options ?? []) command.option(flags, description);
  command.addHelpText('after', `\n${examplesText(spec)}`);
  command.action(() => {
    settings.onCommand({ spec, arguments: command.args, options: command.optsWithGlobals() });
  });
}

function aboutCommand(spec: CommandSpec): string {
  const summary = `${spec.summary.charAt(0).toUpperCase()}${spec.summary.slice(1)}.`;
  return spec.description === undefined ? summary : `${summary}\n\n${spec.description}`;
}

const examplesText = (spec: CommandSpec): string =>
  ['Examples:', ...spec.examples.flatMap(({ line, does }) => [`  # ${does}`, `  ${line}`])].join('\n');

function afterProgram(): string {
  return [
    'Exit status:',
    ...EXIT_STATUSES.map(([status, meaning]) => `  ${String(status).padEnd(5)}${meaning}`),
    '',
    'Examples:',
    '  # what a launch would do',
    '  holdpoint plan',
    '  # do it, with a window of two minutes',
    '  holdpoint launch --window 2m',
    '',
    '`holdpoint <command> --help` shows each command with an example.',
  ].join('\n');
}

/** Commander's complaint ("error: unknown command 'lanch'\n(Did you mean launch?)") as a problem of ours. */
function unusable(message: string, argv: readonly string[]): Problem {
  const [first = '', ...rest] = message.replace(/^error: /, '').split('\n');
  const nearest = /\(Did you mean (?:one of )?(.+)\?\)/.exec(rest.join(' '))?.[1];
  const known = COMMANDS.find(({ name }) => `${argv.join(' ')} `.startsWith(`${name} `));
  const help = known === undefined ? 'holdpoint --help' : `holdpoint ${known.name} --help`;
  return {
    kind: 'input',
    what: first,
    where: ['holdpoint', ...argv].join(' '),
    next: nearest === undefined ? `see \`${help}\`` : `did you mean ${nearest}? \`${help}\` shows what there is`,
  };
}

/** Exit status of a problem: 2 where the person's own input is what has to change. */
export const exitStatusOf = (problem: Problem): ExitStatus => (problem.kind === 'input' ? 2 : 1);
