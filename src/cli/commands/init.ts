import { stat } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { configProblemLines } from '../../config/problem.ts';
import { CONFIG_FILE, readApp, remarkLine } from '../../config/read.ts';
import { type Answers, type Draft, draft } from '../../drafting/draft.ts';
import { gatherFacts } from '../../drafting/facts.ts';
import { exists, type Placed, place } from '../../drafting/place.ts';
import { fail } from '../../evidence/problem.ts';
import { askText, canAsk } from '../ask.ts';
import type { Call, ExitStatus } from '../command.ts';
import { appPath } from '../given-app.ts';

export async function run(call: Call): Promise<ExitStatus> {
  const { out, options } = call;
  const folder = await folderOf(appPath(call));
  const force = options.given('force') ? 'force' : 'careful';
  if (force === 'careful' && (await exists(resolve(folder, CONFIG_FILE))))
    refuse({ kind: 'exists', file: resolve(folder, CONFIG_FILE) });
  const facts = await gatherFacts(folder);
  const answers = options.given('yes') ? {} : await asked(draft(facts));
  const made = draft(facts, answers);
  const placed = await place(folder, made.text, force);
  if (placed.kind === 'exists') return refuse(placed);
  const reading = await readApp(folder);
  const remarks = reading.kind === 'app' ? reading.remarks.map(remarkLine) : [];
  const problems =
    reading.kind === 'problems' ? reading.problems.filter(({ found }) => !found.startsWith('a blank')) : [];
  if (out.json) {
    const { found, blanks, notes } = made;
    out.line(
      JSON.stringify({ kind: 'init', file: placed.file, former: placed.former ?? null, found, blanks, notes, remarks }),
    );
    return 0;
  }
  for (const line of report(call, made, placed, remarks)) out.line(line);
  for (const line of problems.flatMap(configProblemLines)) out.line(line);
  return 0;
}

async function folderOf(given: string): Promise<string> {
  // Not there, or not to be looked at: the message asks for another folder either way.
  const about = await stat(given).catch(() => undefined);
  if (about?.isDirectory()) return resolve(given);
  if (basename(given) === CONFIG_FILE) return folderOf(dirname(given));
  return fail({
    kind: 'input',
    what: about === undefined ? 'there is no such folder' : 'that is no folder',
    where: resolve(given),
    next: 'go to the folder of your app, or name it with --app PATH',
  });
}

const refuse = ({ file }: Placed): never =>
  fail({
    kind: 'input',
    what: 'there is a holdpoint.yaml already, and it is left as it is',
    where: file,
    next: 'look at it with `holdpoint plan`; --force keeps it aside and drafts a new one',
  });

/** One question at a time, as an answer may settle the next one. Without a terminal nothing is asked. */
async function asked(first: Draft): Promise<Answers> {
  if (!canAsk()) return {};
  const answers: Record<string, string> = {};
  for (const { id, text, otherwise } of first.questions) {
    const answer = await askText(`${text} (Enter: ${otherwise})`);
    // The input was ended: what is left is left blank.
    if (answer === undefined) return answers;
    answers[id] = answer;
  }
  return answers;
}

function report(call: Call, made: Draft, placed: Placed & { kind: 'written' }, remarks: readonly string[]): string[] {
  const { bold, dim, yellow } = call.out.colours;
  const width = Math.max(0, ...made.found.map(({ key }) => key.length));
  const room = Math.max(20, Math.min(60, call.out.columns() - width - 30));
  const rows = made.found.map(({ key, value, from }) => `  ${key.padEnd(width)}  ${cut(value, room)}  ${dim(from)}`);
  const section = (heading: string, lines: readonly string[]) =>
    lines.length === 0 ? [] : ['', bold(heading), ...lines];
  return [
    `${placed.file} is written.`,
    ...(placed.former === undefined ? [] : [`The former one is ${placed.former}.`]),
    ...section('Found, each with what it came from:', rows),
    ...section(
      'Not taken over:',
      remarks.map((remark) => `  ${remark}`),
    ),
    ...section(
      'To know:',
      made.notes.map((note) => `  ${note}`),
    ),
    ...section(
      'To fill in:',
      made.blanks.map(({ key, line, from }) => `  ${yellow(`line ${line}`)}  ${key}: ${from}`),
    ),
    '',
    `next:  ${made.blanks.length === 0 ? 'look the file over, then' : 'fill in the blanks, then'} \`${call.prefix} plan\``,
  ];
}

const cut = (text: string, room: number): string =>
  text.length > room ? `${text.slice(0, room - 1)}…` : text.padEnd(room);
