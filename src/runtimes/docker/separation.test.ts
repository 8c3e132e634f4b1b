import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { notRun, temporaryDocker } from '../../../test/runtimes/docker-ground.ts';
import { freePorts, portAt } from '../../../test/runtimes/temporary.ts';
import { ProblemError } from '../../evidence/problem.ts';
import { seconds } from '../../evidence/units.ts';
import type { Runtime } from '../runtime.ts';
import type { Network, Unit } from '../unit.ts';
import { findEngine } from './engine.ts';
import { killByHelper } from './faults.ts';
import { Images } from './images.ts';
import { POSTGRES_VERSION } from './machine.ts';
import { LABELS, namesOf } from './names.ts';
import { UNIT_NAMES } from './place.ts';

const found = await findEngine();
const forever = 'while :; do sleep 0.1; done';

const unit = (name: string, script: string, networks: readonly Network[], more: Partial<Unit> = {}): Unit => ({
  name,
  of: 'toy',
  role: 'agent',
  software: { kind: 'parts' },
  mounts: [],
  networks,
  command: ['sh', '-c', script],
  environment: {},
  user: 'app',
  ports: [],
  stop: { signal: 'SIGTERM', grace: seconds(1) },
  restart: 'always',
  ...more,
});

const PORT = 5_432;
const SERVER = `require('node:net').createServer((s) => s.end()).listen(${PORT}, '0.0.0.0')`;
/** Exit status 0 where the address takes a connection. */
const connects = (host: string): [string, ...string[]] => [
  'bash',
  '-c',
  `timeout 2 bash -c 'exec 3<>/dev/tcp/${host}/${PORT}'`,
];

async function until<T>(look: () => Promise<T>, wanted: (found: T) => boolean): Promise<T> {
  const deadline = performance.now() + 30_000;
  for (;;) {
    const seen = await look();
    if (wanted(seen) || performance.now() > deadline) return seen;
    await sleep(50);
  }
}

const problemOf = (call: Promise<unknown>) =>
  call.then(
    () => undefined,
    (error: unknown) => (error instanceof ProblemError ? error.problem : error),
  );

