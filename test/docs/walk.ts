import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { LaunchView } from '../../src/server/launch-view.ts';
import { findResident } from '../../src/server/start.ts';
import { commandsIn, fileOf, type Page } from './page.ts';

/** Where the launches of a page go, and what of them is to be seen there. */
export type Ground = {
  /** For the shell in which the commands are typed. */
  readonly variables: Readonly<Record<string, string>>;
  /** holdpoint.yaml as it can stand beside other people's launches on this machine. */
  fitted(description: string): string;
  /** What runs there of the environments of a state directory, in words. */
  standing(state: string): Promise<readonly string[]>;
  /** Whatever is there of them, running or not. */
  remains(state: string): Promise<readonly string[]>;
  close(): Promise<void>;
};

/** A command as it was typed, and what came of it. */
export type Typed = { readonly line: string; readonly status: number; readonly out: string; readonly err: string };

/** What stood once the first steps of a launch had passed. */
export type Stood = { readonly view: LaunchView; readonly units: readonly string[] };

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

/** The commands that a page may have. Only what needs no launch is run where there is no ground for one. */
const KNOWN = /^(holdpoint|ssh|docker) /;
const WITHOUT_GROUND = /^holdpoint (init|plan|schema)\b/;
export const needsGround = (line: string): boolean => !WITHOUT_GROUND.test(line);

/** Until then a launch is followed: host and release are ready, and the app answers in the environment of the checks. */
const FIRST_STEPS = ['A.1/prepare', 'A.2/release', 'A.1/health'];
const FIRST_STEPS_WITHIN_MS = 480_000;

/** A reader who follows a page from its first line to its last, in the folder of an app. */
export class Walk {
  readonly app: string;
  readonly state: string;
  readonly #ground: Ground | undefined;
  readonly #variables: Readonly<Record<string, string>>;
  readonly #typed: Promise<Typed>[] = [];
  #stood: Promise<Stood> | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(root: string, ground?: Ground) {
    this.app = join(root, 'app');
    this.state = join(root, 'state');
    this.#ground = ground;
    const programs = join(root, 'bin');
    for (const folder of [root, this.app, programs]) mkdirSync(folder, { recursive: true, mode: 0o755 });
    const command = [process.execPath, '--import', import.meta.resolve('tsx'), main]
      .map((word) => `'${word}'`)
      .join(' ');
    writeFileSync(join(programs, 'holdpoint'), `#!/bin/sh\nexec ${command} "$@"\n`);
    chmodSync(join(programs, 'holdpoint'), 0o755);
    this.#variables = {
      PATH: `${programs}:${process.env.PATH}`,
      HOME: process.env.HOME ?? '/',
      LANG: 'C.UTF-8',
      HOLDPOINT_STATE: this.state,
      ...ground?.variables,
    };
  }

  write(file: string, text: string): void {
    const isDescription = file === 'holdpoint.yaml' && this.#ground !== undefined;
    writeFileSync(join(this.app, file), isDescription ? (this.#ground?.fitted(text) ?? text) : text);
  }

  /** Begins; what comes of each command is asked for by its number. */
  follow({ blocks }: Page): void {
    for (const block of blocks) {
      const file = fileOf(block);
      if (file !== undefined) this.#next(async () => this.write(file.file, file.text));
      for (const line of commandsIn(block)) {
        const typed = this.#next(() => this.#type(line));
        this.#typed.push(typed);
        if (/^holdpoint launch\b/.test(line) && this.#ground !== undefined)
          this.#stood = this.#next(() => this.#look());
      }
    }
  }

  /** One after the other; one that failed does not keep the next from being tried. */
  #next<T>(act: () => Promise<T>): Promise<T> {
    const next = this.#last.then(act, act);
    this.#last = next.catch(() => undefined);
    return next;
  }

  async #type(line: string): Promise<Typed> {
    if (!KNOWN.test(line)) throw new Error(`not run by the test: ${line}`);
    if (this.#ground === undefined && needsGround(line)) throw new Error(`nowhere to run it: ${line}`);
    // The product is told by a variable; who types the command himself says it with -F.
    return this.#run(line.replace(/^ssh /, 'ssh -F "$HOLDPOINT_SSH_CONFIG" '));
  }

  #run(line: string): Promise<Typed> {
    return new Promise((resolve) => {
      const settings = { cwd: this.app, env: { ...this.#variables }, maxBuffer: 2 ** 24 };
      const child = execFile('/bin/sh', ['-c', line], settings, (error, out, err) =>
        resolve({ line, status: error === null ? 0 : Number(error.code ?? 1), out, err }),
      );
      // Nobody sits at a terminal.
      child.stdin?.end();
    });
  }

  async #look(): Promise<Stood> {
    for (const deadline = Date.now() + FIRST_STEPS_WITHIN_MS; Date.now() < deadline; await pause(250)) {
      const view = await this.#view();
      const states = FIRST_STEPS.map((id) => view?.steps.find((step) => step.id === id)?.state);
      if (states.includes('held') || view?.closed !== undefined)
        throw new Error(
          `the launch came to ${JSON.stringify(view?.steps.map(({ id, state, problem }) => ({ id, state, problem })))}`,
        );
      if (view !== undefined && states.every((state) => state === 'passed'))
        return { view, units: (await this.#ground?.standing(this.state)) ?? [] };
    }
    throw new Error('the first steps of the launch did not pass in time');
  }

  async #view(): Promise<LaunchView | undefined> {
    const resident = await findResident(this.state);
    const launch = (await resident?.launches())?.at(-1)?.launch;
    return launch === undefined ? undefined : resident?.view(launch);
  }

  typed(at: number): Promise<Typed> {
    return this.#typed[at] ?? Promise.reject(new Error('it was not typed'));
  }

  stood(): Promise<Stood> {
    return this.#stood ?? Promise.reject(new Error('nothing was launched'));
  }

  /** Waits for the last command, and takes away what a page that went wrong on the way has left. */
  async end(): Promise<void> {
    await this.#last;
    if ((await this.#ground?.remains(this.state))?.length) {
      await this.#run('holdpoint abort --by test --reason end');
      await this.#run('holdpoint destroy production --yes-destroy production --without-backup');
    }
    const pid = (await (await findResident(this.state))?.health())?.pid;
    if (pid !== undefined) process.kill(pid, 'SIGTERM');
    for (let i = 0; i < 300 && (await findResident(this.state)) !== undefined; i++) await pause(100);
  }
}
