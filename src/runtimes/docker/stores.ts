import { randomBytes } from 'node:crypto';
import { dirname } from 'node:path';
import type Docker from 'dockerode';
import { fail } from '../../evidence/problem.ts';
import { minutes } from '../../evidence/units.ts';
import { checkedName, checkedPath } from '../checked-name.ts';
import type { UnitFile, UnitUser } from '../unit.ts';
import { archive, type Entry, firstFile } from './archive.ts';
import type { Engine } from './engine.ts';
import { hasStatus, unlessAbsent } from './engine-problem.ts';
import { endOf } from './ground.ts';
import { LABELS, type Names } from './names.ts';
import { STORES, UNIT_NAMES } from './place.ts';
import { IMAGE_USERS } from './users.ts';

export type StoresSettings = {
  readonly engine: Engine;
  readonly names: Names;
  /** Name of the image that the runtime's own hands are made of. */
  readonly image: () => Promise<string>;
};

/** Others may pass through to a file whose name they know, but not look around. */
const FOLDER_MODE = 0o711;
/** A hand that is older than this belongs to a command that was killed. */
const FORGOTTEN_MS = minutes(10);

/**
 * The environment's volumes and what lies in them. No path of the engine's machine is ever used, so that it works on an
 * engine elsewhere, too: files come and go as archives through a container that holds the volumes, the *hand*.
 */
export class Stores {
  readonly #engine: Engine;
  readonly #names: Names;
  readonly #image: () => Promise<string>;
  /** Stores that this process has made or seen whole, by name, with their owner. */
  readonly #seen = new Map<string, UnitUser>();

  constructor({ engine, names, image }: StoresSettings) {
    this.#engine = engine;
    this.#names = names;
    this.#image = image;
  }

  async make(name: string, owner: UnitUser): Promise<void> {
    const store = checkedName(name);
    if (this.#seen.get(store) === owner && (await this.exists(store))) return;
    const volume = this.#names.store(store);
    await this.#create(store);
    // One of that name may have been there, and somebody else's.
    if (!(await this.exists(store)) && !(await this.#madeAnew(store))) {
      fail({
        kind: 'conflict',
        what: `the engine has a volume ${volume} that is not of this environment`,
        where: this.#engine.where,
        next: `look whose it is (\`docker volume inspect ${volume}\`), and rename or remove it`,
      });
    }
    const { uid } = IMAGE_USERS[owner];
    await this.#withHand([store], (hand) =>
      this.#unpack(hand, [{ kind: 'folder', path: store, mode: FOLDER_MODE, uid }]),
    );
    this.#seen.set(store, owner);
  }

  #create(store: string): Promise<unknown> {
    return this.#engine.call(`makes the store ${store}`, (docker) =>
      docker.createVolume({
        Name: this.#names.store(store),
        Labels: { [LABELS.environment]: this.#names.id, [LABELS.kind]: 'store', [LABELS.unit]: store },
      }),
    );
  }

