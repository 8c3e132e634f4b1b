import { COMMANDS, GLOBAL_OPTIONS } from './catalogue.ts';
import type { OptionSpec } from './command.ts';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

type Word = { readonly word: string; readonly means: string; readonly value: 'none' | 'file' | 'text' };

function option({ flags, description }: OptionSpec): Word {
  const [word = '', value] = flags.split(' ');
  const means = description.replace(/ \(.*$/, '');
  if (value === undefined) return { word, means, value: 'none' };
  return { word, means, value: /PATH|FILE|DIR/.test(value) ? 'file' : 'text' };
}

const HELP: Word = { word: '--help', means: 'print the help', value: 'none' };
const globals = [...GLOBAL_OPTIONS.map(option), HELP];

/** What can be typed after each command: options, and the commands of a group. */
function tree(): Map<string, { readonly words: readonly Word[]; readonly files: boolean }> {
  const found = new Map<string, { words: Word[]; files: boolean }>([['', { words: [], files: false }]]);
  for (const spec of COMMANDS) {
    const [first = '', second] = spec.name.split(' ');
    const summary = { means: spec.summary, value: 'none' } as const;
    const top = found.get('')?.words;
    if (second !== undefined && !found.has(first)) {
      found.set(first, { words: [], files: false });
      top?.push({ word: first, means: `${first} commands`, value: 'none' });
    }
    if (second === undefined) top?.push({ word: first, ...summary });
    else found.get(first)?.words.push({ word: second, ...summary });
    const takes = spec.arguments?.map((a) => a.name) ?? [];
    const shells = takes.includes('SHELL') ? SHELLS.map((s) => ({ word: s, means: '', value: 'none' as const })) : [];
    found.set(spec.name, {
      words: [...shells, ...(spec.options ?? []).map(option), ...globals],
      files: takes.includes('DIR'),
    });
  }
  return found;
}

/** A completion script for a shell, made from the same catalogue as the help. */
export function completionScript(shell: Shell): string {
  return { bash, zsh, fish }[shell]();
}

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** A shell function that says which command was typed so far: `ledger export` for one of a group. */
const findCommand = (): string => `_holdpoint_command() {
  local command='' word
  for word in "$@"; do
    case "$command $word" in
${[...tree().keys()]
  .filter((name) => name !== '')
  .map((name) => `      ${quoted(name.includes(' ') ? name : ` ${name}`)}) command=${quoted(name)} ;;`)
  .join('\n')}
    esac
  done
  printf '%s' "$command"
}`;

/** Options whose value is a path, as a pattern of `case`. */
function fileFlags(): string {
  const takesFile = [...tree().values()].flatMap(({ words }) => words).filter(({ value }) => value === 'file');
  return [...new Set(takesFile.map(({ word }) => word))].join('|');
}

function bash(): string {
  const cases = [...tree()].map(([name, { words, files }]) => {
    const list = words.map((w) => w.word).join(' ');
    const and = files ? '; files=1' : '';
    return `    ${quoted(name)}) choices=${quoted(list)}${and} ;;`;
  });
  return `# bash completion of holdpoint
${findCommand()}
_holdpoint() {
  local current="\${COMP_WORDS[COMP_CWORD]}" choices='' files=''
  case "\${COMP_WORDS[COMP_CWORD-1]}" in
    ${fileFlags()}) COMPREPLY=($(compgen -f -- "$current")); return ;;
  esac
  case "$(_holdpoint_command "\${COMP_WORDS[@]:1:COMP_CWORD-1}")" in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$choices" -- "$current"))
  if [ -n "$files" ]; then COMPREPLY+=($(compgen -d -- "$current")); fi
}
complete -F _holdpoint holdpoint
`;
}

function zsh(): string {
  const describe = (w: Word) => quoted(`${w.word.replaceAll(':', '\\:')}:${w.means}`);
  const cases = [...tree()].map(([name, { words, files }]) => {
    const lines = words.map((w) => `        ${describe(w)}`).join('\n');
    return `    ${quoted(name)})\n      choices=(\n${lines}\n      )${files ? '\n      files=1' : ''} ;;`;
  });
  return `#compdef holdpoint
# zsh completion of holdpoint
${findCommand()}
_holdpoint() {
  local -a choices
  local files=''
  case "$words[CURRENT-1]" in
    ${fileFlags()}) _files; return ;;
  esac
  case "$(_holdpoint_command "\${(@)words[2,CURRENT-1]}")" in
${cases.join('\n')}
  esac
  _describe 'holdpoint' choices
  if [ -n "$files" ]; then _files -/; fi
}
if [ "$funcstack[1]" = _holdpoint ]; then _holdpoint "$@"; else compdef _holdpoint holdpoint; fi
`;
}

function fish(): string {
  const lines = [...tree()].flatMap(([name, { words, files }]) => {
    const seen = name.split(' ').filter((w) => w !== '');
    const next = words.filter((w) => !w.word.startsWith('-')).map((w) => w.word);
    const conditions = [
      ...(seen.length === 0 ? ['__fish_use_subcommand'] : seen.map((w) => `__fish_seen_subcommand_from ${w}`)),
      ...(seen.length > 0 && next.length > 0 ? [`not __fish_seen_subcommand_from ${next.join(' ')}`] : []),
    ];
    const when = quoted(conditions.join('; and '));
    return words.map((w) => {
      const what = w.word.startsWith('--') ? `-l ${w.word.slice(2)}` : `-a ${w.word}`;
      const value =
        w.value === 'file' ? ' -r -F' : w.value === 'text' ? ' -x' : files || w.word.startsWith('-') ? '' : ' -f';
      return `complete -c holdpoint -n ${when} ${what}${value} -d ${quoted(w.means)}`;
    });
  });
  return `# fish completion of holdpoint\ncomplete -c holdpoint -f\n${lines.join('\n')}\n`;
}
