import { readdirSync, readFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Which processes of ours use one line: each leaves a file with its pid as ending and its start time as content. The line
 * ends with the last of them, and one whose users were all killed is known as such.
 */
export class LineUsers {
  readonly #folder: string;
  readonly #name: string;

  constructor(folder: string, name: string) {
    this.#folder = folder;
    this.#name = name;
  }

  /** Of this process; files beside the line that belong to it begin so. */
  get own(): string {
    return join(this.#folder, `${this.#name}.${process.pid}`);
  }

  async join(): Promise<void> {
    await writeFile(this.own, startTime(process.pid) ?? '', { mode: 0o600 });
  }

  async leave(): Promise<void> {
    await rm(this.own, { force: true });
  }

  /** Is another process that lives among them? Files of dead ones are removed. */
  async others(): Promise<boolean> {
    let found = false;
    for (const file of readdirSync(this.#folder)) {
      const [name, digits, ...more] = file.split('.');
      const pid = Number(digits);
      if (name !== this.#name || !Number.isInteger(pid) || pid === process.pid) continue;
      const began = startTime(pid);
      if (began !== undefined && (more.length > 0 || began === textOf(join(this.#folder, file)))) {
        found ||= more.length === 0;
        continue;
      }
      await rm(join(this.#folder, file), { force: true });
    }
    return found;
  }
}

/** Field 22 of proc_pid_stat(5). With the pid it names a process for good. */
function startTime(pid: number): string | undefined {
  const text = textOf(`/proc/${pid}/stat`);
  return text?.slice(text.lastIndexOf(')') + 2).split(' ')[19];
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
