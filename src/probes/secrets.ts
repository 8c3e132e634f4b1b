import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { lstat, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { extname, join, relative } from 'node:path';
import { errorText } from './exchange.ts';
import { blobs, git } from './git.ts';

/** Where a secret was found and by which rule; never the secret. */
export interface SecretFinding {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** Rule and message of secretlint, such as `@secretlint/secretlint-rule-github GITHUB_TOKEN`. */
  readonly rule: string;
  /** `working tree`: in a file as it is now. Else the oldest commit that has it: it is in the history even if it is deleted. */
  readonly where:
    | { readonly kind: 'working tree' }
    | { readonly kind: 'history'; readonly blob: string; readonly commit: string };
}

/** Something that was not looked at. Whoever reads "no secrets" must see it. */
export interface NotScanned {
  readonly file: string;
  readonly reason: string;
}

export interface SecretScan {
  readonly kind: 'scanned';
  readonly filesScanned: number;
  readonly blobsScanned: number;
  /** `none`: the directory is in no git repository, so there is no history to look at. */
  readonly history: 'scanned' | 'none';
  readonly findings: readonly SecretFinding[];
  readonly notScanned: readonly NotScanned[];
}

export type SecretScanResult = SecretScan | { readonly kind: 'cannot tell'; readonly reason: string };

export interface SecretScanOptions {
  /** Larger files and blobs are not looked at, and listed. */
  readonly sizeLimitBytes?: number;
}

const SIZE_LIMIT_BYTES = 1_048_576;

/**
 * Looks for secrets in the files that git tracks below `directory`, and in every version of every file that ever lay
 * there, in all of the repository's history; where there is no git, in all files. First it finds secrets that it has
 * planted itself, made up for this run, in a file and in a history from which they were deleted: a scanner that misses
 * those can tell nothing.
 */
export async function scanForSecrets(directory: string, options: SecretScanOptions = {}): Promise<SecretScanResult> {
  try {
    const blind = await controlFailure();
    if (blind !== undefined) return { kind: 'cannot tell', reason: blind };
    return await scan(directory, options.sizeLimitBytes ?? SIZE_LIMIT_BYTES);
  } catch (error) {
    return { kind: 'cannot tell', reason: errorText(error) };
  }
}

async function scan(directory: string, sizeLimit: number): Promise<SecretScanResult> {
  const findings: SecretFinding[] = [];
  const notScanned: NotScanned[] = [];
  const inGit = await git(directory, 'rev-parse', '--is-inside-work-tree');
  // Only git's own word that there is no repository means that there is no history; anything else hides one.
  if (inGit.kind === 'failed' && !inGit.reason.includes('not a git repository'))
    return { kind: 'cannot tell', reason: `git cannot tell whether there is a history: ${inGit.reason}` };
  const files = inGit.kind === 'done' ? await trackedFiles(directory) : await allFiles(directory);
  let filesScanned = 0;
  for (const file of files) {
    const content = await contentOf(join(directory, file), sizeLimit);
    if (typeof content === 'string') notScanned.push({ file, reason: content });
    else {
      filesScanned += 1;
      for (const { line, rule } of await lint(file, content))
        findings.push({ file, line, rule, where: { kind: 'working tree' } });
    }
  }
  if (inGit.kind === 'failed')
    return { kind: 'scanned', filesScanned, blobsScanned: 0, history: 'none', findings, notScanned };
  const blobsScanned = await scanHistory(directory, sizeLimit, findings, notScanned);
  return { kind: 'scanned', filesScanned, blobsScanned, history: 'scanned', findings, notScanned };
}

async function gitOutput(directory: string, ...parameters: string[]): Promise<string> {
  const answer = await git(directory, ...parameters);
  if (answer.kind === 'failed') throw new Error(`git ${parameters[0]}: ${answer.reason}`);
  return answer.output;
}

async function trackedFiles(directory: string): Promise<readonly string[]> {
  return (await gitOutput(directory, 'ls-files', '-z')).split('\0').filter((file) => file !== '');
}

async function allFiles(directory: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)))
    .filter((file) => !/(^|\/)node_modules\//.test(file));
}

/** The text of a file, or why it is not looked at. */
async function contentOf(path: string, sizeLimit: number): Promise<Buffer | string> {
  try {
    const stat = await lstat(path);
    if (!stat.isFile()) return stat.isDirectory() ? 'a submodule: scan its own repository' : 'not a regular file';
    if (stat.size > sizeLimit) return `${stat.size} bytes, more than the limit of ${sizeLimit}`;
    const content = await readFile(path);
    return content.includes(0) ? 'binary' : content;
  } catch (error) {
    return errorText(error);
  }
}

/** Loaded by the first file that is looked at: a plan that is only printed must not wait for it. */
async function secretlint() {
  const [{ lintSource }, { creator }] = await Promise.all([
    import('@secretlint/core'),
    import('@secretlint/secretlint-rule-preset-recommend'),
  ]);
  return { lintSource, rules: { rules: [{ id: '@secretlint/secretlint-rule-preset-recommend', rule: creator }] } };
}

