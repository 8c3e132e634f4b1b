import { setTimeout as sleep } from 'node:timers/promises';
import type Docker from 'dockerode';
import { fail, ProblemError } from '../../evidence/problem.ts';
import { type Milliseconds, milliseconds } from '../../evidence/units.ts';
import { checkedName } from '../checked-name.ts';
import type { Runtime } from '../runtime.ts';
import type { Unit, UnitState } from '../unit.ts';
import type { UnitRecord } from '../unit-record.ts';
import { endpoint, restartPolicy, stopSeconds, unitContainer } from './container.ts';
import { hasStatus } from './engine-problem.ts';
import { ALIVE, type Ground, imageOf, inspected } from './ground.ts';
import type { ImageDetails } from './image-facts.ts';
import { LABELS } from './names.ts';
import { ensureNetworks } from './networks.ts';
import { TREE } from './place.ts';
import { IMAGE_PATH } from './recipes.ts';
import { unitOfLabel } from './records.ts';
import { stateOf } from './state.ts';

type Stopped = Awaited<ReturnType<Runtime['stop']>>;
type Found = Docker.ContainerInspectInfo;

/** More than a stop of the engine's needs beside the unit's own grace. */
const STOP_MORE_MS = 60_000;

/** Starts, stops and forgets units, and says what they do. */
export class Units {
  readonly #ground: Ground;
  #order = 0;

  constructor(ground: Ground) {
    this.#ground = ground;
  }

  /** @returns whether a container was made */
  async start(unit: Unit): Promise<'made' | 'there'> {
    const { names, stores, engine } = this.#ground;
    const name = names.unit(checkedName(unit.name));
    const { image, details } = await imageOf(this.#ground, unit.software, unit.user);
    await stores.require(unit.mounts.map(({ store }) => store));
    const options = unitContainer(unit, { names, image, details });
    const description = options.Labels?.[LABELS.description];
    const before = await this.container(unit.name);
    const same = before !== undefined && before.Config.Labels[LABELS.description] === description;
    if (before !== undefined && !same) await this.#discard(before);
    if (same && before.State.Status === 'running') {
      await this.#want(unit, 'running', before);
      return 'there';
    }
    // A unit that fails again and again waits longer each time: stopped once, it starts at once.
    if (same && before.State.Status === 'restarting') await this.#stopContainer(before.Id, unit.stop.grace);
    await ensureNetworks(engine, names);
    const id = same ? before.Id : await this.#create(unit, { ...options, name }, details);
    const record = await this.#want(unit, 'running', same ? before : undefined);
    try {
      await engine.call(`starts unit ${unit.name}`, (docker) => docker.getContainer(id).start());
    } catch (error) {
      if (hasStatus(error, 304)) return 'there';
      await this.#undo(record, id, same);
      return startProblem(unit, error);
    }
    return same ? 'there' : 'made';
  }

  /** What could not be started is not there afterwards; what was there stays, stopped. */
  async #undo(record: UnitRecord, id: string, wasThere: boolean): Promise<void> {
    if (wasThere) return this.#want(record.unit, 'stopped', undefined).then(() => {});
    await this.#removeContainer(id);
    await this.#ground.records.remove(record.unit.name);
  }

