import { readdir, readlink, realpath, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, days, type Milliseconds, systemClock } from '../../evidence/units.ts';
import { localHost } from '../../hosts/local.ts';
import { Turns } from '../../hosts/turns.ts';
import { treeName } from '../process/place.ts';
import { UnitRecords } from '../process/records.ts';

/** A tree by the digest in its name; whatever else lies beside them is not ours to remove. */
const TREE = /^[0-9a-f]{64}$/;
/** One that is being removed, or came half. */
const REST = /^([0-9a-f]{64})\.(gone|part)\.\d+$/;
/** Who says that a tree is about to be used uses it within this time. */
const LEASE: Milliseconds = days(1);

type Name = string;

/**
 * The trees of releases on the agent's machine: `ROOT/trees/DIGEST`, shared by every environment below
 * `ROOT/environments`, whichever state directory each belongs to. One that is about to be used is claimed by a file in
 * the environment, before anybody looks whether it is there.
 */
export class Trees {
  readonly folder: string;
  readonly #environments: string;
  readonly #clock: Clock;
  readonly #host = localHost();
  /** Nothing is claimed while it is decided what goes. */
  readonly #turns = new Turns();

  constructor(root: string, clock: Clock = systemClock) {
    this.#clock = clock;
    this.folder = join(root, 'trees');
    this.#environments = join(root, 'environments');
  }

  async claim(environment: string, name: Name): Promise<void> {
    await this.#turns.take('trees', () =>
      this.#host.place([{ path: join(claimsOf(environment), name), content: '', mode: 0o644 }]),
    );
  }

  /** What an environment runs from, or has said that it will. */
  async of(environment: string): Promise<ReadonlySet<Name>> {
    return new Set([...(await recorded(environment)), ...(await namesIn(claimsOf(environment)))]);
  }

  /**
   * Removes every tree that no environment uses. Where one of them cannot be looked at, all stay. A removal that was cut
   * off leaves what is no tree by its name any more; the next one ends it.
   *
   * @param own those of the environment that was just destroyed: they need not be old
   */
  async removeUnused(own: ReadonlySet<Name>): Promise<readonly Name[]> {
    return this.#turns.take('trees', async () => {
      const removed: Name[] = [];
      for (const name of await namesIn(this.folder)) {
        const path = join(this.folder, name);
        if (REST.test(name)) await this.#end(name);
        if (!TREE.test(name) || (!own.has(name) && (await this.#younger(path)))) continue;
        if ((await this.#used()).has(name)) continue;
        const gone = `${path}.gone.${process.pid}`;
        await rename(path, gone);
        await this.#end(`${name}.gone.${process.pid}`);
        removed.push(name);
      }
      return removed;
    });
  }

  /** Somebody of another version may have claimed it since: then it goes back. */
  async #end(rest: string): Promise<void> {
    const [, name = '', kind] = REST.exec(rest) ?? [];
    const path = join(this.folder, rest);
    if (kind === 'part' && (await this.#younger(path))) return;
    const isThere = (await namesIn(this.folder)).includes(name);
    if (kind === 'gone' && !isThere && (await this.#used()).has(name)) await rename(path, join(this.folder, name));
    else await rm(path, { recursive: true, force: true });
  }

  async #used(): Promise<ReadonlySet<Name>> {
    const used = new Set(await this.#workedIn());
    for (const id of await namesIn(this.#environments)) {
      const environment = join(this.#environments, id);
      for (const name of await recorded(environment)) used.add(name);
      for (const name of await namesIn(claimsOf(environment)))
        if (await this.#younger(join(claimsOf(environment), name))) used.add(name);
    }
    return used;
  }

  /** Trees that a process works in, whoever started it. */
  async #workedIn(): Promise<readonly Name[]> {
    const trees = await realpath(this.folder);
    const pids = (await namesIn('/proc')).filter((name) => /^\d+$/.test(name));
    // Processes end while they are looked at.
    const folders = await Promise.all(pids.map((pid) => readlink(`/proc/${pid}/cwd`).catch(() => '')));
    return folders.flatMap((at) =>
      at.startsWith(`${trees}/`) ? [at.slice(trees.length + 1).split('/')[0] ?? ''] : [],
    );
  }

  /** By the time of its last change of name or mode: what is unpacked keeps older times. What is gone is not young. */
  async #younger(path: string): Promise<boolean> {
    const facts = await stat(path).catch(() => undefined);
    return facts !== undefined && this.#clock() - facts.ctimeMs < LEASE;
  }
}

const claimsOf = (environment: string): string => join(environment, 'trees');

/** @throws ProblemError a record is damaged: then it is not known what it uses */
async function recorded(environment: string): Promise<readonly Name[]> {
  const records = await new UnitRecords(localHost(), environment).all();
  return records.flatMap(({ unit: { software } }) => (software.kind === 'tree' ? [treeName(software)] : []));
}

/** Empty where there is no such folder; one that cannot be read is an error. */
async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}
