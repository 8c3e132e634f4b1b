import { objectiveText } from '../evidence/objective.ts';
import type { Milliseconds } from '../evidence/units.ts';
import { criticalPath } from '../plan/graph.ts';
import type { Plan, StepId, StepPlan } from '../plan/step.ts';
import type { Task } from '../plan/task.ts';
import { TASKS, TRACKS } from '../plan/task.ts';
import type { Colours } from './output.ts';
import { harmless, padEnd, width, wrap } from './text.ts';
import { hoursText, lengthText } from './time.ts';

export type PlanSettings = {
  readonly columns: number;
  readonly colours: Colours;
  /** What each step has to show. */
  readonly objectives: boolean;
  /** The digests that the evidence depends on. */
  readonly inputs: boolean;
};

/** The whole plan as text: nothing of it was run. */
export function planLines(plan: Plan, settings: PlanSettings): string[] {
  const { colours } = settings;
  return [
    colours.bold(`${plan.app} to ${plan.environment}`),
    '',
    ...TRACKS.flatMap(({ id, title }) => [
      colours.bold(`${id}  ${title}`),
      ...TASKS.filter((task) => task.track === id).flatMap((task) => taskLines(task, plan, settings)),
      '',
    ]),
    ...summaryLines(plan, settings),
  ];
}

function taskLines(task: Task, plan: Plan, settings: PlanSettings): string[] {
  const { colours } = settings;
  const steps = plan.steps.filter((s) => s.task === task.id);
  const title = `${padEnd(`${task.id} ${task.title}`, 31)}  ${padEnd(`${hoursText(...task.estimate)} by hand`, 15)}`;
  if (steps.length === 0) return [`${title}  ${colours.dim('not built')}`];
  const names = Math.max(...steps.map(({ id }) => width(shortName(id))));
  return [title.trimEnd(), ...steps.flatMap((step) => stepLines(step, plan, names, settings))];
}

const shortName = (id: StepId): string => id.slice(id.indexOf('/') + 1);

/** Room for a machine's time: `12 m 30 s`. */
const TIME = 9;

function stepLines(step: StepPlan, plan: Plan, names: number, settings: PlanSettings): string[] {
  const { colours, columns } = settings;
  const indent = 2 + names + 2 + TIME + 2;
  const { applies } = step;
  const runs = applies.kind === 'applies';
  const time = runs ? lengthText(step.estimate) : '-';
  const title = runs ? step.title : `not applicable: ${applies.because}`;
  const [first = '', ...more] = wrap(title, columns - indent);
  const below = (line: string) => colours.dim(`${' '.repeat(indent)}${line}`);
  const start = `  ${padEnd(shortName(step.id), names)}  ${padEnd(time, TIME)}  `;
  const lines = [`${start}${first}`, ...more.map((line) => `${' '.repeat(indent)}${line}`)];
  if (!runs) return lines.map((line) => colours.dim(line));
  const needs = step.needs.length === 0 ? [] : wrap(`needs ${needsText(step, plan)}`, columns - indent);
  return [
    ...lines,
    ...needs.map(below),
    ...(settings.objectives ? objectiveLines(step, columns - indent).map(below) : []),
    ...(settings.inputs ? inputLines(step, columns - indent).map(below) : []),
  ];
}

/** What a step needs; all the steps of a task are named as the task. */
function needsText(step: StepPlan, plan: Plan): string {
  const named = new Set<string>();
  for (const need of step.needs) {
    const task = need.slice(0, need.indexOf('/'));
    const all = plan.steps.filter((s) => s.task === task && s.id !== step.id);
    const whole = all.length > 1 && all.every(({ id }) => step.needs.includes(id));
    named.add(whole ? `all of ${task}` : need);
  }
  return [...named].join(', ');
}

function objectiveLines(step: StepPlan, columns: number): string[] {
  return step.objectives.flatMap((o) => {
    const samples = o.minimumSamples > 1 ? `, n at least ${o.minimumSamples}` : '';
    const age = `at most ${lengthText(o.maximumAge)} old`;
    const text = `${o.gate.padEnd(6)}  ${objectiveText(o)}  (${o.source}; ${age}${samples})`;
    const [first = '', ...more] = wrap(harmless(text.slice(8)), columns - 8);
    return [`${o.gate.padEnd(6)}  ${first}`, ...more.map((line) => `${' '.repeat(8)}${line}`)];
  });
}

/** A digest as a person compares it: the first 12 of its 64 digits. */
const inputLines = (step: StepPlan, columns: number): string[] =>
  wrap(
    `rests on ${Object.entries(step.inputs)
      .map(([name, digest]) => `${name} ${digest.slice('sha256:'.length, 'sha256:'.length + 12)}`)
      .join(', ')}`,
    columns,
  );

function summaryLines(plan: Plan, { columns, colours }: PlanSettings): string[] {
  const low = TASKS.reduce((sum, t) => sum + t.estimate[0], 0) as Milliseconds;
  const high = TASKS.reduce((sum, t) => sum + t.estimate[1], 0) as Milliseconds;
  const run = plan.steps.filter((s) => s.applies.kind === 'applies');
  const notBuilt = TASKS.filter((t) => !plan.steps.some((s) => s.task === t.id));
  const path = criticalPath(plan.steps);
  const machine = run.reduce((sum, s) => sum + s.estimate, 0);
  const text = [
    `${run.length} ${run.length === 1 ? 'step' : 'steps'} to run, ${plan.steps.length - run.length} not applicable, ${notBuilt.length} of ${TASKS.length} tasks not built`,
    `By hand ${hoursText(low, high)}${run.length === 0 ? '' : `; by machine ${lengthText(machine)} one after the other`}`,
    ...(path.steps.length === 0 ? [] : [`Critical path ${lengthText(path.length)}: ${path.steps.join(', ')}`]),
    ...plan.exemptions.map((e) => `Exempt until ${e.lastDay}: ${e.step} ${e.objective}, by ${e.owner}: ${e.reason}`),
  ];
  return text.flatMap((line) => wrap(harmless(line), columns)).map((line, i) => (i === 0 ? colours.bold(line) : line));
}
