import { createHash, randomBytes } from 'node:crypto';
import { chmod, link, mkdir, open, readFile, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { Secret, SecretReference } from '../config/app.ts';
import { plainEnvFile } from '../config/compose/env-file.ts';
import { ProblemError } from '../evidence/problem.ts';
import { seconds } from '../evidence/units.ts';
import { localHost } from '../hosts/local.ts';
import { writeOnce } from '../ledger/durable-file.ts';
import type { Environment } from './environment.ts';

/** Secrets that Holdpoint makes for an environment itself. */
export type OwnSecret =
  | 'postgres-superuser'
  | 'postgres-app'
  | 'postgres-monitoring'
  | 'redis'
  | 'backup-passphrase'
  | 'data-key';

/**
 * A secret that is made once and then kept: the first caller writes it, everybody else reads it. The file has mode 0600
 * and is complete from the moment it has its name.
 */
export async function keptSecret(folder: string, name: string, make: () => string | Promise<string>): Promise<string> {
  const path = join(folder, name);
  const there = await readFile(path, 'utf8').catch(() => undefined);
  if (there !== undefined) return there;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.${randomBytes(6).toString('hex')}`;
  const secret = await make();
  try {
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(secret);
      await file.sync();
    } finally {
      await file.close();
    }
    await link(temporary, path);
  } catch (error) {
    // Somebody made it in the meantime: theirs counts.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await rm(temporary, { force: true });
  }
  await chmod(path, 0o600);
  return readFile(path, 'utf8');
}

export const secretsFolder = (environment: Pick<Environment, 'folder'>): string => join(environment.folder, 'secrets');

/** 256 random bits, as 64 hexadecimal digits. */
export const randomKey = (): string => randomBytes(32).toString('hex');

export const ownSecret = (environment: Pick<Environment, 'folder'>, name: OwnSecret): Promise<string> =>
  keptSecret(secretsFolder(environment), name, randomKey);

/** Holds every value that was handed to a service or a part, so that it is known as a secret wherever it turns up. */
export const handedOverFolder = (environment: Pick<Environment, 'folder'>): string =>
  join(environment.folder, 'handed-over');

/** Remembers a value that is handed over. The same name later stands for the newer value beside the older one. */
export async function rememberHandedOver(
  environment: Pick<Environment, 'folder'>,
  name: string,
  value: string,
): Promise<void> {
  const folder = handedOverFolder(environment);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const digest = createHash('sha256').update(value).digest('hex').slice(0, 12);
  // Its name tells its content: what is there is the same.
  await writeOnce(join(folder, `${name}-${digest}`), value, 0o600);
}

/** The value of one of the app's secrets in this environment. A generated one is made once per environment. */
export async function appSecret(environment: Environment, secret: Secret): Promise<string> {
  if (secret.from.kind === 'generated') {
    const { bytes } = secret.from;
    return keptSecret(secretsFolder(environment), `app-${secret.name}`, () => randomBytes(bytes).toString('hex'));
  }
  return resolveReference(secret.from, `the secret ${secret.name}`, environment.app.root);
}

/** Fetches a secret from where its reference points on this machine. What went wrong is told without anything of its content. */
export async function resolveReference(from: SecretReference, what: string, root: string): Promise<string> {
  const unusable = (reason: string, where: string): never => {
    throw new ProblemError({
      kind: 'input',
      what: `${what} ${reason}`,
      where,
      next: 'put it where holdpoint.yaml says, or change the reference',
    });
  };
  switch (from.kind) {
    case 'env': {
      const value = process.env[from.variable];
      return value === undefined || value === ''
        ? unusable('is not set', `environment variable ${from.variable}`)
        : value;
    }
    case 'file': {
      const path = resolve(root, from.path);
      const value = await readFile(path, 'utf8').catch(() => unusable('cannot be read', path));
      return value.trim() === '' ? unusable('is empty', path) : value.replace(/\n$/, '');
    }
    case 'dotenv': {
      const path = resolve(root, from.path);
      const text = await readFile(path, 'utf8').catch(() => unusable('cannot be read', path));
      const value =
        plainEnvFile(text).get(from.variable) ?? unusable('is not in its file', `${from.variable} of ${path}`);
      return value.trim() === '' ? unusable('is empty', `${from.variable} of ${path}`) : value;
    }
    case 'command': {
      const end = await localHost().run({ argv: from.command, directory: root, timeLimit: seconds(30) });
      const where = `command ${from.command[0]}`;
      if (end.kind !== 'exited' || end.code !== 0) return unusable('was not given by its command', where);
      return end.stdout.trim() === '' ? unusable('is empty', where) : end.stdout.replace(/\n$/, '');
    }
  }
}