  /**
   * An engine that ends while it makes a volume leaves the folder, and has lost the labels. One without any label, with
   * nothing in it, and which nobody uses, is made anew; any other of that name is left alone.
   */
  async #madeAnew(store: string): Promise<boolean> {
    const name = this.#names.store(store);
    const found = await unlessAbsent(
      this.#engine.call(`looks at the volume ${name}`, (docker) => docker.getVolume(name).inspect()),
    );
    if (found === undefined || Object.keys(found.Labels ?? {}).length > 0) return false;
    const list = ['/bin/sh', '-c', 'test -z "$(ls -A "$1")"', 'sh', `${STORES}/${store}`];
    const code = await this.#withHand([store], (hand) => this.#codeOf(hand, `looks into the volume ${name}`), list);
    if (code !== 0) return false;
    try {
      await this.#engine.call(`removes the half-made volume ${name}`, (docker) => docker.getVolume(name).remove());
    } catch (error) {
      if (!hasStatus(error, 404, 409)) throw error;
    }
    await this.#create(store);
    return this.exists(store);
  }

  async #unpack(hand: Docker.Container, entries: readonly Entry[]): Promise<void> {
    await this.#engine.call('puts files into stores', (docker) =>
      docker.getContainer(hand.id).putArchive(archive(entries, new Date()), { path: STORES }),
    );
  }

  async exists(store: string): Promise<boolean> {
    const volume = await unlessAbsent(
      this.#engine.call(`looks for the store ${store}`, (docker) =>
        docker.getVolume(this.#names.store(store)).inspect(),
      ),
    );
    return volume?.Labels?.[LABELS.environment] === this.#names.id;
  }

  /** Names of the stores that are there, without the runtime's own. */
  async all(): Promise<readonly string[]> {
    return (await this.#volumes()).filter((store) => store !== UNIT_NAMES);
  }

  async #volumes(): Promise<readonly string[]> {
    const { Volumes } = await this.#engine.call('lists the stores', (docker) =>
      docker.listVolumes({ filters: { label: [this.#names.ours] } }),
    );
    return (Volumes ?? [])
      .map(({ Labels }) => Labels?.[LABELS.unit] ?? '')
      .filter((store) => store !== '')
      .sort();
  }

  /** An engine makes volumes that are not there of its own accord, owned by root: so this is asked before. */
  async require(stores: readonly string[]): Promise<void> {
    const there = stores.every((store) => this.#seen.has(store)) ? stores : await this.#volumes();
    for (const store of stores) {
      if (there.includes(store)) continue;
      fail({
        kind: 'internal',
        what: `the store ${store} is not there`,
        where: this.#names.store(store),
        next: 'make the store before its files and units',
      });
    }
  }

  /**
   * Puts files without the care that `put` takes, which is quicker: a reader may see one half written. Their folders must
   * be there.
   */
  async putRoughly(files: readonly UnitFile[]): Promise<void> {
    if (files.length === 0) return;
    const entries = files.map(
      ({ store, path, mode, user, content }): Entry => ({
        kind: 'file',
        path: `${store}/${checkedPath(path)}`,
        mode,
        uid: IMAGE_USERS[user].uid,
        content,
      }),
    );
    await this.#withHand([...new Set(files.map(({ store }) => store))], (hand) => this.#unpack(hand, entries));
  }

  /**
   * Puts files whole or not at all: they come under a name of their own and are renamed in the store.
   */
  async put(files: readonly UnitFile[]): Promise<void> {
    if (files.length === 0) return;
    const stores = [...new Set(files.map(({ store }) => checkedName(store)))];
    await this.require(stores);
    const incoming = `.incoming-${randomBytes(6).toString('hex')}`;
    const entries: Entry[] = stores.map((store) => ({ kind: 'folder', path: `${store}/${incoming}`, mode: 0o700 }));
    const moves: string[] = [];
    files.forEach((file, index) => {
      const { uid } = IMAGE_USERS[file.user];
      const path = checkedPath(file.path);
      entries.push({
        kind: 'file',
        path: `${file.store}/${incoming}/${index}`,
        mode: file.mode,
        uid,
        content: file.content,
      });
      moves.push(file.store, `${incoming}/${index}`, path, dirname(path), String(uid));
    });
    const argv = ['/bin/sh', '-euc', PUT, 'put', STORES, FOLDER_MODE.toString(8), incoming, stores.join(' '), ...moves];
    await this.#withHand(stores, (hand) => this.#work(hand, entries, 'puts files into stores'), argv);
  }

  /** Undefined where there is no such file. */
  async read(store: string, path: string): Promise<Uint8Array | undefined> {
    const plain = checkedPath(path);
    if (!(await this.exists(checkedName(store)))) return undefined;
    const at = `${STORES}/${store}/${plain}`;
    const from = (id: string) =>
      unlessAbsent(
        this.#engine.call(`reads ${at}`, async (docker) =>
          firstFile(await docker.getContainer(id).getArchive({ path: at })),
        ),
      );
    const holder = await this.#holder(store);
    // One that is being replaced at this moment answers 404, as an absent file does: the hand's answer is certain.
    const found = holder === undefined ? undefined : await from(holder);
    return found ?? this.#withHand([store], (hand) => from(hand.id));
  }

  /** A container of the environment that has the store: reading through it spares a hand. */
  async #holder(store: string): Promise<string | undefined> {
    const containers = await this.#engine.call('looks who has the store', (docker) =>
      docker.listContainers({
        filters: { label: [this.#names.ours, `${LABELS.kind}=unit`], volume: [this.#names.store(store)] },
      }),
    );
    return containers[0]?.Id;
  }

  async erase(store: string, path: string): Promise<void> {
    if (!(await this.exists(checkedName(store)))) return;
    const argv = ['/bin/rm', '-rf', '--', `${STORES}/${store}/${checkedPath(path)}`];
    await this.#withHand([store], (hand) => this.#work(hand, [], `erases ${path}`), argv);
  }

  /** @throws ProblemError `conflict`: something that runs uses it */
  async remove(name: string): Promise<void> {
    const store = checkedName(name);
    this.#seen.delete(store);
    if (!(await this.exists(store))) return;
    try {
      await this.#engine.call(`removes the store ${store}`, (docker) =>
        docker.getVolume(this.#names.store(store)).remove(),
      );
    } catch (error) {
      if (hasStatus(error, 404)) return;
      if (!hasStatus(error, 409)) throw error;
      fail({
        kind: 'conflict',
        what: `the store ${store} is in use`,
        where: this.#names.store(store),
        next: 'stop the units that use it first',
      });
    }
  }

  async removeAll(): Promise<void> {
    for (const store of await this.#volumes()) await this.remove(store);
  }

  /** Removes hands that a command which was killed left behind. */
  async removeForgottenHands(olderThanMs: number = FORGOTTEN_MS): Promise<void> {
    const hands = await this.#engine.call('looks for forgotten hands', (docker) =>
      docker.listContainers({ all: true, filters: { label: [this.#names.ours, `${LABELS.kind}=hand`] } }),
    );
    for (const { Id, Created } of hands) {
      if (Date.now() - Created * 1_000 > olderThanMs) await this.#discard(Id);
    }
  }

  /** Runs the hand's command to its end, after it was given what it works on. */
  async #work(hand: Docker.Container, entries: readonly Entry[], doing: string): Promise<void> {
    if (entries.length > 0) await this.#unpack(hand, entries);
    const code = await this.#codeOf(hand, doing);
    if (code === 0) return;
    const said = await this.#engine.call(doing, (docker) =>
      docker.getContainer(hand.id).logs({ stdout: true, stderr: true }),
    );
    fail({
      kind: 'host',
      what: `a hand of the runtime ended with exit status ${code ?? 'unknown'} (${doing})`,
      where: this.#engine.where,
      detail: said.toString('utf8').split('\n').slice(-5),
      next: 'look at the lines above, and at the disk of the engine (`docker system df`)',
    });
  }

  /** Lets the hand do what it was made for; undefined where somebody has removed it meanwhile. */
  async #codeOf(hand: Docker.Container, doing: string): Promise<number | undefined> {
    await this.#engine.call(doing, (docker) => docker.getContainer(hand.id).start());
    return (await endOf({ engine: this.#engine }, hand.id))?.State.ExitCode;
  }

  async #withHand<T>(
    stores: readonly string[],
    act: (hand: Docker.Container) => Promise<T>,
    command: readonly string[] = ['/bin/true'],
  ): Promise<T> {
    const image = await this.#image();
    const name = `holdpoint-${this.#names.id}.hand.${randomBytes(6).toString('hex')}`;
    const hand = await this.#engine.call('makes a hand for stores', async (docker) => {
      // Only a first try that got lost on its way back can have made it.
      await docker
        .getContainer(name)
        .remove({ force: true })
        .catch(() => {});
      return docker.createContainer({ ...handOptions(this.#names, image, stores, command), name });
    });
    try {
      return await act(hand);
    } finally {
      await this.#discard(hand.id);
    }
  }

  async #discard(id: string): Promise<void> {
    await this.#engine
      .call('puts a hand away', (docker) => docker.getContainer(id).remove({ force: true, v: true }))
      .catch((error: unknown) => {
        if (!hasStatus(error, 404, 409)) throw error;
      });
  }
}

/** $1 where stores are, $2 mode of folders, $3 the incoming folder, $4 stores; then five words for each file. */
const PUT = `
root=$1 mode=$2 incoming=$3 stores=$4; shift 4
while [ $# -gt 0 ]; do
  at="$root/$1"
  if [ "$4" != . ]; then
    below=$4
    while [ -n "$below" ]; do
      part=\${below%%/*}
      case $below in */*) below=\${below#*/} ;; *) below= ;; esac
      at="$at/$part"
      [ -d "$at" ] || { mkdir -m "$mode" "$at"; chown "$5:$5" "$at"; }
    done
  fi
  mv -fT "$root/$1/$2" "$root/$1/$3"
  shift 5
done
for store in $stores; do rmdir "$root/$store/$incoming"; done
`;

/** Root, as files of all owners pass through it; without a network, and with nothing but the stores in question. */
function handOptions(
  names: Names,
  image: string,
  stores: readonly string[],
  command: readonly string[],
): Docker.ContainerCreateOptions {
  return {
    Image: image,
    User: '0:0',
    Entrypoint: [...command],
    Cmd: [],
    Labels: { [LABELS.environment]: names.id, [LABELS.kind]: 'hand' },
    HostConfig: {
      NetworkMode: 'none',
      CapDrop: ['ALL'],
      CapAdd: ['CHOWN', 'DAC_OVERRIDE', 'FOWNER'],
      SecurityOpt: ['no-new-privileges'],
      Mounts: stores.map((store) => ({
        Type: 'volume',
        Source: names.store(store),
        Target: `${STORES}/${store}`,
        VolumeOptions: { NoCopy: true, Labels: {}, DriverConfig: { Name: 'local', Options: {} } },
      })),
    },
  };
}
