import type { Command } from 'commander';
import { COMMANDS } from './catalogue.ts';
import { commandLine } from './program.ts';

/** Help in a document is not laid out for anybody's terminal. */
const WIDTH = 88;

/** docs/commands.md: the help of the program and of every command, as the program itself prints it. */
export function commandsDocument(): string {
  const helps = COMMANDS.map(({ name }) => [`## ${name}`, '', ...block(name.split(' '))]);
  return [
    '# Commands',
    '',
    'Rendered from the help of the commands by `npx tsx docs/render-commands.ts`; a test keeps it current.',
    '',
    'The first options of `holdpoint` below are options of every command.',
    '',
    ...block([]),
    ...helps.flatMap((lines) => ['', ...lines]),
    '',
  ].join('\n');
}

const block = (path: readonly string[]): string[] => ['```text', helpOf(path).trimEnd(), '```'];

function helpOf(path: readonly string[]): string {
  let text = '';
  const program = commandLine({
    version: '',
    width: WIDTH,
    write: (more) => {
      text += more;
    },
    onCommand: () => undefined,
  });
  const command = path.reduce<Command | undefined>((at, name) => at?.commands.find((c) => c.name() === name), program);
  command?.outputHelp();
  // The same below every command; they stand above, with the program.
  return text.replace(/^Global Options:\n(?: .*\n)+\n/m, '');
}
