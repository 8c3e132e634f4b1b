import type { Problem } from '../evidence/problem.ts';

/** One thing that is wrong with holdpoint.yaml. Never holds a secret, nor a value that could be one. */
export type ConfigProblem = {
  /** Path of the file, as the person gave it. */
  readonly file: string;
  /** From 1; undefined where it is about the file itself. */
  readonly at: Position | undefined;
  /** `services.dashboard.health`; empty for the file itself. */
  readonly key: string;
  /** What was found there: `"two"`, `a mapping`, `nothing`. */
  readonly found: string;
  /** What was expected instead. */
  readonly expected: string;
  /** The line with a mark below the place; what could be a secret is left out. */
  readonly excerpt: Excerpt | undefined;
};

export type Position = { readonly line: number; readonly column: number };
export type Excerpt = { readonly line: number; readonly text: string; readonly caret: number };

/** One sentence, without the place. */
export const problemText = (p: ConfigProblem): string =>
  `${p.key === '' ? '' : `${p.key}: `}found ${p.found}; expected ${p.expected}`;

/** `holdpoint.yaml:12:5`, as editors and terminals make it a link. */
export const placeText = (p: ConfigProblem): string =>
  p.at === undefined ? p.file : `${p.file}:${p.at.line}:${p.at.column}`;

/** A problem as the lines that a person reads. */
export function configProblemLines(p: ConfigProblem): string[] {
  const head = `${placeText(p)}  ${problemText(p)}`;
  if (p.excerpt === undefined) return [head];
  const number = String(p.excerpt.line).padStart(5);
  const mark = ' '.repeat(p.excerpt.caret - 1);
  return [head, `${number} | ${p.excerpt.text}`, `${' '.repeat(5)} | ${mark}^`];
}

/** All that is wrong with the file as one Problem, for whoever can show only one. */
export function problemOfConfig(problems: readonly ConfigProblem[]): Problem {
  const count = problems.length === 1 ? 'one error' : `${problems.length} errors`;
  const [first] = problems;
  return {
    kind: 'input',
    what: `holdpoint.yaml has ${count}`,
    ...(first === undefined ? {} : { where: placeText(first) }),
    detail: problems.flatMap(configProblemLines),
    next: 'mend the file and run the command again; docs/reference/holdpoint-yaml.md shows every key',
  };
}
