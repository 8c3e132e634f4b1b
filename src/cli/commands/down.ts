import type { Call, ExitStatus } from '../command.ts';
import { connect } from '../connect.ts';
import { givenApp } from '../given-app.ts';
import { operate } from '../operate.ts';
import { environmentName } from '../planned.ts';

export async function run(call: Call): Promise<ExitStatus> {
  const app = await givenApp(call);
  const resident = await connect(call, 'where-state-is');
  const input = { directory: app.root, environment: environmentName(call) };
  return operate(call, resident, { app: app.name, name: 'down', input });
}
