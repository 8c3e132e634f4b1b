import { rmdir } from 'node:fs/promises';
import type { Command } from '../../config/app.ts';
import { fail } from '../../evidence/problem.ts';
import type { Milliseconds } from '../../evidence/units.ts';
import type { Address, Host } from '../../hosts/host.ts';
import { tellWhoWaits } from '../../hosts/telling.ts';
import { Turns } from '../../hosts/turns.ts';
import { checkedName } from '../checked-name.ts';
import type { Abilities, Images as AppImages, Runtime, Usage } from '../runtime.ts';
import type { Job, JobEnd, Unit, UnitFile, UnitState, UnitUser } from '../unit.ts';
import { buildFromDockerfile, ensureImage } from './app-images.ts';
import type { Progress } from './build.ts';
import type { Engine } from './engine.ts';
import { hasStatus } from './engine-problem.ts';
import { crashUnit, partitionUnit } from './faults.ts';
import type { Ground } from './ground.ts';
import { hasImage } from './image-facts.ts';
import { loadImage, saveImage } from './image-transfer.ts';
import { Images } from './images.ts';
import { Jobs } from './jobs.ts';
import { addressOf, executeIn, logsOf, usageOf } from './looks.ts';
import { namesOf } from './names.ts';
import { removeNetworks } from './networks.ts';
import { DOCKER_PLACE } from './place.ts';
import { UnitRecords } from './records.ts';
import { stateOf } from './state.ts';
import { Stores } from './stores.ts';
import { UnitNames } from './unit-names.ts';
import { Units } from './units.ts';

export type DockerRuntimeSettings = {
  /** The machine that the engine is on. */
  readonly host: Host;
  readonly engine: Engine;
  /** Name of the environment, for messages. */
  readonly environment: string;
  /** Tells environments and state directories on one engine apart: lower-case letters, digits, hyphens. */
  readonly id: string;
  /** Absolute path of a folder on this machine, for our own records. */
  readonly folder: string;
  /** Absent: whoever waits is told. */
  readonly progress?: Progress;
};

/** Opens an environment on an engine. Nothing is made or started: `adopt` takes up what runs. */
export async function openDockerRuntime(settings: DockerRuntimeSettings): Promise<Runtime> {
  return new DockerRuntime(settings);
}

type Stopped = Awaited<ReturnType<Runtime['stop']>>;

class DockerRuntime implements Runtime {
  readonly kind = 'docker';
  readonly place = DOCKER_PLACE;
  readonly abilities: Abilities;
  readonly images: AppImages;
  readonly #settings: DockerRuntimeSettings;
  readonly #ground: Ground;
  readonly #units: Units;
  readonly #jobs: Jobs;
  readonly #unitNames: UnitNames;
  /** Where lines about images go: to whoever prepares, else to where the runtime was opened from. */
  #tell: Progress;

