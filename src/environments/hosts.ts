import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { HostSettings } from '../config/app.ts';
import type { Host } from '../hosts/host.ts';

/** Lines to other hosts, one for each destination and state directory; kept while the process lives. */
const lines = new Map<string, Promise<Host>>();

/** @param here the machine that Holdpoint runs on @param state the state directory: control sockets lie in it */
export function hostOf(
  settings: HostSettings,
  { here, state }: { readonly here: Host; readonly state: string },
): Promise<Host> {
  if (settings.kind === 'local') return Promise.resolve(here);
  const key = JSON.stringify([state, settings.destination]);
  const known = lines.get(key);
  if (known) return known;
  const opened = open(settings, join(state, 'run', 'ssh', digest(settings.destination)));
  lines.set(key, opened);
  // A host that was not reached is tried again by whoever asks next.
  opened.catch(() => lines.delete(key));
  return opened;
}

async function open(settings: HostSettings & { readonly kind: 'ssh' }, folder: string): Promise<Host> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const { sshHost } = await import('../hosts/ssh/host.ts');
  const { agentProgram } = await import('../runtimes/remote/program.ts');
  return sshHost({
    name: settings.name,
    destination: settings.destination,
    folder,
    sshOptions: otherConfiguration(),
    agent: await agentProgram(),
  });
}

/** `HOLDPOINT_SSH_CONFIG` names another file than the user's own, as `ssh -F` does. */
function otherConfiguration(): readonly string[] {
  const file = process.env.HOLDPOINT_SSH_CONFIG;
  return file === undefined || file === '' ? [] : ['-F', file];
}

/** Short, because the path of a socket has at most 107 bytes. */
const digest = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 8);

/** Lets go of every line, when the process ends. */
export async function closeHosts(): Promise<void> {
  const all = [...lines.values()];
  lines.clear();
  // A line that never came up, or is gone already, is as good as closed.
  for (const line of all) await line.then((host) => host.close()).catch(() => undefined);
}
