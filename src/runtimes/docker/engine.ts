import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type Docker from 'dockerode';
import { fail, type Problem, ProblemError } from '../../evidence/problem.ts';
import { type Milliseconds, milliseconds, seconds } from '../../evidence/units.ts';
import { tellWhoWaits } from '../../hosts/telling.ts';
import { connectionLost, EngineRefusal, engineProblem, statusOf } from './engine-problem.ts';

export type EngineFacts = {
  readonly version: string;
  /** As Node names it (`x64`, `arm64`), where it has a name for it. */
  readonly architecture: string;
  readonly cgroup: '1' | '2';
  readonly storage: string;
  readonly rootless: boolean;
  /** Its kernel can hold a container to a memory limit. */
  readonly limitsMemory: boolean;
};

export type CallSettings = {
  readonly limit?: Milliseconds;
  /** Ends the waiting; what the engine does by then it may go on doing. */
  readonly signal?: AbortSignal | undefined;
};

/** A Docker engine that answered. */
export type Engine = {
  readonly docker: Docker;
  /** `unix:///var/run/docker.sock` */
  readonly where: string;
  readonly facts: EngineFacts;
  /**
   * Carries out a call that may be repeated. Where the engine goes away in mid-call (it restarts), it is waited for and
   * the call is made again.
   *
   * @param doing what is done, for messages: `starts unit caddy`
   * @throws EngineRefusal, a ProblemError with the HTTP status that the engine answered
   * @throws ProblemError no engine came back in time, or it did not answer within the limit
   */
  call<T>(doing: string, act: (docker: Docker) => Promise<T>, settings?: CallSettings): Promise<T>;
  /** Tells what goes on while a call waits for the engine. */
  onWait(tell: (line: string) => void): void;
};

export type FindEngineSettings = {
  /** Of a socket that leads to the engine: the near end of a tunnel to an ssh host, for example. */
  readonly socket?: string;
  /** Where DOCKER_HOST and the like are looked up; absent: those of this process. */
  readonly variables?: Readonly<Record<string, string | undefined>>;
  /** How long a call waits for an engine that went away. */
  readonly patience?: Milliseconds;
  /** How long one is waited for that does not answer at first; absent: not at all. */
  readonly wait?: Milliseconds;
};

/** `away`: nobody listens where it should be, and it may come; `unusable`: as it is it never will do. */
export type FoundEngine =
  | { readonly kind: 'engine'; readonly engine: Engine }
  | { readonly kind: 'none'; readonly why: 'away' | 'unusable'; readonly reason: string; readonly problem: Problem };

const DEFAULT_SOCKET = '/var/run/docker.sock';
const FIRST_ANSWER = seconds(5);
const CALL_LIMIT = seconds(120);
export const PATIENCE = seconds(90);
/**
 * When an engine was last waited for in vain, by its address. What comes right after that (tidying up, the next step) does
 * not wait as long once more.
 */
const givenUp = new Map<string, number>();
const GIVEN_UP_FOR_MS = 5_000;
const deadlineFor = (where: string, patience: number): number =>
  performance.now() + (performance.now() - (givenUp.get(where) ?? -Infinity) < GIVEN_UP_FOR_MS ? 0 : patience);
const PING_EVERY_MS = 250;

/** Where an engine is said to answer, before anybody asked it. */
type Endpoint = { readonly where: string; readonly options: Docker.DockerOptions };

/**
 * Finds the engine: the socket that is given, else DOCKER_HOST, else the current docker context, else
 * /var/run/docker.sock. It has answered once when this returns.
 */
export async function findEngine(settings: FindEngineSettings = {}): Promise<FoundEngine> {
  let deadline: number | undefined;
  for (;;) {
    const found = await askedOnce(settings);
    if (found.kind === 'engine' || found.why === 'unusable') return found;
    const { where = '' } = found.problem;
    if (deadline === undefined && settings.wait !== undefined) tellWhoWaits(`waits for the engine at ${where}`);
    deadline ??= deadlineFor(where, settings.wait ?? 0);
    if (performance.now() > deadline) {
      if (settings.wait !== undefined) givenUp.set(where, performance.now());
      return found;
    }
    await sleep(PING_EVERY_MS);
  }
}

