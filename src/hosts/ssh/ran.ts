import { spawn } from 'node:child_process';

export type Ran = { readonly code: number; readonly stdout: string; readonly stderr: string };

/** What tells ssh's own failure from that of a command over there (ssh(1), "Exit status"). */
export const SSH_FAILED = 255;

/** Output of one stream that is worth keeping. */
const KEPT = 64 * 1024;
/** A process that stays in the background keeps the pipes open; its parent's end is what counts. */
const PIPES_AFTER_EXIT_MS = 100;

/** Runs a program of this machine, with the environment of Holdpoint itself: ssh finds its agent and its home in it. */
export function ran(
  program: string,
  words: readonly string[],
  input: string | Uint8Array | NodeJS.ReadableStream | undefined,
  limitMs: number,
): Promise<Ran> {
  return new Promise((resolve) => {
    // Ctrl-C at a terminal is meant for Holdpoint, which ends its lines itself.
    const child = spawn(program, [...words], { stdio: ['pipe', 'pipe', 'pipe'], detached: true });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => {
      stdout = `${stdout}${chunk.toString('utf8')}`.slice(-KEPT);
    });
    child.stderr.on('data', (chunk: Buffer) => {
      stderr = `${stderr}${chunk.toString('utf8')}`.slice(-KEPT);
    });
    child.stdin.on('error', () => undefined);
    if (input === undefined || typeof input === 'string' || input instanceof Uint8Array) child.stdin.end(input ?? '');
    else input.pipe(child.stdin);
    const limit = setTimeout(() => {
      stderr += `\nno end within ${Math.round(limitMs / 1_000)} s`;
      child.kill('SIGKILL');
    }, limitMs);
    const ended = (code: number) => {
      clearTimeout(limit);
      child.stdout.destroy();
      child.stderr.destroy();
      resolve({ code, stdout, stderr });
    };
    child.on('error', (error) => {
      stderr += error.message;
      ended(127);
    });
    child.on('close', (code) => ended(code ?? SSH_FAILED));
    child.on('exit', (code) => setTimeout(() => ended(code ?? SSH_FAILED), PIPES_AFTER_EXIT_MS));
  });
}
