import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';

export type Login = { readonly username: string; readonly password: string; readonly serveraddress: string };

/** As Docker's client names the registry that names without a host belong to. */
const DOCKER_HUB = 'https://index.docker.io/v1/';
const HELPER_LIMIT_MS = 10_000;

/**
 * What `docker login` left for the registry of an image, in the file or in the helper that it names. Undefined where
 * nobody logged in: the engine then asks the registry without.
 *
 * @see https://docs.docker.com/reference/cli/docker/login/#credential-stores
 */
export async function loginFor(
  reference: string,
  folder = process.env.DOCKER_CONFIG ?? join(homedir(), '.docker'),
): Promise<Login | undefined> {
  const registry = registryOf(reference);
  const text = await readFile(join(folder, 'config.json'), 'utf8').catch(() => '');
  const config = parsed(text);
  const helper = textIn(fieldOf(config, 'credHelpers'), registry) ?? textIn(config, 'credsStore');
  if (helper !== undefined && helper !== '') return fromHelper(helper, registry);
  const pair = textIn(fieldOf(fieldOf(config, 'auths'), registry), 'auth');
  if (pair === undefined || pair === '') return undefined;
  const [username = '', ...rest] = Buffer.from(pair, 'base64').toString('utf8').split(':');
  return { username, password: rest.join(':'), serveraddress: registry };
}

/** The first part of a name is a host where it has a dot or a port, or is `localhost`. */
export function registryOf(reference: string): string {
  const [first = '', ...rest] = reference.split('/');
  const isHost = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost');
  return isHost ? first : DOCKER_HUB;
}

/** The helper's protocol: the registry on its input, JSON on its output. The secret is in no argument. */
function fromHelper(name: string, registry: string): Promise<Login | undefined> {
  return new Promise((resolve) => {
    const child = execFile(`docker-credential-${name}`, ['get'], { timeout: HELPER_LIMIT_MS }, (error, stdout) => {
      const found = error === null ? parsed(stdout) : undefined;
      const [username, password] = [textIn(found, 'Username'), textIn(found, 'Secret')];
      const known = username !== undefined && password !== undefined;
      resolve(known ? { username, password, serveraddress: registry } : undefined);
    });
    // One that is not installed takes no input.
    child.stdin?.on('error', () => {});
    child.stdin?.end(registry);
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
const fieldOf = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null && name in value ? Reflect.get(value, name) : undefined;
function textIn(value: unknown, name: string): string | undefined {
  const found = fieldOf(value, name);
  return typeof found === 'string' ? found : undefined;
}
