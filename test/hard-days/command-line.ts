import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const tsx = import.meta.resolve('tsx');

export type Place = {
  readonly app: string;
  readonly state: string;
  /** The command runs in its network, and DOCKER_HOST names its socket; absent: whichever the machine has. */
  readonly engine?: { readonly network: string; readonly socket?: string };
};
export type Ended = { readonly status: number | null; readonly out: string; readonly err: string };

/** `holdpoint` as a person calls it in the folder of an app; it can be watched and interrupted while it runs. */
export function begin({ app, state, engine }: Place, ...args: string[]) {
  const common = { PATH: process.env.PATH, HOME: process.env.HOME, HOLDPOINT_STATE: state, LANG: 'C.UTF-8' };
  const env = engine?.socket === undefined ? common : { ...common, DOCKER_HOST: `unix://${engine.socket}` };
  const there = engine === undefined ? [] : ['nsenter', `--net=${engine.network}`];
  const [program = '', ...argv] = [...there, process.execPath, '--import', tsx, main, ...args];
  const child = spawn(program, argv, { cwd: app, env });
  const said = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text) => {
    said.out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    said.err += text;
  });
  const ended = once(child, 'close').then(([status]): Ended => ({ status: status as number | null, ...said }));
  return { child, said, ended };
}

export const holdpoint = (place: Place, ...args: string[]): Promise<Ended> => begin(place, ...args).ended;

/** A line of a stack trace, which no person is ever to see. */
export const STACK = /^\s+at .*(:\d+:\d+|<anonymous>)/m;