  constructor(settings: DockerRuntimeSettings) {
    const { engine, id, folder, progress = tellWhoWaits } = settings;
    this.#settings = settings;
    this.#tell = progress;
    engine.onWait((line) => this.#tell(line));
    this.abilities = {
      'memory-limit': engine.facts.limitsMemory
        ? { kind: 'can', how: `control groups of version ${engine.facts.cgroup}, made by the engine` }
        : { kind: 'cannot', because: 'the kernel of the engine has no control groups for memory' },
      partition: { kind: 'can' },
      isolation: { kind: 'can' },
    };
    const names = namesOf(checkedName(id));
    const images = new Images(engine, (line) => this.#tell(line));
    const stores = new Stores({ engine, names, image: () => images.common() });
    this.#ground = { engine, names, images, stores, records: new UnitRecords(folder) };
    this.#units = new Units(this.#ground);
    this.#jobs = new Jobs(this.#ground);
    this.#unitNames = new UnitNames(this.#ground, this.#units);
    this.images = {
      build: (name, build, tell, signal) => buildFromDockerfile(engine, name, build, tell, signal),
      ensure: (reference, tell, signal) => ensureImage(engine, reference, tell, signal),
      has: (image) => hasImage(engine, image),
      save: (image) => saveImage(engine, image),
      load: (image, saved, tell, signal) => loadImage(engine, image, saved, tell, signal),
    };
  }

  async prepare(progress: Progress, signal: AbortSignal): Promise<readonly string[]> {
    const before = this.#tell;
    this.#tell = progress;
    try {
      return await this.#ground.images.prepare(signal);
    } finally {
      this.#tell = before;
    }
  }

  store(name: string, owner: UnitUser): Promise<void> {
    return this.#ground.stores.make(name, owner);
  }

  async removeStore(name: string): Promise<void> {
    if (await this.#ground.stores.exists(checkedName(name))) await this.#units.letGo(name);
    await this.#ground.stores.remove(name);
  }

  stores(): Promise<readonly string[]> {
    return this.#ground.stores.all();
  }

  put(files: readonly UnitFile[]): Promise<void> {
    return this.#ground.stores.put(files);
  }

  read(store: string, path: string): Promise<Uint8Array | undefined> {
    return this.#ground.stores.read(store, path);
  }

  erase(store: string, path: string): Promise<void> {
    return this.#ground.stores.erase(store, path);
  }

  async adopt(): Promise<readonly string[]> {
    await this.#ground.stores.removeForgottenHands();
    const back: string[] = [];
    for (const { record, found } of await this.#units.all()) {
      if (record.wanted !== 'running' || record.unit.restart !== 'always') continue;
      const status = found?.State.Status;
      if (status === 'running' || status === 'restarting' || status === 'paused') continue;
      await this.start(record.unit);
      back.push(record.unit.name);
    }
    return back;
  }

  start(unit: Unit): Promise<void> {
    return this.#turns.take(checkedName(unit.name), async () => {
      if (unit.sees === 'usage') await this.#unitNames.ready();
      if ((await this.#units.start(unit)) === 'made') await this.#unitNames.tell(unit);
    });
  }

  stop(name: string): Promise<Stopped> {
    return this.#turns.take(checkedName(name), () => this.#units.stop(name));
  }

  remove(name: string): Promise<void> {
    return this.#turns.take(checkedName(name), async () => {
      await this.#units.remove(name);
      await this.#unitNames.forget(name);
    });
  }

  async list(): Promise<readonly { readonly unit: Unit; readonly state: UnitState }[]> {
    const all = await this.#units.all();
    return all.map(({ record, found }) => ({ unit: record.unit, state: stateOf(record, found) }));
  }

  inspect(name: string): Promise<UnitState> {
    return this.#units.state(name);
  }

  logs(name: string, lines: number): Promise<readonly string[]> {
    return logsOf(this.#ground, this.#units, name, lines);
  }

  async signal(name: string, signal: 'SIGHUP' | 'SIGUSR1' | 'SIGUSR2'): Promise<void> {
    const found = await this.#units.running(name);
    const refuse = () =>
      fail({
        kind: 'conflict',
        what: `unit ${name} does not run, so it cannot be sent ${signal}`,
        where: this.#settings.environment,
        next: 'read its log with `holdpoint logs`',
      });
    if (found === undefined) return refuse();
    await this.#ground.engine
      .call(`sends ${signal} to ${name}`, (docker) => docker.getContainer(found.Id).kill({ signal }))
      .catch((error: unknown) => {
        if (!hasStatus(error, 404, 409)) throw error;
        refuse();
      });
  }

  usage(name: string): Promise<Usage | undefined> {
    return usageOf(this.#ground, this.#units, name);
  }

  job(job: Job, signal?: AbortSignal): Promise<JobEnd> {
    return this.#jobs.run(job, signal);
  }

  execute(name: string, command: Command, timeLimit: Milliseconds): Promise<JobEnd> {
    return executeIn(this.#ground, this.#units, name, command, timeLimit);
  }

  address(name: string, port: number): Promise<Address | undefined> {
    return addressOf(this.#units, name, port);
  }

  crash(name: string): Promise<{ readonly pid: number } | undefined> {
    return crashUnit(this.#ground, this.#units, name);
  }

  partition(name: string, how: 'cut' | 'mended'): Promise<void> {
    return partitionUnit(this.#ground, this.#units, name, how);
  }

  async down(): Promise<void> {
    await this.#jobs.cancelAll();
    for (const { record } of [...(await this.#units.all())].reverse()) await this.stop(record.unit.name);
  }

  async destroy(): Promise<void> {
    const { engine, names, images, stores, records } = this.#ground;
    await this.down();
    for (const { record } of await this.#units.all()) await this.#units.remove(record.unit.name);
    await stores.removeForgottenHands(0);
    await stores.removeAll();
    await removeNetworks(engine, names);
    await images.removeUnusedTrees();
    await records.removeAll();
    // Only where nothing else lies in it.
    await rmdir(this.#settings.folder).catch(() => {});
  }

  /** Two calls about one unit follow one another. */
  readonly #turns = new Turns();
}