async function askedOnce(settings: FindEngineSettings): Promise<FoundEngine> {
  let where = 'the Docker engine';
  try {
    const endpoint = await endpointOf(settings.socket, settings.variables ?? process.env);
    where = endpoint.where;
    const { default: Dockerode } = await import('dockerode');
    const docker = new Dockerode(endpoint.options);
    const facts = await within(factsOf(docker), FIRST_ANSWER, 'is asked what it is', where);
    return { kind: 'engine', engine: engineAt(docker, where, facts, settings.patience ?? PATIENCE) };
  } catch (error) {
    const problem = error instanceof ProblemError ? error.problem : engineProblem(error, 'is asked what it is', where);
    const detail = problem.detail === undefined ? '' : `: ${problem.detail.join(' ')}`;
    const reason = `${problem.what}${detail} at ${problem.where ?? where}`;
    return { kind: 'none', why: connectionLost(error) ? 'away' : 'unusable', reason, problem };
  }
}

async function factsOf(docker: Docker): Promise<EngineFacts> {
  const [version, info] = await Promise.all([docker.version(), docker.info()]);
  if (info.OSType !== 'linux') {
    return fail({
      kind: 'host',
      what: `the Docker engine runs ${info.OSType} containers`,
      next: 'switch it to Linux containers',
    });
  }
  const security: readonly string[] = info.SecurityOptions ?? [];
  return {
    version: version.Version,
    architecture: NODE_NAMES[info.Architecture] ?? info.Architecture,
    cgroup: info.CgroupVersion === '2' ? '2' : '1',
    storage: info.Driver,
    rootless: security.some((option) => option.includes('rootless')),
    limitsMemory: info.MemoryLimit === true,
  };
}

const NODE_NAMES: Readonly<Record<string, string>> = { x86_64: 'x64', amd64: 'x64', aarch64: 'arm64', arm64: 'arm64' };

function engineAt(docker: Docker, where: string, facts: EngineFacts, patience: Milliseconds): Engine {
  let tell: (line: string) => void = () => {};
  const waitForEngine = async (deadline: number): Promise<boolean> => {
    tell(`waits for the engine at ${where}`);
    for (;;) {
      try {
        await within(docker.ping(), FIRST_ANSWER, 'is asked whether it is there', where);
        return true;
      } catch {
        if (performance.now() > deadline) {
          givenUp.set(where, performance.now());
          return false;
        }
        await sleep(PING_EVERY_MS);
      }
    }
  };
  return {
    docker,
    where,
    facts,
    onWait(told) {
      tell = told;
    },
    async call(doing, act, { limit = CALL_LIMIT, signal } = {}) {
      const deadline = deadlineFor(where, patience);
      for (;;) {
        try {
          return await within(act(docker), limit, doing, where);
        } catch (error) {
          if (error instanceof ProblemError) throw error;
          if (signal?.aborted === true) {
            return fail({ kind: 'conflict', what: `it was cancelled: ${doing}`, where, next: 'run the command again' });
          }
          const status = statusOf(error);
          const problem = engineProblem(error, doing, where);
          if (status !== undefined) throw new EngineRefusal(problem, status, error);
          if (!connectionLost(error) || performance.now() > deadline || !(await waitForEngine(deadline))) {
            throw new ProblemError(problem, { cause: error });
          }
        }
      }
    },
  };
}

/** The value, or a problem once the time is up. What goes on behind it is left alone. */
async function within<T>(value: Promise<T>, limit: Milliseconds, doing: string, where: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () =>
        reject(
          new ProblemError({
            kind: 'host',
            what: `the Docker engine did not answer within ${limit / 1_000} s (${doing})`,
            where,
            next: 'look whether the machine is overloaded or its disk hangs; restart the engine if it stays so',
          }),
        ),
      limit,
    );
  });
  try {
    return await Promise.race([value, late]);
  } finally {
    clearTimeout(timer);
    // Its own rejection, should it come later, has been told already.
    value.catch(() => {});
  }
}

async function endpointOf(
  socket: string | undefined,
  variables: Readonly<Record<string, string | undefined>>,
): Promise<Endpoint> {
  if (socket !== undefined) return atSocket(socket);
  if (variables.DOCKER_HOST) {
    const tls = variables.DOCKER_TLS_VERIFY ? variables.DOCKER_CERT_PATH : undefined;
    return endpoint(variables.DOCKER_HOST, tls, 'DOCKER_HOST');
  }
  return (await endpointOfContext(variables)) ?? atSocket(DEFAULT_SOCKET);
}

