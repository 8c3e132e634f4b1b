import { join } from 'node:path';
import { ProblemError } from '../../evidence/problem.ts';
import type { Account } from '../accounts.ts';
import type { Address, CommandEnd, Host, PortState } from '../host.ts';
import { AgentClient, type Call, LostCall } from './agent-client.ts';
import { type AgentProgram, type Installed, installAgent, startAgent } from './agent-program.ts';
import { SshLine } from './line.ts';

export type SshHostSettings = {
  readonly name: string;
  /** What the system's ssh takes. */
  readonly destination: string;
  /** Of this machine, mode 0700, with a short path. */
  readonly folder: string;
  readonly agent: AgentProgram;
  readonly sshOptions?: readonly string[];
  /** How long a dropped line may take to come back, in milliseconds; two minutes. */
  readonly patience?: number;
};

/** A host over ssh, with what a runtime needs of it beyond every host. */
export interface SshHost extends Host {
  readonly kind: 'ssh';
  /** Absolute path over there below which Holdpoint keeps everything. */
  readonly root: string;
  /** What had to be sent to make this host usable, in words; nothing once it was used. */
  readonly sent: readonly string[];
  /** A socket here that leads to one over there. */
  forwardSocket(remote: string): Promise<string>;
  call(call: Call): Promise<unknown>;
  /** A folder of this machine as it is, over there; it takes its name when it is whole. */
  sendFolder(folder: string, remote: string): Promise<void>;
}

const PATIENCE_MS = 120_000;
const SEND_LIMIT_MS = 15 * 60_000;

/** Connects, puts the agent there where it is not, and starts it. */
export async function sshHost(settings: SshHostSettings): Promise<SshHost> {
  const { destination, folder, sshOptions = [] } = settings;
  const line = new SshLine({ destination, folder, sshOptions });
  const installed = await installAgent(line, settings.agent);
  const near = join(folder, 'agent.sock');
  const client = new AgentClient({
    destination,
    patience: settings.patience ?? PATIENCE_MS,
    reach: async () => {
      await line.up();
      await startAgent(line, installed);
      await line.forwardSocket(installed.socket, near);
      return near;
    },
  });
  return connected(settings, line, client, installed);
}

function connected(settings: SshHostSettings, line: SshLine, client: AgentClient, installed: Installed): SshHost {
  const call = (method: string, input: unknown, more: Partial<Call> = {}) =>
    client.call({ target: { of: 'host' }, method, input, repeatable: 'any number of times', ...more });
  const tunnels = new Map<string, Promise<Address>>();
  return {
    kind: 'ssh',
    name: settings.name,
    root: installed.root,
    sent: installed.sent,
    call: (asked) => client.call(asked),
    async run({ onLine, ...command }, signal) {
      try {
        return (await call('run', [command], { repeatable: 'once', onLine, signal })) as CommandEnd;
      } catch (thrown) {
        if (thrown instanceof LostCall) return { kind: 'lost', reason: thrown.problem.what };
        throw thrown;
      }
    },
    place: async (files) => void (await call('place', [files])),
    read: async (path) => (await call('read', [path])) as Uint8Array | undefined,
    folder: async (path, mode) => void (await call('folder', [path, mode])),
    remove: async (path) => void (await call('remove', [path])),
    exists: async (path) => (await call('exists', [path])) === true,
    portState: async (port) => (await call('portState', [port])) as PortState,
    freeBytes: async (path) => Number(await call('freeBytes', [path])),
    programs: async (names) => new Map((await call('programs', [names])) as [string, string][]),
    account: async (name?: string) => (await call('account', name === undefined ? [] : [name])) as Account,
    reach: (address) => tunnel(line, tunnels, address),
    async forwardSocket(remote) {
      const local = join(settings.folder, `${Buffer.from(remote).toString('hex').slice(-12)}.sock`);
      await line.forwardSocket(remote, local);
      return local;
    },
    async sendFolder(folder, remote) {
      const script = `umask 022; rm -rf "${remote}.new" && mkdir -p "${remote}.new" && tar -C "${remote}.new" -xf - --no-same-owner && rm -rf "${remote}" && mv "${remote}.new" "${remote}"`;
      const end = await line.pipe(['tar', '-C', folder, '-cf', '-', '.'], script, SEND_LIMIT_MS);
      if (end.code !== 0) throw new ProblemError(line.problem(end.stderr));
    },
    async close() {
      client.close();
      await line.down();
    },
  };
}

/** Made again where the line was, meanwhile, another one: its tunnels went with it. */
async function tunnel(line: SshLine, tunnels: Map<string, Promise<Address>>, address: Address): Promise<Address> {
  const key = `${address.host}:${address.port}`;
  const known = tunnels.get(key);
  if (known !== undefined && (await line.isUp())) return known;
  if (known !== undefined) tunnels.clear();
  const made = line.forwardPort(address);
  tunnels.set(key, made);
  made.catch(() => tunnels.delete(key));
  return made;
}
