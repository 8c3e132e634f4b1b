import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { arch } from 'node:os';
import { fail } from '../../evidence/problem.ts';
import { LONGEST_SOCKET_PATH } from '../unix-socket.ts';
import type { SshLine } from './line.ts';

/** The agent as one file that Node runs, whatever it is made of. */
export type AgentProgram = { readonly text: string };

/** What was found or put there. `sent`: what had to be, in words; nothing the second time. */
export type Installed = {
  readonly root: string;
  readonly program: string;
  readonly socket: string;
  readonly node: string;
  readonly sent: readonly string[];
};

const MACHINES: Readonly<Record<string, string>> = { x64: 'x86_64', arm64: 'aarch64', arm: 'armv7l' };
const SCRIPT_LIMIT_MS = 60_000;
const SEND_LIMIT_MS = 15 * 60_000;

/** Where everything of Holdpoint lies on another host; services run from there as users of their own. */
const DEFAULT_ROOT = `
if [ "$(id -u)" = 0 ]; then root=/var/lib/holdpoint-agent; else root="\${XDG_STATE_HOME:-$HOME/.local/state}/holdpoint-agent"; fi`;

const look = (program: string, root: string | undefined) => `
umask 077
${root === undefined ? DEFAULT_ROOT : `root=${quoted(root)}`}
mkdir -p "$root/agent" && chmod 755 "$root" || exit 70
uname -m
echo "$root"
if [ -s "$root/agent/${program}" ]; then echo there; else echo absent; fi
for node in "$(command -v node)" /usr/local/bin/node "$root"/agent/node-*; do
  [ -x "$node" ] || continue
  fit=$("$node" -p 'const [a, b] = process.versions.node.split("."); a > 20 || (a == 20 && b >= 19)' 2>/dev/null)
  if [ "$fit" = true ]; then echo "$node"; break; fi
done
`;

/**
 * Puts the agent where it is not yet, by the digest of its content, so that each is sent once; and Node, where there is
 * none that fits.
 *
 * @param root absolute path over there; absent: where state of such programs belongs
 */
export async function installAgent(line: SshLine, { text }: AgentProgram, root?: string): Promise<Installed> {
  const name = `agent-${digestOf(text)}`;
  const looked = await line.script(look(`${name}.mjs`, root), SCRIPT_LIMIT_MS);
  if (looked.code !== 0) return fail(line.problem(looked.stderr));
  const [machine = '', home = '', program, found] = looked.stdout.trim().split('\n');
  const folder = `${home}/agent`;
  const socket = `${folder}/${name}.sock`;
  if (Buffer.byteLength(socket) > LONGEST_SOCKET_PATH)
    return fail({
      kind: 'host',
      what: `a socket cannot have a path as long as this one (${LONGEST_SOCKET_PATH} bytes at most)`,
      where: `${line.destination}: ${socket}`,
      next: 'use an account there whose home has a shorter path',
    });
  const sent: string[] = [];
  const put = async (file: string, content: string | Uint8Array, mode: string) => {
    const path = quoted(`${folder}/${file}`);
    const end = await line.script(
      `umask 077; cat >${path}.$$ && chmod ${mode} ${path}.$$ && mv ${path}.$$ ${path}`,
      SEND_LIMIT_MS,
      content,
    );
    if (end.code !== 0) fail(line.problem(end.stderr));
    sent.push(file);
    return `${folder}/${file}`;
  };
  const node = found ?? (await sendNode(line, machine, put));
  if (program !== 'there') await put(`${name}.mjs`, text, '600');
  return { root: home, node, sent, socket, program: `${folder}/${name}.mjs` };
}

async function sendNode(
  line: SshLine,
  machine: string,
  put: (file: string, content: Uint8Array, mode: string) => Promise<string>,
): Promise<string> {
  if (MACHINES[arch()] !== machine)
    return fail({
      kind: 'host',
      what: `${line.destination} has no Node 20.19 or newer, and the one from here does not run on its ${machine}`,
      where: line.destination,
      next: 'install Node there, then launch again',
    });
  const content = await readFile(process.execPath);
  return put(`node-${digestOf(content)}`, content, '755');
}

/** Starts the agent where it does not answer. Several at once end in one agent. */
export async function startAgent(line: SshLine, { root, node, program, socket }: Installed): Promise<void> {
  const end = await line.script(
    `cd / && exec ${[node, program, 'start', root, socket].map(quoted).join(' ')}`,
    SCRIPT_LIMIT_MS,
  );
  if (end.code === 0) return;
  fail({
    kind: 'host',
    what: `the agent on ${line.destination} does not start`,
    where: `${line.destination}: ${root}/agent`,
    detail: end.stderr.split('\n').slice(-5),
    next: `read ${root}/agent/log there`,
  });
}

const digestOf = (content: string | Uint8Array): string =>
  createHash('sha256').update(content).digest('hex').slice(0, 12);

/** A word for /bin/sh. */
const quoted = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;
