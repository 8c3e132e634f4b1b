import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { arch } from 'node:os';
import { fail } from '../../evidence/problem.ts';
import type { SshLine } from './line.ts';

/** The agent as one file that Node runs, whatever it is made of. */
export type AgentProgram = { readonly text: string };

/** What was found or put there. `sent`: what had to be, in words; nothing the second time. */
export type Installed = {
  readonly root: string;
  readonly socket: string;
  readonly node: string;
  readonly sent: readonly string[];
};

const MACHINES: Readonly<Record<string, string>> = { x64: 'x86_64', arm64: 'aarch64', arm: 'armv7l' };

const LOOK = `
umask 077
uname -m
if [ "$(id -u)" = 0 ]; then root=/var/lib/holdpoint-agent; else root=\${XDG_STATE_HOME:-$HOME/.local/state}/holdpoint-agent; fi
mkdir -p "$root/agent" || exit 70
chmod 755 "$root"
echo "$root"
for node in "$root/agent/node-DIGEST" "$(command -v node)" /usr/local/bin/node; do
  [ -x "$node" ] || continue
  version=$("$node" -p 'const [a, b] = process.versions.node.split("."); a > 20 || (a == 20 && b >= 19) ? "fit" : "old"' 2>/dev/null)
  if [ "$version" = fit ]; then echo "$node"; break; fi
done
`;

/** Puts the agent where it is not yet: by digest of its content, so that each is sent once. */
export async function installAgent(line: SshLine, program: AgentProgram): Promise<Installed> {
  const runtime = digestOfText(`${process.version} ${process.arch}`);
  const looked = await line.script(LOOK.replace('DIGEST', runtime));
  if (looked.code !== 0) return fail(line.problem(looked.stderr));
  const [machine = '', root = '', found] = looked.stdout.trim().split('\n');
  const sent: string[] = [];
  const put = async (name: string, content: string | Uint8Array, mode: string) => {
    const path = `${root}/agent/${name}`;
    const end = await line.script(
      `umask 077; cat >"${path}.$$" && chmod ${mode} "${path}.$$" && mv "${path}.$$" "${path}"`,
      content,
    );
    if (end.code !== 0) fail(line.problem(end.stderr));
    sent.push(name);
    return path;
  };
  const node = found ?? (await sendNode(line, machine, (content) => put(`node-${runtime}`, content, '755')));
  const name = `agent-${digestOfText(program.text)}.mjs`;
  const there = await line.script(`test -s "${root}/agent/${name}"`);
  if (there.code !== 0) await put(name, program.text, '600');
  return { root, node, sent, socket: `${root}/agent/${name.slice(0, -4)}.sock` };
}

async function sendNode(
  line: SshLine,
  machine: string,
  put: (content: Uint8Array) => Promise<string>,
): Promise<string> {
  if (MACHINES[arch()] !== machine)
    return fail({
      kind: 'host',
      what: `${line.destination} has no Node 20.19 or newer, and the one from here does not run on its ${machine}`,
      where: line.destination,
      next: 'install Node there, then launch again',
    });
  return put(await readFile(process.execPath));
}

const START = `
umask 077
cd / && setsid "NODE" "PROGRAM" "ROOT" "SOCKET" </dev/null >>"LOG" 2>&1 &
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
  [ -S "SOCKET" ] && exit 0
  sleep 0.5
done
tail -n 5 "LOG" >&2
exit 1
`;

/** Starts the agent; one that runs already stays, and the new one ends by itself. */
export async function startAgent(line: SshLine, { root, node, socket }: Installed): Promise<void> {
  const program = socket.replace(/\.sock$/, '.mjs');
  const script = START.replaceAll('NODE', node)
    .replaceAll('PROGRAM', program)
    .replaceAll('SOCKET', socket)
    .replaceAll('LOG', `${root}/agent/log`)
    .replaceAll('ROOT', root);
  const end = await line.script(script);
  if (end.code === 0) return;
  fail({
    kind: 'host',
    what: `the agent on ${line.destination} does not start`,
    where: `${line.destination}: ${root}/agent`,
    detail: end.stderr.split('\n').slice(-5),
    next: "read that folder's log there",
  });
}

const digestOfText = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 12);