async function lint(
  file: string,
  content: Buffer,
): Promise<readonly { readonly line: number; readonly rule: string }[]> {
  const { lintSource, rules } = await secretlint();
  const { messages } = await lintSource({
    source: { filePath: file, content: content.toString('utf8'), contentType: 'text', ext: extname(file) },
    options: { config: rules, maskSecrets: true, noPhysicFilePath: true },
  });
  // A message's text and data hold the secret, so neither leaves this function.
  return messages.map(({ loc, ruleId, messageId }) => ({ line: loc.start.line, rule: `${ruleId} ${messageId}` }));
}

/** Returns how many blobs were looked at; all of `git rev-list --all`, the files of today among them. */
async function scanHistory(
  directory: string,
  sizeLimit: number,
  findings: SecretFinding[],
  notScanned: NotScanned[],
): Promise<number> {
  const shallow = (await gitOutput(directory, 'rev-parse', '--is-shallow-repository')).trim() === 'true';
  if (shallow)
    notScanned.push({ file: '.', reason: 'a shallow clone: the history before its first commit is not here' });
  const names = await blobNames(directory);
  const sizes = await blobSizes(directory);
  const wanted: string[] = [];
  for (const [id, file] of names) {
    const size = sizes.get(id);
    if (size === undefined) continue;
    if (size <= sizeLimit) wanted.push(id);
    else
      notScanned.push({
        file,
        reason: `blob ${id.slice(0, 12)} has ${size} bytes, more than the limit of ${sizeLimit}`,
      });
  }
  let looked = 0;
  const found: { readonly id: string; readonly file: string; readonly line: number; readonly rule: string }[] = [];
  let binary = 0;
  for await (const { id, content } of blobs(directory, wanted)) {
    looked += 1;
    const file = names.get(id) ?? id;
    if (content.includes(0)) {
      binary += 1;
      notScanned.push({ file, reason: `blob ${id.slice(0, 12)} is binary` });
    } else for (const hit of await lint(file, content)) found.push({ id, file, ...hit });
  }
  if (looked < wanted.length) throw new Error(`git gave ${looked} of ${wanted.length} blobs`);
  for (const { id, file, line, rule } of found) {
    const commit = await oldestCommit(directory, id);
    findings.push({ file, line, rule, where: { kind: 'history', blob: id, commit } });
  }
  return looked - binary;
}

/**
 * Every object that any ref reaches and that lies, or ever lay, below the directory, with the path under which it was
 * first met. Commits have none. What else a repository holds beside the app is not the app's.
 */
async function blobNames(directory: string): Promise<ReadonlyMap<string, string>> {
  const names = new Map<string, string>();
  const prefix = (await gitOutput(directory, 'rev-parse', '--show-prefix')).replace(/\n$/, '');
  // Without --full-history git leaves out a merged branch that in the end changed nothing here, with the secret that it
  // added and removed again.
  const all = ['rev-list', '--objects', '--all', '--full-history', '--', '.'];
  for (const line of (await gitOutput(directory, ...all)).split('\n')) {
    const space = line.indexOf(' ');
    const path = line.slice(space + 1);
    if (space > 0 && path !== '')
      names.set(line.slice(0, space), path.startsWith(prefix) ? path.slice(prefix.length) : path);
  }
  return names;
}

/** Sizes of all blobs, of unreachable ones too; trees are left out. */
async function blobSizes(directory: string): Promise<ReadonlyMap<string, number>> {
  const format = '--batch-check=%(objectname) %(objecttype) %(objectsize)';
  const sizes = new Map<string, number>();
  for (const line of (await gitOutput(directory, 'cat-file', format, '--batch-all-objects')).split('\n')) {
    const [id, type, size] = line.split(' ');
    if (id !== undefined && type === 'blob') sizes.set(id, Number(size));
  }
  return sizes;
}

async function oldestCommit(directory: string, blob: string): Promise<string> {
  const log = await gitOutput(directory, 'log', '--all', '--reverse', '--format=%H', `--find-object=${blob}`);
  return log.split('\n')[0] ?? '';
}

/** Why this scanner would miss a secret that is there; nothing when it finds the planted ones. */
async function controlFailure(): Promise<string | undefined> {
  const directory = await mkdtemp(join(tmpdir(), 'holdpoint-secret-control-'));
  try {
    const token = `${['gh', 'p_'].join('')}${randomBytes(27)
      .toString('base64')
      .replace(/[^A-Za-z0-9]/g, 'x')}`;
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const key = privateKey.export({ type: 'pkcs1', format: 'pem' }).toString();
    await writeFile(join(directory, 'settings.env'), `\nTOKEN=${token}\n`);
    await writeFile(join(directory, 'server.key'), key);
    const commit = [
      '-c',
      'user.name=control',
      '-c',
      'user.email=control@localhost',
      '-c',
      'commit.gpgsign=false',
      'commit',
      '-qm',
      'control',
    ];
    const steps = [['init', '-q'], ['add', '.'], commit, ['rm', '-q', 'settings.env'], commit];
    for (const step of steps) await gitOutput(directory, ...step);
    const result = await scan(directory, SIZE_LIMIT_BYTES);
    if (result.kind === 'cannot tell') return result.reason;
    const inFile = result.findings.some(({ file, where }) => file === 'server.key' && where.kind === 'working tree');
    const deleted = result.findings.some(
      ({ file, line, where }) => file === 'settings.env' && line === 2 && where.kind === 'history',
    );
    if (!inFile) return 'the scanner missed a private key that it had planted in a file';
    return deleted ? undefined : 'the scanner missed a token that it had planted and deleted in a history';
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
