import { readFileSync } from 'node:fs';

/** What every process reads from its environment. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A setting that is missing or makes no sense. The message names the variable, never a secret value. */
export class SettingError extends Error {}

/** The database's URL from the file that `DATABASE_URL_FILE` names, else from `DATABASE_URL`. */
export function databaseUrl(env: Environment): string {
  const file = env.DATABASE_URL_FILE;
  if (file) {
    return checkedUrl(readSecret(file), `the file named by DATABASE_URL_FILE (${file})`);
  }
  const url = env.DATABASE_URL;
  if (url) return checkedUrl(url, 'DATABASE_URL');
  throw new SettingError('Set DATABASE_URL_FILE (a file that holds the URL) or DATABASE_URL.');
}

function readSecret(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    throw new SettingError(`DATABASE_URL_FILE names ${file}, which cannot be read (${code}).`);
  }
}

function checkedUrl(url: string, source: string): string {
  if (!/^postgres(ql)?:\/\//.test(url)) {
    throw new SettingError(`${source} must hold a URL that begins with postgres:// or postgresql://.`);
  }
  return url;
}

/** A whole number from the environment, or `fallback` where the variable is unset or empty. */
export function integerSetting(
  env: Environment,
  name: string,
  { fallback, min, max }: { fallback: number; min: number; max: number },
): number {
  const text = env[name];
  if (text === undefined || text === '') return fallback;
  const value = Number(text);
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new SettingError(`${name} must be a whole number from ${min} to ${max}; it is "${text}".`);
  }
  return value;
}

export interface ServiceSettings {
  readonly databaseUrl: string;
  readonly host: string;
  readonly port: number;
  readonly poolSize: number;
  /** Bound on waiting for a connection and on each statement, in milliseconds. */
  readonly statementTimeoutMs: number;
  /** How long a drain may take before what is left is cut off, in milliseconds. */
  readonly drainTimeoutMs: number;
}

export function serviceSettings(env: Environment, defaults: { port: number; poolSize: number }): ServiceSettings {
  return {
    databaseUrl: databaseUrl(env),
    host: env.HOST || '127.0.0.1',
    port: integerSetting(env, 'PORT', { fallback: defaults.port, min: 0, max: 65_535 }),
    poolSize: integerSetting(env, 'DB_POOL_MAX', { fallback: defaults.poolSize, min: 1, max: 50 }),
    statementTimeoutMs: integerSetting(env, 'STATEMENT_TIMEOUT_MS', { fallback: 5_000, min: 10, max: 600_000 }),
    drainTimeoutMs: integerSetting(env, 'DRAIN_TIMEOUT_MS', { fallback: 20_000, min: 100, max: 600_000 }),
  };
}