// Undefined, too, is said: dockerode would otherwise take the host from DOCKER_HOST, and that before the socket.
const atSocket = (path: string): Endpoint => ({
  where: `unix://${path}`,
  options: { socketPath: path, host: undefined, port: undefined, protocol: 'http' },
});

async function endpoint(address: string, certificates: string | undefined, from: string): Promise<Endpoint> {
  if (address.startsWith('unix://')) return atSocket(address.slice('unix://'.length) || DEFAULT_SOCKET);
  if (address.startsWith('ssh://')) {
    return fail({
      kind: 'input',
      what: `${from} names an engine over ssh`,
      where: address,
      next: 'describe that machine as a host of its own in holdpoint.yaml (`host: { ssh: … }`), and unset it',
    });
  }
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url === undefined || !['tcp:', 'http:', 'https:'].includes(url.protocol)) {
    return fail({
      kind: 'input',
      what: `${from} is not an address of a Docker engine`,
      where: address,
      next: 'use `unix:///path/to/docker.sock` or `tcp://host:port`',
    });
  }
  const files =
    certificates === undefined
      ? undefined
      : await Promise.all(['ca.pem', 'cert.pem', 'key.pem'].map((name) => readFile(join(certificates, name))));
  const [ca, cert, key] = files ?? [];
  const secure = ca !== undefined && cert !== undefined && key !== undefined;
  return {
    where: address,
    options: {
      host: url.hostname,
      port: url.port === '' ? (secure ? 2376 : 2375) : Number(url.port),
      protocol: secure ? 'https' : 'http',
      ...(secure ? { ca, cert, key } : {}),
    },
  };
}

/**
 * Where DOCKER_HOST or a docker context says that the engine answers; undefined where neither says anything.
 *
 * @throws ProblemError what they say is no address, or cannot be read
 */
export async function engineSaid(variables: NonNullable<FindEngineSettings['variables']>): Promise<string | undefined> {
  if (variables.DOCKER_HOST) return (await endpoint(variables.DOCKER_HOST, undefined, 'DOCKER_HOST')).where;
  return (await endpointOfContext(variables))?.where;
}

/** Undefined where no context but the default one is chosen; only then the `docker` command is needed at all. */
async function endpointOfContext(
  variables: Readonly<Record<string, string | undefined>>,
): Promise<Endpoint | undefined> {
  const folder = variables.DOCKER_CONFIG ?? join(variables.HOME ?? homedir(), '.docker');
  const chosen = variables.DOCKER_CONTEXT ?? (await currentContext(join(folder, 'config.json')));
  if (chosen === undefined || chosen === 'default') return undefined;
  const output = await promisify(execFile)('docker', ['context', 'inspect', chosen], { timeout: 10_000 }).catch(
    (error: unknown) =>
      fail({
        kind: 'host',
        what: `the docker context ${chosen} cannot be read`,
        where: folder,
        detail: [error instanceof Error ? error.message : String(error)],
        next: 'look at `docker context ls`, or say where the engine answers with DOCKER_HOST',
      }),
  );
  const [context] = parsedContexts(output.stdout);
  if (context === undefined) return undefined;
  const certificates = join(context.tls, 'docker');
  const hasTls = await readFile(join(certificates, 'key.pem')).then(
    () => true,
    () => false,
  );
  return endpoint(context.host, hasTls ? certificates : undefined, `the docker context ${chosen}`);
}

async function currentContext(file: string): Promise<string | undefined> {
  const text = await readFile(file, 'utf8').catch(() => '{}');
  const config = json(text);
  const chosen = field(config, 'currentContext');
  return typeof chosen === 'string' && chosen !== '' ? chosen : undefined;
}

function parsedContexts(text: string): readonly { readonly host: string; readonly tls: string }[] {
  const list = json(text);
  if (!Array.isArray(list)) return [];
  return list.flatMap((one) => {
    const host = field(field(field(one, 'Endpoints'), 'docker'), 'Host');
    const tls = field(field(one, 'Storage'), 'TLSPath');
    return typeof host === 'string' ? [{ host, tls: typeof tls === 'string' ? tls : '' }] : [];
  });
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const field = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null && name in value ? Reflect.get(value, name) : undefined;

export const unlimited = milliseconds(2 ** 31 - 1);
