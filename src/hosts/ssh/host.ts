import { createHash } from 'node:crypto';
import { fail, ProblemError } from '../../evidence/problem.ts';
import { milliseconds } from '../../evidence/units.ts';
import type { Account } from '../accounts.ts';
import type { CommandEnd, Host, PlacedFile, PortState } from '../host.ts';
import { Notices } from '../notices.ts';
import { AgentClient, type Call, LostCall } from './agent-client.ts';
import { type AgentProgram, type Installed, installAgent, startAgent } from './agent-program.ts';
import { lineFailed, SshLine } from './line.ts';

export type SshHostSettings = {
  readonly name: string;
  /** What the system's ssh takes: a name of its configuration, or `user@host`. */
  readonly destination: string;
  /** Of this machine, mode 0700, with a short path; several hosts may share it. */
  readonly folder: string;
  readonly agent: AgentProgram;
  readonly sshOptions?: readonly string[];
  /** Absolute path over there, below which everything is kept; absent: where state of programs belongs. */
  readonly root?: string;
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
  /** Asks the agent; it carries the call out once, however often the line drops. */
  call(call: Call): Promise<unknown>;
  /** A folder of this machine as it is, over there; it takes its name when it is whole. Sent once: one that is there stays. */
  sendFolder(folder: string, remote: string): Promise<'sent' | 'was there'>;
}

export const isSshHost = (host: Host): host is SshHost => host.kind === 'ssh';

const PATIENCE_MS = 120_000;
const SEND_LIMIT_MS = 15 * 60_000;
/** Further ones, each after the line came back. */
const TRIES = 4;
/** Smaller files go along with the question whether they are there. */
const SMALL = 2_048;

/**
 * Connects, puts the agent there where it is not, and starts it.
 *
 * @throws ProblemError `host`: not reached, key unknown or changed, login refused, no Node that runs there
 */
export async function sshHost(settings: SshHostSettings): Promise<SshHost> {
  const { destination, folder, sshOptions = [] } = settings;
  const line = new SshLine({ destination, folder, sshOptions });
  const notices = new Notices();
  try {
    const install = () => installAgent(line, settings.agent, settings.root);
    const installed = await install();
    const client = new AgentClient({
      destination,
      name: settings.name,
      patience: settings.patience ?? PATIENCE_MS,
      notices,
      async reach() {
        await line.up();
        // Another version may have removed this one while it did not run.
        await startAgent(line, installed).catch(async () => startAgent(line, await install()));
        return line.forwardSocket(installed.socket);
      },
    });
    await client.ready();
    return connected(settings.name, { line, client, installed, notices });
  } catch (thrown) {
    await line.down();
    throw thrown;
  }
}

type Connection = {
  readonly line: SshLine;
  readonly client: AgentClient;
  readonly installed: Installed;
  readonly notices: Notices;
};

function connected(name: string, { line, client, installed, notices }: Connection): SshHost {
  const call = (method: string, input: readonly unknown[], more: Partial<Call> = {}) =>
    client.call({ target: { of: 'host' }, method, input, repeatable: 'any number of times', ...more });
  function account(name: string): Promise<Account | undefined>;
  function account(): Promise<Account>;
  function account(name?: string): Promise<Account | undefined> {
    return call('account', name === undefined ? [] : [name]) as Promise<Account | undefined>;
  }
  return {
    kind: 'ssh',
    name,
    root: installed.root,
    sent: installed.sent,
    call: (asked) => client.call(asked),
    async run({ onLine, ...command }, signal) {
      if (signal?.aborted === true) return { kind: 'cancelled', stdout: '', stderr: '', took: milliseconds(0) };
      try {
        return (await call('run', [command], { repeatable: 'once', onLine, signal })) as CommandEnd;
      } catch (thrown) {
        if (!(thrown instanceof ProblemError)) throw thrown;
        const kind = thrown instanceof LostCall ? 'lost' : 'not-started';
        return { kind, reason: thrown.problem.what };
      }
    },
    place: (files) => place(call, files),
    read: async (path) => (await call('read', [path])) as Uint8Array | undefined,
    folder: async (path, mode) => void (await call('folder', [path, mode])),
    remove: async (path) => void (await call('remove', [path])),
    exists: async (path) => (await call('exists', [path])) === true,
    portState: async (port) => (await call('portState', [port])) as PortState,
    freeBytes: async (path) => Number(await call('freeBytes', [path])),
    programs: async (names) => new Map((await call('programs', [names])) as [string, string][]),
    account,
    async reach(address) {
      await client.ready();
      return line.forwardPort(address);
    },
    async forwardSocket(remote) {
      await client.ready();
      return line.forwardSocket(remote);
    },
    async sendFolder(folder, remote) {
      if ((await call('exists', [remote])) === true) return 'was there';
      await send(line, client, folder, remote);
      return 'sent';
    },
    onNotice: (hear) => notices.listen(hear),
    async close() {
      client.close();
      await line.down();
    },
  };
}

/** Content goes only where it is not there yet: the first question carries digests alone. */
async function place(
  call: (method: string, input: readonly unknown[]) => Promise<unknown>,
  files: readonly PlacedFile[],
): Promise<void> {
  const described = files.map(({ content, ...file }) => ({
    ...file,
    digest: createHash('sha256').update(content).digest('hex'),
    ...(content.length <= SMALL ? { content: Buffer.from(content) } : {}),
  }));
  const absent = new Set((await call('place', [described])) as readonly number[]);
  if (absent.size === 0) return;
  await call('place', [
    described.flatMap((file, index) => {
      const content = files[index]?.content;
      return absent.has(index) && content !== undefined ? [{ ...file, content: Buffer.from(content) }] : [];
    }),
  ]);
}

/** Begun anew where the line drops meanwhile: what came half is never found under its name. */
async function send(line: SshLine, client: AgentClient, folder: string, remote: string): Promise<void> {
  const [final, part] = [quoted(remote), quoted(`${remote}.part`)];
  const script = `umask 022
find "$(dirname ${final})" -maxdepth 1 -name "$(basename ${part}).*" -mmin +60 -exec rm -rf {} + 2>/dev/null
part=${part}.$$
mkdir -p "$part" && tar -C "$part" -xf - --no-same-owner && chmod 755 "$part" || { rm -rf "$part"; exit 1; }
[ -e ${final} ] || mv -T "$part" ${final} || [ -e ${final} ] || exit 1
rm -rf "$part"`;
  for (let left = TRIES; ; left--) {
    const end = await line.pipe(['tar', '-C', folder, '-cf', '-', '.'], script, SEND_LIMIT_MS);
    if (end.code === 0) return;
    if (left === 0 || !lineFailed(end)) {
      return fail({
        kind: 'host',
        what: `the folder ${folder} could not be sent to ${line.destination}`,
        where: `${line.destination}: ${remote}`,
        detail: end.stderr.split('\n').slice(-5),
        next: 'free space there (`df -h`), then run the command again',
      });
    }
    await client.ready();
  }
}

/** A word for /bin/sh. */
const quoted = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;