describe.skipIf(found.kind === 'none')(`units in containers${notRun(found)}`, () => {
  if (found.kind === 'none') return;
  const { engine } = found;
  let ground: Awaited<ReturnType<typeof temporaryDocker>>;
  let runtime: Runtime;
  let image: string;
  beforeAll(async () => {
    ground = await temporaryDocker(engine);
    runtime = ground.runtime;
    image = await new Images(engine, () => {}).common();
  }, 600_000);
  // What one test leaves behind where it fails is no finding of the next.
  afterEach(async () => {
    for (const { unit } of await runtime.list()) await runtime.remove(unit.name);
  });
  afterAll(() => ground.close());

  /** A container that somebody else runs on the same engine. Gives its exit status and output. */
  async function stranger(networks: readonly string[], command: readonly string[]): Promise<number> {
    const [first = 'bridge', ...others] = networks;
    const container = await engine.docker.createContainer({
      Image: image,
      Entrypoint: [...command],
      HostConfig: { NetworkMode: first },
      Labels: { 'dev.holdpoint.test': ground.id },
    });
    try {
      for (const network of others) await engine.docker.getNetwork(network).connect({ Container: container.id });
      await container.start();
      return (await container.wait()).StatusCode;
    } finally {
      await container.remove({ force: true });
    }
  }

  it('lets no stranger reach the database: not from the default bridge, not from the network of the app', async () => {
    const node = runtime.place.program('node');
    await runtime.start(unit('db', '', ['database'], { command: [node, '-e', SERVER] }));
    await runtime.start(unit('open', '', ['app'], { command: [node, '-e', SERVER] }));
    await runtime.start(unit('service', forever, ['app', 'database']));
    await runtime.start(unit('other', forever, ['app']));
    const from = async (name: string, to: string) => {
      const end = await runtime.execute(name, connects(to), seconds(10));
      return end.kind === 'exited' ? end.code : end.kind;
    };
    const address = (await runtime.address('db', PORT))?.host ?? '';
    // Whoever belongs there reaches it, by name and by address: what fails below does not fail for another reason.
    expect(
      await until(
        () => from('service', 'db'),
        (code) => code === 0,
      ),
    ).toBe(0);
    expect(await from('service', address)).toBe(0);
    const app = namesOf(ground.id).network('app');
    expect(await stranger([app], connects('open'))).toBe(0);

    for (const to of ['db', address]) {
      expect(await from('other', to)).not.toBe(0);
      expect(await stranger(['bridge'], connects(to))).not.toBe(0);
      expect(await stranger([app], connects(to))).not.toBe(0);
    }
    // And the database itself reaches nobody but its own network.
    expect(await from('db', 'open')).not.toBe(0);
    for (const name of ['db', 'open', 'service', 'other']) await runtime.remove(name);
  });

  it('gives a unit no rights, nothing to write on, and no process of others to look at', async () => {
    await runtime.store('mine', 'app');
    await runtime.store('read-only', 'app');
    await runtime.store('hidden', 'app');
    await runtime.start(
      unit('bare', forever, ['app'], {
        mounts: [
          { store: 'mine', access: 'write' },
          { store: 'read-only', access: 'read' },
        ],
      }),
    );
    const says = async (script: string) => {
      const end = await runtime.execute('bare', ['sh', '-c', script], seconds(10));
      return end.kind === 'exited' ? end.output.trim() : end.kind;
    };
    expect(await says('id -u; id -g; id -G')).toBe('10001\n10001\n10001');
    expect(await says("sed -n 's/^CapEff:.//p; s/^CapBnd:.//p; s/^NoNewPrivs:.//p' /proc/self/status")).toBe(
      '0000000000000000\n0000000000000000\n1',
    );
    // A write that works, first.
    expect(await says(': >/stores/mine/x && : >/tmp/x && echo yes')).toBe('yes');
    for (const path of ['/x', '/usr/x', '/etc/x', '/app/x', '/stores/x', '/stores/read-only/x']) {
      expect(await says(`: 2>&1 >${path} || true`), path).toMatch(/Read-only file system/);
    }
    expect(await says('ls /stores')).toBe('mine\nread-only');
    expect(await says('test -e /var/run/docker.sock || echo none')).toBe('none');
    // One that ends between its name and the look at it is no finding.
    expect(Number(await says('ls -d /proc/[0-9]* 2>/dev/null | wc -l'))).toBeLessThan(10);
    await runtime.remove('bare');
    for (const store of ['mine', 'read-only', 'hidden']) await runtime.removeStore(store);
  });

  it('publishes no port but the one that is to be, and that on the loopback alone', async () => {
    const [shown, kept] = await freePorts(2);
    const ports = [
      { name: 'shown', number: shown ?? 0, published: true as const },
      { name: 'kept', number: kept ?? 0 },
    ];
    await runtime.start(unit('door', forever, ['app'], { ports }));
    const facts = await engine.docker.getContainer(namesOf(ground.id).unit('door')).inspect();
    expect(facts.NetworkSettings.Ports).toEqual({
      [`${shown}/tcp`]: [{ HostIp: '127.0.0.1', HostPort: String(shown) }],
      [`${kept}/tcp`]: null,
    });
    expect(facts.Config.Healthcheck).toMatchObject({ Test: expect.arrayContaining(['CMD']) });
    await runtime.remove('door');
  });

  it('says which port is taken, and leaves nothing of the unit behind', async () => {
    const port = portAt(await freePorts(1), 0);
    const ports = [{ name: 'http', number: port, published: true as const }];
    await runtime.start(unit('first', forever, ['app'], { ports }));
    const problem = await problemOf(runtime.start(unit('second', forever, ['app'], { ports })));
    expect(problem).toMatchObject({ kind: 'conflict', what: expect.stringContaining(`port ${port} `) });
    expect(await runtime.inspect('second')).toEqual({ kind: 'absent' });
    expect((await runtime.list()).map((one) => one.unit.name)).toEqual(['first']);
    await runtime.remove('first');
    await runtime.start(unit('second', forever, ['app'], { ports }));
    expect(await runtime.inspect('second')).toMatchObject({ kind: 'running' });
    await runtime.remove('second');
  });

  it('keeps a unit reachable by its published port after it was cut off and mended', async () => {
    const port = portAt(await freePorts(1), 0);
    const script = `require('node:http').createServer((_, r) => r.end('x')).listen(${port}, '0.0.0.0')`;
    const ports = [{ name: 'http', number: port, published: true as const }];
    await runtime.start(unit('door', '', ['app'], { ports, command: [runtime.place.program('node'), '-e', script] }));
    const answers = () =>
      fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(1_000) }).then(
        () => true,
        () => false,
      );
    expect(await until(answers, (is) => is)).toBe(true);
    await runtime.partition('door', 'cut');
    expect(await answers()).toBe(false);
    await runtime.partition('door', 'mended');
    expect(await until(answers, (is) => is)).toBe(true);
    await runtime.remove('door');
  });

  it('makes one unit of two commands that start it at the same time, and one run of a job', async () => {
    const others = await Promise.all([ground.reopen(), ground.reopen(), ground.reopen()]);
    await Promise.all(others.map((other) => other.store('shared', 'app')));
    const once = unit('once', forever, ['app'], { mounts: [{ store: 'shared', access: 'write' }] });
    await Promise.all(others.map((other) => other.start(once)));
    expect(await engine.docker.listContainers({ all: true, filters: ground.ours })).toHaveLength(1);
    const ends = await Promise.all(
      others.map((other) =>
        other.job({
          name: 'counts',
          software: { kind: 'parts' },
          mounts: [{ store: 'shared', access: 'write' }],
          networks: [],
          command: ['sh', '-c', `echo run >>${runtime.place.path('shared', 'runs')}; sleep 1; echo done`],
          environment: {},
          user: 'app',
          timeLimit: seconds(20),
        }),
      ),
    );
    for (const end of ends) expect(end).toMatchObject({ kind: 'exited', output: 'done\n' });
    expect(Buffer.from((await runtime.read('shared', 'runs')) ?? []).toString()).toBe('run\n');
    await runtime.remove('once');
    await runtime.removeStore('shared');
  });

  it('is known by another machine that has none of our records', async () => {
    await runtime.start(unit('known', forever, ['app']));
    await runtime.start(unit('halted', forever, ['app']));
    await runtime.stop('halted');
    const elsewhere = await temporaryDocker(engine);
    const { openDockerRuntime } = await import('./runtime.ts');
    const { localHost } = await import('../../hosts/local.ts');
    const other = await openDockerRuntime({
      ...elsewhere.settings,
      id: ground.id,
      host: localHost(),
      engine,
    });
    expect((await other.list()).map((one) => [one.unit.name, one.state.kind])).toEqual([
      ['known', 'running'],
      ['halted', 'stopped'],
    ]);
    expect(await other.adopt()).toEqual([]);
    await runtime.remove('known');
    await runtime.remove('halted');
    await elsewhere.close();
  });

  it('leaves what another environment has on the same engine alone', async () => {
    const other = await temporaryDocker(engine);
    await other.runtime.store('data', 'app');
    await other.runtime.start(unit('theirs', forever, ['app']));
    await runtime.start(unit('theirs', forever, ['app']));
    await ground.runtime.destroy();
    expect(await other.runtime.inspect('theirs')).toMatchObject({ kind: 'running' });
    expect(await other.runtime.stores()).toEqual(['data']);
    await other.close();
  });

  it('ends a process also where this machine does not see it, and only one of that container', async () => {
    await runtime.start(unit('victim', forever, ['app']));
    const { Id, State } = await engine.docker.getContainer(namesOf(ground.id).unit('victim')).inspect();
    const elsewhere = { engine, names: namesOf(ground.id), images: new Images(engine, () => {}) };
    expect(await killByHelper(elsewhere, process.pid, Id)).toBe(false);
    expect(await killByHelper(elsewhere, State.Pid, Id)).toBe(true);
    const state = await until(
      () => runtime.inspect('victim'),
      (seen) => seen.kind === 'running' && seen.restarts > 0,
    );
    expect(state).toMatchObject({ kind: 'running', restarts: 1 });
    await runtime.remove('victim');
  });

  it('tells exporters which container is which unit', async () => {
    const before = unit('earlier', forever, ['app']);
    await runtime.start(before);
    const looks = unit('exporter', forever, ['app'], {
      user: 'monitoring',
      sees: 'usage',
      mounts: [{ store: UNIT_NAMES, access: 'read' }],
    });
    await runtime.start(looks);
    const container = async (name: string) =>
      (await engine.docker.getContainer(namesOf(ground.id).unit(name)).inspect()).Id;
    const told = async (name: string) => {
      const file = await runtime.read(UNIT_NAMES, `${name}.json`);
      return file === undefined ? undefined : JSON.parse(Buffer.from(file).toString());
    };
    for (const name of ['earlier', 'exporter']) {
      expect(await told(name)).toEqual({ unit: name, service: 'toy', container: await container(name) });
    }
    const id = await container('earlier');
    const group = await runtime.execute(
      'exporter',
      ['sh', '-c', `find /sys/fs/cgroup -type d -name '*${id}*' 2>/dev/null | grep -c .`],
      seconds(10),
    );
    expect(group.kind === 'exited' ? Number(group.output) : 0).toBeGreaterThan(0);
    expect(await runtime.stores()).toEqual([]);
    await runtime.remove('earlier');
    expect(await told('earlier')).toBeUndefined();
    await runtime.remove('exporter');
  });

  it('has every program of the parts where it says', async () => {
    const programs: Readonly<Record<'proxy' | 'postgres' | 'monitoring' | 'cache', readonly string[]>> = {
      proxy: ['caddy', 'mtail', 'node'],
      postgres: ['postgres', 'initdb', 'psql', 'pg_receivewal', 'pg_checksums', 'pgbackrest', 'node'],
      monitoring: [
        'prometheus',
        'promtool',
        'amtool',
        'alertmanager',
        'node-exporter',
        'postgres-exporter',
        'blackbox-exporter',
        'node',
      ],
      cache: ['redis-server'],
    };
    for (const user of ['proxy', 'postgres', 'monitoring', 'cache'] as const) {
      const paths = programs[user].map((name) => runtime.place.program(name));
      const end = await runtime.job({
        name: `programs-${user}`,
        software: { kind: 'parts' },
        mounts: [],
        networks: [],
        command: [
          'sh',
          '-euc',
          'id -un; for p in "$@"; do case $p in */caddy) "$p" version ;; *) "$p" --version || "$p" version ;; esac >/dev/null 2>&1; done',
          'sh',
          ...paths,
        ],
        environment: {},
        user,
        timeLimit: seconds(60),
      });
      expect(end).toMatchObject({ kind: 'exited', code: 0, output: `${runtime.place.user(user)}\n` });
    }
    expect(runtime.place.program('postgres')).toContain(`/${POSTGRES_VERSION}/`);
  }, 300_000);

  it('prepares nothing the second time', async () => {
    await runtime.prepare(() => {}, new AbortController().signal);
    expect(await runtime.prepare(() => {}, new AbortController().signal)).toEqual([]);
  }, 600_000);

  it('labels all that it makes', async () => {
    await runtime.start(unit('labelled', forever, ['app'], { slot: 'blue', role: 'web' }));
    const [one] = await engine.docker.listContainers({ filters: ground.ours });
    expect(one?.Labels).toMatchObject({
      [LABELS.unit]: 'labelled',
      [LABELS.of]: 'toy',
      [LABELS.role]: 'web',
      [LABELS.slot]: 'blue',
      [LABELS.software]: 'parts',
    });
    await runtime.remove('labelled');
  });
});
