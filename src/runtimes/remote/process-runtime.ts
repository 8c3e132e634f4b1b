import { join } from 'node:path';
import { LostCall, type Repeatable } from '../../hosts/ssh/agent-client.ts';
import type { SshHost } from '../../hosts/ssh/host.ts';
import { type PlaceFacts, processPlace, treeName } from '../process/place.ts';
import type { OpenedProcessRuntime } from '../process/runtime.ts';
import type { Abilities, Runtime } from '../runtime.ts';
import type { JobEnd, Software } from '../unit.ts';
import type { RuntimeMethod } from './methods.ts';

export type RemoteProcessSettings = {
  readonly host: SshHost;
  /** Name of the environment, for messages. */
  readonly environment: string;
  /** Absolute path on the host; everything of the environment lies in it. */
  readonly folder: string;
};

type Opened = { readonly folder: string; readonly abilities: Abilities; readonly facts: PlaceFacts };

/** Carried out at most once: to do them a second time would be another deed. */
const ONCE: ReadonlySet<string> = new Set<RuntimeMethod>(['signal', 'execute', 'crash']);

/**
 * The runtime `process` on another host: its agent carries out what is asked for here. The tree of a release is sent
 * before the first unit or job of it starts.
 */
export async function openRemoteProcessRuntime(settings: RemoteProcessSettings): Promise<Runtime> {
  const { host, environment } = settings;
  const asked = (folder: string, method: string, input: readonly unknown[], signal?: AbortSignal) => {
    const repeatable: Repeatable = ONCE.has(method) ? 'once' : 'any number of times';
    return host.call({ target: { of: 'runtime', folder, environment }, method, input, repeatable, signal });
  };
  const open = async () => (await asked(settings.folder, 'open', [])) as Opened;
  const { folder, abilities, ...first } = await open();
  let facts = first.facts;

  /** What the agent answers to a method is what that method gives there. */
  const there =
    <Name extends RuntimeMethod>(method: Name) =>
    (...input: Parameters<OpenedProcessRuntime[Name]>) =>
      asked(folder, method, input) as ReturnType<OpenedProcessRuntime[Name]>;

  const sending = new Map<string, Promise<void>>();
  const send = async (software: Software): Promise<void> => {
    if (software.kind !== 'tree') return;
    const name = treeName(software);
    const sent = sending.get(name) ?? sendClaimed(software.folder, name).finally(() => sending.delete(name));
    sending.set(name, sent);
    await sent;
  };
  /** Looked for each time: nobody removes one that is claimed, but it may have gone before. */
  const sendClaimed = async (from: string, name: string): Promise<void> => {
    await asked(folder, 'claim', [name]);
    await host.sendFolder(from, join(host.root, 'trees', name));
  };

  return {
    kind: 'process',
    place: processPlace(folder, () => facts),
    abilities,
    images: undefined,
    async prepare() {
      facts = (await open()).facts;
      return [];
    },
    store: there('store'),
    removeStore: there('removeStore'),
    stores: there('stores'),
    put: there('put'),
    read: there('read'),
    erase: there('erase'),
    adopt: there('adopt'),
    async start(unit) {
      await send(unit.software);
      await there('start')(unit);
    },
    stop: there('stop'),
    remove: there('remove'),
    list: there('list'),
    inspect: there('inspect'),
    logs: there('logs'),
    signal: there('signal'),
    usage: there('usage'),
    async job(job, signal) {
      await send(job.software);
      return unlessLost(async () => {
        const end = (await asked(folder, 'job', [job], signal)) as JobEnd;
        // Until then whoever asks for the job again is given this end: nobody may have heard it.
        await there('heard')(job.name);
        return end;
      });
    },
    execute: (...input) => unlessLost(() => there('execute')(...input)),
    address: there('address'),
    crash: there('crash'),
    partition: there('partition'),
    down: there('down'),
    destroy: there('destroy'),
  };
}

async function unlessLost(act: () => Promise<JobEnd>): Promise<JobEnd> {
  try {
    return await act();
  } catch (thrown) {
    if (thrown instanceof LostCall) return { kind: 'lost', reason: thrown.problem.what };
    throw thrown;
  }
}
