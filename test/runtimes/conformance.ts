import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mebibytes, milliseconds, seconds } from '../../src/evidence/units.ts';
import type { Runtime } from '../../src/runtimes/runtime.ts';
import type { Job, Unit } from '../../src/runtimes/unit.ts';
import { freePorts, portAt } from './temporary.ts';

/** What the suite needs of a runtime beyond the interface: ways to hurt it, and to look from outside. */
export type Subject = {
  readonly runtime: Runtime;
  /** Opens the same environment again, as another command would. */
  reopen(): Promise<Runtime>;
  /**
   * Ends what supervises the units by SIGKILL; where that is an engine which others use, too: ends all units in such a way
   * that it does not bring them back.
   */
  killSupervisor(): Promise<void>;
  /**
   * Starts a unit and a job from a process of its own, which is then killed by SIGKILL: see `start-and-die.ts`. Absent
   * where such a process cannot open the environment.
   */
  startAndDie?(unit: Unit, job: Job): Promise<void>;
  /** Ids of processes that belong to the environment. */
  processes(): Promise<readonly number[]>;
  /** Mode of a file in a store, and its owner's user name. */
  fileFacts(store: string, file: string): Promise<{ readonly mode: number; readonly owner: string }>;
  /** Undefined once nothing is left of the environment's own folders. */
  remains(): Promise<boolean>;
  close(): Promise<void>;
};

const shell = (name: string, script: string, more: Partial<Unit> = {}): Unit => ({
  name,
  of: 'toy',
  role: 'agent',
  software: { kind: 'parts' },
  mounts: [{ store: 'data', access: 'write' }],
  networks: ['app'],
  command: ['sh', '-c', script],
  environment: {},
  user: 'app',
  ports: [],
  stop: { signal: 'SIGTERM', grace: seconds(3) },
  restart: 'always',
  ...more,
});

const forever = 'while :; do sleep 0.1; done';

const job = (name: string, script: string, limit = seconds(20)): Job => ({
  name,
  software: { kind: 'parts' },
  mounts: [{ store: 'data', access: 'write' }],
  networks: [],
  command: ['sh', '-c', script],
  environment: {},
  user: 'app',
  timeLimit: limit,
});

/** Answers every request on a port with a word. */
const SERVER = `require('node:http').createServer((_, r) => r.end(process.argv[2])).listen(process.argv[1], process.argv[3])`;

const server = (name: string, port: number, runtime: Runtime, more: Partial<Unit> = {}): Unit =>
  shell(name, '', {
    role: 'web',
    command: [runtime.place.program('node'), '-e', SERVER, String(port), name, runtime.place.listen],
    ports: [{ name: 'http', number: port }],
    ...more,
  });

/** What a unit's port answers to its host; undefined where nobody does. */
async function answerOf(runtime: Runtime, name: string, port: number): Promise<string | undefined> {
  const address = await runtime.address(name, port);
  if (address === undefined) return undefined;
  const url = `http://${address.host}:${address.port}/`;
  return fetch(url, { signal: AbortSignal.timeout(2_000), headers: { connection: 'close' } }).then(
    (answer) => answer.text(),
    () => undefined,
  );
}

/** Exit status 0 where the address answers to whoever runs it. */
const ASKS = `require('node:http').get({ host: process.argv[1], port: process.argv[2], timeout: 1000 }, () => process.exit(0)).on('timeout', () => process.exit(7)).on('error', () => process.exit(7))`;

/** Waits for something that takes a moment; the assertion after it tells what was there in the end. */
async function until<T>(look: () => Promise<T>, wanted: (found: T) => boolean, limitMs = 30_000): Promise<T> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    const found = await look();
    if (wanted(found) || performance.now() > deadline) return found;
    await sleep(50);
  }
}

