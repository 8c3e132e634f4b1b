#!/usr/bin/env node
import { problemLines, problemOf } from '../evidence/problem.ts';
import type { ExitStatus } from './command.ts';
import { Options } from './command.ts';
import { invocation } from './invocation.ts';
import type { Output } from './output.ts';
import { processOutput } from './output.ts';
import { packageVersion } from './package-version.ts';
import { exitStatusOf, parse } from './program.ts';

/** Help is laid out for people: not wider than this on the widest terminal. */
const WIDEST_HELP = 100;

/** Runs one command line to its exit status. Whatever is thrown on the way becomes text here, and nowhere else. */
async function main(argv: readonly string[]): Promise<ExitStatus> {
  const out = processOutput({
    json: argv.includes('--json'),
    noColour: argv.includes('--no-color'),
    environment: process.env,
  });
  try {
    const parsed = parse(argv, packageVersion(), Math.min(out.columns(), WIDEST_HELP));
    if (parsed.kind === 'text') {
      out.raw(parsed.text);
      return 0;
    }
    const { spec, arguments: args, options } = parsed.typed;
    const { run } = await spec.load();
    return await run({
      arguments: args,
      options: new Options(options),
      out,
      prefix: invocation(options, process.argv[1] ?? '', process.env),
    });
  } catch (thrown) {
    return reportProblem(thrown, out);
  }
}

function reportProblem(thrown: unknown, out: Output): ExitStatus {
  const problem = problemOf(thrown);
  if (out.json) out.line(JSON.stringify({ kind: 'problem', problem }));
  else {
    const [first = '', ...rest] = problemLines(problem);
    out.remark([`holdpoint: ${first}`, ...rest].join('\n'));
  }
  if (process.env.HOLDPOINT_DEBUG && thrown instanceof Error) out.remark(thrown.stack ?? '');
  return exitStatusOf(problem);
}

// `holdpoint plan | head` closes the pipe early: nobody reads on, so there is nothing to say.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

process.exitCode = await main(process.argv.slice(2));
