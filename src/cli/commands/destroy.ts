import { fail } from '../../evidence/problem.ts';
import { askName } from '../ask.ts';
import type { Call, ExitStatus } from '../command.ts';
import { connect } from '../connect.ts';
import { givenApp } from '../given-app.ts';
import { operate } from '../operate.ts';

export async function run(call: Call): Promise<ExitStatus> {
  const { options, arguments: args } = call;
  const environment = args[0] ?? '';
  const app = await givenApp(call);
  await agreed(call, app.name, environment);
  const resident = await connect(call, 'where-state-is');
  const withoutBackup = options.given('withoutBackup');
  const input = { directory: app.root, environment, withoutBackup };
  return operate(call, resident, { app: app.name, name: 'destroy', input });
}

/** Somebody has named the environment, on the command line or at the terminal. */
async function agreed({ options }: Call, app: string, environment: string): Promise<void> {
  const named = options.text('yesDestroy');
  const differs = (typed: string) =>
    fail({
      kind: 'input',
      what: `nothing was destroyed: ${typed} is not the name of the environment`,
      next: `type ${environment}, or give --yes-destroy ${environment}`,
    });
  if (named === environment) return;
  if (named !== undefined) return differs(named);
  const question = `This removes ${environment} of ${app} with all its data. Type the name of the environment to go on:`;
  const otherwise = { option: `--yes-destroy ${environment}`, what: `destroying ${environment}` };
  if (!(await askName(question, environment, otherwise))) differs('what was typed');
}