/** What every runtime must do. Each group leaves no unit behind for the next. */
export function runtimeConformance(kind: string, open: () => Promise<Subject>): void {
  describe(`the runtime \`${kind}\` as every runtime`, () => {
    let subject: Subject;
    let runtime: Runtime;
    // The first units on an engine wait for the images to be built.
    beforeAll(async () => {
      subject = await open();
      runtime = subject.runtime;
      await runtime.store('data', 'app');
    }, 600_000);
    afterAll(() => subject.close());

    /** A unit that was stopped may have a child on its way out, and one that starts a further one: counted once nothing changes. */
    const settledProcesses = async () => {
      let seen = await subject.processes();
      await until(
        async () => {
          await sleep(300);
          const earlier = seen.length;
          seen = await subject.processes();
          return earlier;
        },
        (earlier) => earlier === seen.length,
      );
      return seen;
    };
    const pidOf = async (name: string) => {
      const state = await until(
        () => runtime.inspect(name),
        ({ kind: is }) => is === 'running',
      );
      if (state.kind !== 'running') throw new Error(`${name} is ${JSON.stringify(state)}`);
      return state.pid;
    };

    it('starts a unit, leaves it alone when started again, and stops it by its signal', async () => {
      const unit = shell('plain', `trap 'echo stopping; exit 0' TERM; echo ready; ${forever}`);
      await runtime.start(unit);
      const pid = await pidOf('plain');
      await until(
        () => runtime.logs('plain', 5),
        (lines) => lines.includes('ready'),
      );
      await runtime.start(unit);
      expect(await pidOf('plain')).toBe(pid);
      expect((await runtime.stop('plain')).how).toBe('stopped');
      expect(await runtime.inspect('plain')).toEqual({ kind: 'stopped' });
      expect((await runtime.stop('plain')).how).toBe('was-not-running');
      expect(await runtime.logs('plain', 2)).toEqual(['ready', 'stopping']);
      await runtime.remove('plain');
      expect(await runtime.inspect('plain')).toEqual({ kind: 'absent' });
    });

    it('gives a unit the time to drain, and kills one that takes longer than its grace', async () => {
      const drains = `trap 'sleep 0.7; echo drained; exit 0' TERM; echo ready; ${forever}`;
      await runtime.start(shell('drains', drains));
      await runtime.start(
        shell('hangs', `trap '' TERM; echo ready; ${forever}`, {
          stop: { signal: 'SIGTERM', grace: seconds(1) },
        }),
      );
      for (const name of ['drains', 'hangs']) {
        await until(
          () => runtime.logs(name, 5),
          (lines) => lines.includes('ready'),
        );
      }
      expect((await runtime.stop('drains')).how).toBe('stopped');
      expect(await runtime.logs('drains', 1)).toEqual(['drained']);
      expect((await runtime.stop('hangs')).how).toBe('killed');
      await runtime.remove('drains');
      await runtime.remove('hangs');
    });

    it('replaces a unit whose description changed', async () => {
      await runtime.start(shell('changes', `echo one; ${forever}`));
      const first = await pidOf('changes');
      await runtime.start(
        shell('changes', `echo "two $WORD"; ${forever}`, { environment: { WORD: `50% of 'it' "$x"` } }),
      );
      expect(await pidOf('changes')).not.toBe(first);
      const lines = await until(
        () => runtime.logs('changes', 5),
        (found) => found.at(-1)?.startsWith('two') === true,
      );
      expect(lines.at(-1)).toBe(`two 50% of 'it' "$x"`);
      expect((await runtime.list()).map(({ unit }) => unit.name)).toEqual(['changes']);
      await runtime.remove('changes');
    });

    it('replaces blue by green: both answer side by side, each by its own name, before the old one ends', async () => {
      const [blue, green] = await freePorts(2);
      const ports = { blue: blue ?? 0, green: green ?? 0 };
      await runtime.start(server('web-blue-1', ports.blue, runtime, { slot: 'blue' }));
      const answers = (name: string, port: number) =>
        until(
          () => answerOf(runtime, name, port),
          (answer) => answer !== undefined,
        );
      expect(await answers('web-blue-1', ports.blue)).toBe('web-blue-1');
      await runtime.start(server('web-green-1', ports.green, runtime, { slot: 'green' }));
      expect(await answers('web-green-1', ports.green)).toBe('web-green-1');
      expect(await answers('web-blue-1', ports.blue)).toBe('web-blue-1');
      expect((await runtime.list()).map(({ unit, state }) => [unit.name, unit.slot, state.kind])).toEqual([
        ['web-blue-1', 'blue', 'running'],
        ['web-green-1', 'green', 'running'],
      ]);
      await runtime.stop('web-blue-1');
      expect(await runtime.address('web-blue-1', ports.blue)).toBeUndefined();
      expect(await answers('web-green-1', ports.green)).toBe('web-green-1');
      await runtime.remove('web-blue-1');
      await runtime.remove('web-green-1');
    });

    it('publishes a port on the loopback of its host', async () => {
      const port = portAt(await freePorts(1), 0);
      await runtime.start(
        server('public', port, runtime, { ports: [{ name: 'http', number: port, published: true }] }),
      );
      const answer = await until(
        () => answerOf(runtime, 'public', port),
        (found) => found !== undefined,
      );
      expect(answer).toBe('public');
      expect(await runtime.address('public', port)).toEqual({ host: '127.0.0.1', port });
      await runtime.remove('public');
    });

    it('executes a command in a running unit, as its user, within a time limit', async () => {
      await runtime.start(shell('host', `echo ready; ${forever}`, { environment: { WORD: 'given' } }));
      await pidOf('host');
      const run = (script: string, limit = seconds(10)) => runtime.execute('host', ['sh', '-c', script], limit);
      expect(await run('echo "$WORD"; exit 4')).toMatchObject({ kind: 'exited', code: 4, output: 'given\n' });
      expect(await run('id -un')).toMatchObject({ output: `${runtime.place.user('app')}\n` });
      expect(await run('sleep 30', seconds(1))).toMatchObject({ kind: 'timed-out' });
      await runtime.stop('host');
      expect(await run('echo')).toMatchObject({ kind: 'lost' });
      await runtime.remove('host');
    });

    it('kills a unit that is over its memory, and says so; or says why it cannot', async () => {
      const ability = runtime.abilities['memory-limit'];
      if (ability.kind === 'cannot') {
        expect(ability.because).not.toBe('');
        return;
      }
      const hungry = `Buffer.alloc(1, 1); const kept = []; setInterval(() => kept.push(Buffer.alloc(8 << 20, 1)), 20)`;
      const limited = (name: string, program: string) =>
        shell(name, '', {
          command: [runtime.place.program('node'), '-e', program],
          memory: mebibytes(128),
          restart: 'never',
        });
      await runtime.start(limited('modest', 'setInterval(() => {}, 1000)'));
      await runtime.start(limited('hungry', hungry));
      const state = await until(
        () => runtime.inspect('hungry'),
        ({ kind: is }) => is === 'failed',
      );
      expect(state).toMatchObject({ kind: 'failed', exit: expect.stringMatching(/memory limit/) });
      expect(await runtime.inspect('modest')).toMatchObject({ kind: 'running' });
      await runtime.remove('hungry');
      await runtime.remove('modest');
    });

    it('cuts a unit off from the others and mends it, while it goes on; or says why it cannot', async () => {
      const port = portAt(await freePorts(1), 0);
      await runtime.start(server('asked', port, runtime));
      await runtime.start(shell('asks', forever));
      const [host = '', at = ''] = runtime.place.address('asked', port).split(':');
      const asks = async (from: string, address: string) => {
        const end = await runtime.execute(from, [runtime.place.program('node'), '-e', ASKS, address, at], seconds(10));
        return end.kind === 'exited' ? end.code : end.kind;
      };
      const reaches = (wanted: number) =>
        until(
          () => asks('asks', host),
          (code) => code === wanted,
        );
      // First it has to work, or its failing would tell nothing.
      expect(await reaches(0)).toBe(0);
      const ability = runtime.abilities.partition;
      if (ability.kind === 'cannot') {
        await expect(runtime.partition('asked', 'cut')).rejects.toThrow(ability.because);
      } else {
        const pid = await pidOf('asked');
        await runtime.partition('asked', 'cut');
        expect(await reaches(7)).toBe(7);
        await runtime.partition('asked', 'cut');
        expect(await asks('asked', '127.0.0.1')).toBe(0);
        await runtime.partition('asked', 'mended');
        expect(await reaches(0)).toBe(0);
        await runtime.partition('asked', 'mended');
        expect(await pidOf('asked')).toBe(pid);
      }
      await runtime.remove('asks');
      await runtime.remove('asked');
    });

    it('gives a unit no environment but its own', async () => {
      process.env.HOLDPOINT_CANARY = 'secret';
      await runtime.start(shell('clean', `env; echo end; ${forever}`, { environment: { GIVEN: '1' } }));
      delete process.env.HOLDPOINT_CANARY;
      const lines = await until(
        () => runtime.logs('clean', 50),
        (found) => found.includes('end'),
      );
      expect(lines).toContain('GIVEN=1');
      expect(lines.join('\n')).not.toContain('secret');
      await runtime.remove('clean');
    });

    it('sends signals', async () => {
      await runtime.start(shell('signalled', `trap 'echo again' HUP; echo ready; ${forever}`));
      await until(
        () => runtime.logs('signalled', 5),
        (lines) => lines.includes('ready'),
      );
      await runtime.signal('signalled', 'SIGHUP');
      const lines = await until(
        () => runtime.logs('signalled', 5),
        (found) => found.includes('again'),
      );
      expect(lines).toEqual(['ready', 'again']);
      await runtime.remove('signalled');
    });

    it('puts files with mode and owner, which outlive the unit that wrote beside them', async () => {
      await runtime.put([{ store: 'data', path: 'deep/secret', content: 'a-secret', mode: 0o600, user: 'app' }]);
      expect(await subject.fileFacts('data', 'deep/secret')).toEqual({ mode: 0o600, owner: runtime.place.user('app') });
      const write = `cat ${runtime.place.path('data', 'deep/secret')} >${runtime.place.path('data', 'copy')}; echo done; ${forever}`;
      await runtime.start(shell('writes', write));
      await until(
        () => runtime.logs('writes', 1),
        (lines) => lines.includes('done'),
      );
      await runtime.remove('writes');
      const end = await runtime.job(job('reads', `cat ${runtime.place.path('data', 'copy')}`));
      expect(end).toMatchObject({ kind: 'exited', code: 0, output: 'a-secret' });
    });

    it('makes and removes stores', async () => {
      await runtime.store('spare', 'app');
      await runtime.store('spare', 'app');
      expect(await runtime.stores()).toEqual(['data', 'spare']);
      await runtime.removeStore('spare');
      expect(await runtime.stores()).toEqual(['data']);
      await runtime.removeStore('spare');
    });

    it('removes a store with all that lies in it, also of a unit that is stopped and starts again', async () => {
      await runtime.store('spare', 'app');
      await runtime.put([{ store: 'spare', path: 'kept', content: 'old', mode: 0o600, user: 'app' }]);
      const looks = `[ -e ${runtime.place.path('spare', 'kept')} ] && echo kept || echo gone; ${forever}`;
      const unit = shell('holds', looks, { mounts: [{ store: 'spare', access: 'write' }] });
      const says = (word: string) =>
        until(
          () => runtime.logs('holds', 1),
          (lines) => lines.includes(word),
        );
      await runtime.start(unit);
      expect(await says('kept')).toEqual(['kept']);
      await runtime.stop('holds');
      await runtime.removeStore('spare');
      expect(await runtime.inspect('holds')).toEqual({ kind: 'stopped' });
      expect(await runtime.read('spare', 'kept')).toBeUndefined();
      await runtime.store('spare', 'app');
      await runtime.start(unit);
      expect(await says('gone')).toEqual(['gone']);
      expect(await runtime.read('spare', 'kept')).toBeUndefined();
      await runtime.remove('holds');
      await runtime.removeStore('spare');
    });

    it('reads and erases files of stores', async () => {
      await runtime.put([{ store: 'data', path: 'a/file', content: 'content', mode: 0o640, user: 'app' }]);
      expect(Buffer.from((await runtime.read('data', 'a/file')) ?? []).toString()).toBe('content');
      await runtime.put([{ store: 'data', path: 'a/file', content: 'other', mode: 0o640, user: 'app' }]);
      expect(Buffer.from((await runtime.read('data', 'a/file')) ?? []).toString()).toBe('other');
      await runtime.erase('data', 'a/file');
      expect(await runtime.read('data', 'a/file')).toBeUndefined();
      await runtime.erase('data', 'a/file');
    });

    it('starts a unit again that crashed, counts it, and ends what the crash left behind', async () => {
      await runtime.start(shell('crashes', `sleep 500 & echo "worker $!"; ${forever}`));
      const first = await pidOf('crashes');
      await until(
        () => runtime.logs('crashes', 5),
        (lines) => lines.length > 0,
      );
      const before = await settledProcesses();
      expect(await runtime.crash('crashes')).toEqual({ pid: first });
      const state = await until(
        () => runtime.inspect('crashes'),
        (found) => found.kind === 'running' && found.pid !== first && found.restarts > 0,
      );
      expect(state).toMatchObject({ kind: 'running', restarts: 1 });
      await until(
        () => runtime.logs('crashes', 5),
        (lines) => lines.length > 1,
      );
      const after = await until(
        () => subject.processes(),
        (found) => found.length === before.length,
      );
      expect(after.length).toBe(before.length);
      await runtime.remove('crashes');
      expect(await runtime.crash('crashes')).toBeUndefined();
    });

    it('says that a unit fails, goes on trying, and starts it at once when asked again', async () => {
      const marker = runtime.place.path('data', 'mended');
      await runtime.start(shell('fails', `[ -e ${marker} ] || { echo broken; exit 3; }; ${forever}`));
      const failed = await until(
        () => runtime.inspect('fails'),
        (state) => state.kind === 'failed' && state.restarts > 0,
      );
      expect(failed).toMatchObject({ kind: 'failed' });
      await runtime.put([{ store: 'data', path: 'mended', content: '', mode: 0o644, user: 'app' }]);
      await runtime.start(shell('fails', `[ -e ${marker} ] || { echo broken; exit 3; }; ${forever}`));
      expect(await pidOf('fails')).toBeGreaterThan(0);
      await runtime.remove('fails');
    });

    it('leaves a unit ended that is not to be restarted, with its exit status', async () => {
      await runtime.start(shell('once', 'sleep 1.2; exit 4', { restart: 'never' }));
      const state = await until(
        () => runtime.inspect('once'),
        ({ kind: is }) => is === 'failed',
      );
      expect(state).toEqual({ kind: 'failed', exit: 'exit status 4', restarts: 0 });
      await runtime.remove('once');
    });

    it('measures CPU time and memory of a unit with all its processes', async () => {
      const block = 'x=$(head -c 30000000 /dev/zero | tr "\\0" x); sleep 100';
      await runtime.start(shell('works', `sh -c '${block}' & i=0; while :; do i=$((i+1)); done`));
      await pidOf('works');
      const used = await until(
        () => runtime.usage('works'),
        (found) => found !== undefined && found.cpuSeconds > 0.3 && found.memory > 25_000_000,
      );
      expect(used?.cpuSeconds).toBeGreaterThan(0.3);
      expect(used?.memory).toBeGreaterThan(25_000_000);
      await runtime.remove('works');
      expect(await runtime.usage('works')).toBeUndefined();
    });

    it('runs a job to its end, with exit code and output', async () => {
      expect(await runtime.job(job('ends', 'echo out; echo err >&2; exit 5'))).toMatchObject({
        kind: 'exited',
        code: 5,
        output: 'out\nerr\n',
      });
      expect(await runtime.job(job('slow', 'echo begun; sleep 30', seconds(1)))).toEqual({
        kind: 'timed-out',
        output: 'begun\n',
      });
    });

    it('finds a running job again instead of starting it twice', async () => {
      const counted = job('long', `echo run >>${runtime.place.path('data', 'runs')}; sleep 1; echo finished`);
      const other = await subject.reopen();
      const first = runtime.job(counted);
      await sleep(400);
      const ends = await Promise.all([first, other.job(counted)]);
      expect(ends).toMatchObject([{ output: 'finished\n' }, { output: 'finished\n' }]);
      const runs = await runtime.job(job('count', `cat ${runtime.place.path('data', 'runs')}`));
      expect(runs).toMatchObject({ output: 'run\n' });
    });

    it('ends a job that is cancelled', async () => {
      const controller = new AbortController();
      setTimeout(() => controller.abort(), 300);
      expect(await runtime.job(job('cancelled', 'sleep 30'), controller.signal)).toMatchObject({ kind: 'lost' });
    });

    it('refuses a unit whose program is not there', async () => {
      await expect(runtime.start(shell('absent', '', { command: ['/no/such/program'] }))).rejects.toThrow(
        '/no/such/program',
      );
    });

    it('is taken up by another command as it stands', async () => {
      await runtime.start(shell('stays', forever));
      const pid = await pidOf('stays');
      const other = await subject.reopen();
      expect(await other.adopt()).toEqual([]);
      expect(await other.inspect('stays')).toMatchObject({ kind: 'running', pid });
      await runtime.remove('stays');
    });

    it('keeps unit and job going when the command that began them is killed, and finds both again', async (test) => {
      if (subject.startAndDie === undefined) return test.skip('no other process can open this environment');
      const left = job('left-behind', `echo run >>${runtime.place.path('data', 'dead')}; sleep 2; echo finished`);
      await subject.startAndDie(shell('outlives', `echo up; ${forever}`), left);
      const other = await subject.reopen();
      const pid = await pidOf('outlives');
      expect(await other.adopt()).toEqual([]);
      expect(await other.inspect('outlives')).toMatchObject({ kind: 'running', pid, restarts: 0 });
      expect((await other.list()).map(({ unit }) => unit.name)).toEqual(['outlives']);
      expect(await other.job(left)).toMatchObject({ kind: 'exited', code: 0, output: 'finished\n' });
      expect(Buffer.from((await other.read('data', 'dead')) ?? []).toString()).toBe('run\n');
      await other.remove('outlives');
    });

    it('puts back what should run, and nothing else, after its supervisor was killed; no unit runs twice', async () => {
      const one = (name: string) => shell(name, `echo up; ${forever}`);
      await runtime.start(one('wanted'));
      await runtime.start(one('unwanted'));
      const pid = await pidOf('wanted');
      await runtime.stop('unwanted');
      const before = await settledProcesses();
      await subject.killSupervisor();
      const other = await subject.reopen();
      expect(await other.inspect('wanted')).toMatchObject({ kind: 'failed' });
      expect(await other.adopt()).toEqual(['wanted']);
      expect(await pidOf('wanted')).not.toBe(pid);
      expect(await other.inspect('unwanted')).toEqual({ kind: 'stopped' });
      const after = await until(
        () => subject.processes(),
        (found) => found.length === before.length,
      );
      expect(after.length).toBe(before.length);
    });

    it('stops everything, and keeps what is stored', async () => {
      await runtime.start(
        shell('deaf', `trap '' TERM; ${forever}`, { stop: { signal: 'SIGTERM', grace: milliseconds(500) } }),
      );
      const left = runtime.job(job('left', `: >${runtime.place.path('data', 'begun')}; sleep 300`));
      await until(
        () => runtime.read('data', 'begun'),
        (found) => found !== undefined,
      );
      await runtime.down();
      expect(await subject.processes()).toEqual([]);
      expect(await left).toMatchObject({ kind: 'lost' });
      expect(await runtime.inspect('wanted')).toEqual({ kind: 'stopped' });
      expect(await runtime.adopt()).toEqual([]);
      expect(await runtime.stores()).toEqual(['data']);
    });

    it('is destroyed to nothing, and a second time harmlessly', async () => {
      await runtime.start(shell('last', forever));
      await runtime.destroy();
      expect(await subject.processes()).toEqual([]);
      expect(await subject.remains()).toBe(false);
      await runtime.destroy();
    });
  });
}