  async #create(
    unit: Unit,
    options: Docker.ContainerCreateOptions,
    details: ImageDetails | undefined,
  ): Promise<string> {
    const { engine, names } = this.#ground;
    const id = await this.#createOnce(unit, options);
    try {
      await this.#requireProgram(unit, id, details);
      for (const network of unit.networks.slice(1)) {
        await engine
          .call(`puts unit ${unit.name} on the network ${network}`, (docker) =>
            docker.getNetwork(names.network(network)).connect({ Container: id, EndpointConfig: endpoint(unit.name) }),
          )
          .catch((error: unknown) => {
            // It is on it already: the call was repeated, or another command made the container just now.
            if (!hasStatus(error, 403)) throw error;
          });
      }
      return id;
    } catch (error) {
      await this.#removeContainer(id);
      throw error;
    }
  }

  async #createOnce(unit: Unit, options: Docker.ContainerCreateOptions): Promise<string> {
    const { engine } = this.#ground;
    for (let round = 0; ; round++) {
      try {
        const { id } = await engine.call(`makes unit ${unit.name}`, (docker) => docker.createContainer({ ...options }));
        return id;
      } catch (error) {
        if (!hasStatus(error, 409)) throw error;
        // Two commands at once: the other one's is as good, where it is the same. Its name is taken before it is there.
        const other = await this.container(unit.name);
        if (other?.Config.Labels[LABELS.description] === options.Labels?.[LABELS.description] && other) return other.Id;
        if (other !== undefined || round > 100) {
          return fail({
            kind: 'conflict',
            what: `another command changes unit ${unit.name} at the same time`,
            where: options.name ?? unit.name,
            next: 'wait for it to end, then run this one again',
          });
        }
        await sleep(50);
      }
    }
  }

  /** An init would start, find nothing to run, and end for ever again: so the program is looked for before. */
  async #requireProgram(unit: Unit, id: string, details: ImageDetails | undefined): Promise<void> {
    const [program] = unit.command;
    const root = unit.software.kind === 'tree' ? TREE : '';
    // A relative path begins in a folder that only the image knows.
    if (details !== undefined && !program.startsWith('/')) return;
    const candidates = program.includes('/')
      ? [program.startsWith('/') ? program : `${root}/${program}`]
      : IMAGE_PATH.split(':').map((folder) => `${folder}/${program}`);
    const found = await Promise.all(candidates.map((path) => this.#hasFile(id, path)));
    if (found.includes(true)) return;
    fail({
      kind: unit.role === 'part' ? 'host' : 'app',
      what: `the program \`${program}\` of unit ${unit.name} is not there or may not be executed`,
      where: root === '' ? '/' : root,
      next:
        unit.role === 'part'
          ? 'look whether its image has it'
          : `mend the command of service ${unit.of} in holdpoint.yaml, or name the Debian package that brings the program under \`packages\``,
    });
  }

  async #hasFile(id: string, path: string): Promise<boolean> {
    try {
      await this.#ground.engine.call(`looks for ${path}`, async (docker) => {
        const answer: NodeJS.ReadableStream = await docker.getContainer(id).infoArchive({ path });
        answer.resume();
      });
      return true;
    } catch (error) {
      if (hasStatus(error, 404)) return false;
      throw error;
    }
  }

  /** Writes down what is wanted, in our records and in the engine's own, which outlive ours. */
  async #want(unit: Unit, wanted: UnitRecord['wanted'], found: Found | undefined): Promise<UnitRecord> {
    const { records, engine } = this.#ground;
    const before = await records.read(unit.name);
    const record = {
      unit,
      wanted,
      order: wanted === 'running' ? this.#nextOrder(before, found) : (before?.order ?? 0),
    };
    await records.write(record);
    const policy = restartPolicy(unit, wanted);
    if (found !== undefined && found.HostConfig.RestartPolicy?.Name !== policy.Name) {
      await engine.call(`says whether unit ${unit.name} comes back`, (docker) =>
        docker.getContainer(found.Id).update({ RestartPolicy: policy }),
      );
    }
    return record;
  }

  /** One that runs keeps its place. Between commands the clock orders them. */
  #nextOrder(before: UnitRecord | undefined, found: Found | undefined): number {
    if (before !== undefined && found?.State.Status === 'running') return before.order;
    this.#order = Math.max(this.#order + 1, Date.now());
    return this.#order;
  }

  async stop(name: string): Promise<Stopped> {
    const found = await this.container(name);
    const record = await this.record(name, found);
    if (record === undefined) return { how: 'was-not-running', took: milliseconds(0) };
    await this.#want(record.unit, 'stopped', found);
    const begun = performance.now();
    if (found === undefined || !ALIVE.has(found.State.Status)) return { how: 'was-not-running', took: milliseconds(0) };
    const ran = found.State.Status !== 'restarting';
    const { grace } = record.unit.stop;
    await this.#stopContainer(found.Id, grace);
    const took = milliseconds(Math.round(performance.now() - begun));
    if (!ran) return { how: 'was-not-running', took };
    return { how: took >= grace ? 'killed' : 'stopped', took };
  }

  async #stopContainer(id: string, grace: Milliseconds): Promise<void> {
    await this.#ground.engine
      .call('stops a unit', (docker) => docker.getContainer(id).stop({ t: stopSeconds(grace) }), {
        limit: milliseconds(grace + STOP_MORE_MS),
      })
      .catch((error: unknown) => {
        if (!hasStatus(error, 304, 404)) throw error;
      });
  }

  async remove(name: string): Promise<void> {
    await this.stop(name);
    const found = await this.container(name);
    if (found !== undefined) await this.#removeContainer(found.Id);
    await this.#ground.records.remove(name);
  }

  /** Ends an earlier one by its own signal and grace, and forgets it. */
  async #discard(found: Found): Promise<void> {
    if (found.Config.Labels[LABELS.environment] !== this.#ground.names.id) {
      fail({
        kind: 'conflict',
        what: `the engine has a container ${found.Name} that is not of this environment`,
        where: this.#ground.engine.where,
        next: `look whose it is (\`docker inspect ${found.Id.slice(0, 12)}\`), and rename or remove it`,
      });
    }
    const unit = unitOfLabel(found.Config.Labels[LABELS.json]);
    if (ALIVE.has(found.State.Status)) await this.#stopContainer(found.Id, unit?.stop.grace ?? milliseconds(10_000));
    await this.#removeContainer(found.Id);
  }

  async #removeContainer(id: string): Promise<void> {
    const { engine } = this.#ground;
    for (let round = 0; ; round++) {
      try {
        await engine.call('removes a container', (docker) => docker.getContainer(id).remove({ force: true, v: true }));
        return;
      } catch (error) {
        if (hasStatus(error, 404)) return;
        // Its removal is in progress already, by another command.
        if (!hasStatus(error, 409) || round > 50) throw error;
        await sleep(100);
      }
    }
  }

  /**
   * Lets go of stores: the containers of units that do not run are removed. The units are known all the same, and start
   * again as they were.
   */
  async letGo(store: string): Promise<void> {
    const { engine, names } = this.#ground;
    const containers = await engine.call('looks who has the store', (docker) =>
      docker.listContainers({ all: true, filters: { label: [names.ours], volume: [names.store(checkedName(store))] } }),
    );
    for (const { Id, Labels, State } of containers) {
      if (ALIVE.has(State)) continue;
      const unit = Labels[LABELS.kind] === 'unit' ? unitOfLabel(Labels[LABELS.json]) : undefined;
      if (unit !== undefined) {
        const record = await this.record(unit.name, await inspected(this.#ground, Id));
        if (record !== undefined) await this.#ground.records.write(record);
      }
      await this.#removeContainer(Id);
    }
  }

  container(name: string): Promise<Found | undefined> {
    return inspected(this.#ground, this.#ground.names.unit(checkedName(name)));
  }

  /** Ours; else what its container tells. */
  async record(name: string, found: Found | undefined): Promise<UnitRecord | undefined> {
    const kept = await this.#ground.records.read(checkedName(name));
    if (kept !== undefined) return kept;
    const { names } = this.#ground;
    const labels = found?.Config.Labels;
    const unit = labels?.[LABELS.environment] === names.id ? unitOfLabel(labels[LABELS.json]) : undefined;
    if (unit === undefined || found === undefined) return undefined;
    const wanted = found.HostConfig.RestartPolicy?.Name === 'no' && unit.restart === 'always' ? 'stopped' : 'running';
    return { unit, wanted, order: Date.parse(found.Created) };
  }

  /** In the order in which they were started. */
  async all(): Promise<readonly { readonly record: UnitRecord; readonly found: Found | undefined }[]> {
    const { engine, names, records } = this.#ground;
    const containers = await engine.call('lists the units', (docker) =>
      docker.listContainers({ all: true, filters: { label: [names.ours, `${LABELS.kind}=unit`] } }),
    );
    const unitNames = new Set([
      ...containers.map(({ Labels }) => Labels[LABELS.unit] ?? ''),
      ...(await records.all()).map(({ unit }) => unit.name),
    ]);
    const units = await Promise.all(
      [...unitNames].map(async (name) => {
        const found = await this.container(name);
        const record = await this.record(name, found);
        return record === undefined ? [] : [{ record, found }];
      }),
    );
    return units.flat().sort((a, b) => a.record.order - b.record.order);
  }

  async state(name: string): Promise<UnitState> {
    const found = await this.container(name);
    return stateOf(await this.record(name, found), found);
  }

  /** The container of a unit that runs. */
  async running(name: string): Promise<Found | undefined> {
    const found = await this.container(name);
    return found?.State.Status === 'running' ? found : undefined;
  }
}

const NO_PROGRAM = /executable file not found|no such file or directory|permission denied/i;

function startProblem(unit: Unit, error: unknown): never {
  if (!(error instanceof ProblemError)) throw error;
  const text = (error.problem.detail ?? []).join(' ');
  if (!hasStatus(error, 400) || !NO_PROGRAM.test(text)) throw error;
  return fail({
    kind: unit.role === 'part' ? 'host' : 'app',
    what: `the program \`${unit.command[0]}\` of unit ${unit.name} is not there or may not be executed`,
    where: 'its image',
    detail: [text],
    next: `mend the command of service ${unit.of} in holdpoint.yaml, or name the Debian package that brings the program under \`packages\``,
  });
}
