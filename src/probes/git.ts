import { execFile, spawn } from 'node:child_process';

export type GitAnswer =
  | { readonly kind: 'done'; readonly output: string }
  | { readonly kind: 'failed'; readonly reason: string };

const OUTPUT_LIMIT = 256 * 1_048_576;

/** Runs git in `directory`, whose own configuration and hooks have no part in it beyond what reading needs. */
export function git(directory: string, ...parameters: string[]): Promise<GitAnswer> {
  return new Promise((resolve) => {
    const options = { cwd: directory, maxBuffer: OUTPUT_LIMIT, env: readingEnvironment() };
    execFile('git', parameters, options, (error, output, errorOutput) => {
      if (error === null) resolve({ kind: 'done', output });
      else resolve({ kind: 'failed', reason: errorOutput.trim().split('\n').at(-1) || error.message });
    });
  });
}

/** A prompt would wait for good, and a git directory named in the environment would be another repository's. */
function readingEnvironment(): NodeJS.ProcessEnv {
  const { GIT_DIR, GIT_WORK_TREE, GIT_INDEX_FILE, ...environment } = process.env;
  // A folder may be a mount inside its repository; and where there is none, git says so in the words that are known.
  const across = { GIT_DISCOVERY_ACROSS_FILESYSTEM: '1' };
  return { ...environment, ...across, GIT_TERMINAL_PROMPT: '0', GIT_OPTIONAL_LOCKS: '0', LC_ALL: 'C' };
}

export interface Blob {
  readonly id: string;
  readonly content: Buffer;
}

/** The contents of blobs one by one, from one `git cat-file --batch`. */
export async function* blobs(directory: string, ids: readonly string[]): AsyncGenerator<Blob> {
  const process = spawn('git', ['cat-file', '--batch'], {
    cwd: directory,
    env: readingEnvironment(),
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  // git may be gone before it has read all ids; the missing blobs then show in the count.
  process.stdin.on('error', () => {});
  process.stdin.end(ids.map((id) => `${id}\n`).join(''));
  let pending = Buffer.alloc(0);
  try {
    for await (const chunk of process.stdout) {
      pending = Buffer.concat([pending, chunk]);
      for (;;) {
        const headEnd = pending.indexOf(10);
        if (headEnd < 0) break;
        const [id = '', kind, size = '0'] = pending.toString('latin1', 0, headEnd).split(' ');
        if (kind !== 'blob') {
          // "<id> missing": a line of its own without content.
          pending = pending.subarray(headEnd + 1);
          continue;
        }
        const contentEnd = headEnd + 1 + Number(size);
        if (pending.length <= contentEnd) break;
        yield { id, content: pending.subarray(headEnd + 1, contentEnd) };
        pending = pending.subarray(contentEnd + 1);
      }
    }
  } finally {
    process.kill();
  }
}
