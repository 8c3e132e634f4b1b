import { userInfo } from 'node:os';
import { type Problem, ProblemError } from '../../evidence/problem.ts';

/** What the engine said to a call, with its HTTP status: 404 where a thing is not there, 409 where a name is taken. */
export class EngineRefusal extends ProblemError {
  readonly status: number;
  constructor(problem: Problem, status: number, cause: unknown) {
    super(problem, { cause });
    this.name = 'EngineRefusal';
    this.status = status;
  }
}

export const hasStatus = (thrown: unknown, ...statuses: readonly number[]): boolean =>
  thrown instanceof EngineRefusal && statuses.includes(thrown.status);

/** Gives undefined where the engine says that the thing is not there. */
export async function unlessAbsent<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (hasStatus(error, 404)) return undefined;
    throw error;
  }
}

const field = (thrown: unknown, name: string): unknown =>
  typeof thrown === 'object' && thrown !== null && name in thrown ? Reflect.get(thrown, name) : undefined;

export const statusOf = (thrown: unknown): number | undefined => {
  const status = field(thrown, 'statusCode');
  return typeof status === 'number' ? status : undefined;
};

/** The engine's own sentence, without dockerode's `(HTTP code 409) conflict - `. */
export function engineText(thrown: unknown): string {
  const json = field(thrown, 'json');
  const said = field(json, 'message');
  if (typeof said === 'string') return said.trim();
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return message.replace(/^\(HTTP code \d+\) .*? - /, '').trim();
}

const GONE = new Set(['ECONNREFUSED', 'ENOENT', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENOTFOUND']);

/** The connection failed: the engine is not there, or went away in mid-call. */
export function connectionLost(thrown: unknown): boolean {
  const code = field(thrown, 'code');
  if (typeof code === 'string' && GONE.has(code)) return true;
  return statusOf(thrown) === undefined && /socket hang up|aborted|premature close/i.test(engineText(thrown));
}

/** Makes a problem of what a call to the engine threw. */
export function engineProblem(thrown: unknown, doing: string, where: string): Problem {
  const text = engineText(thrown);
  const code = field(thrown, 'code');
  if (code === 'EACCES' || code === 'EPERM') {
    return {
      kind: 'host',
      what: 'this user may not use the Docker engine',
      where,
      next: `sudo usermod -aG docker ${userInfo().username}, and log in again; or run holdpoint as root`,
    };
  }
  if (connectionLost(thrown)) {
    return {
      kind: 'host',
      what: `no Docker engine answers (${doing})`,
      where,
      detail: [text],
      next: 'start it (`sudo systemctl start docker`), or say where it answers with DOCKER_HOST; then run the command again',
    };
  }
  return { ...saidByEngine(text, doing), where };
}

/** What an engine's sentence means, for those that have a next step of their own. Also for errors in a build's stream. */
export function saidByEngine(text: string, doing: string): Problem {
  if (/no space left on device|disk quota exceeded|ENOSPC/i.test(text)) {
    return {
      kind: 'host',
      what: `the disk of the Docker engine is full (${doing})`,
      detail: [text],
      next: 'look at `docker system df`, free space there, then run the command again',
    };
  }
  const port = /(?:port is already allocated|address already in use)/i.test(text)
    ? (/(?:127\.0\.0\.1|0\.0\.0\.0|\[?::\]?):(\d+)/.exec(text)?.[1] ?? 'that it publishes')
    : undefined;
  if (port !== undefined) {
    return {
      kind: 'conflict',
      what: `the port ${port} is already taken (${doing})`,
      detail: [text],
      // The last is what an engine leaves that is killed at the very moment at which it starts a unit.
      next: `end what listens there (\`docker ps --filter publish=${port}\`, \`ss -ltnp\`; a docker-proxy without a container was left by an engine that was killed), or choose another port in holdpoint.yaml`,
    };
  }
  if (/non-overlapping IPv4 address pool/i.test(text)) {
    return {
      kind: 'host',
      what: `the Docker engine has no address range left for another network (${doing})`,
      next: 'remove networks that nothing uses (`docker network ls`), or widen `default-address-pools` in /etc/docker/daemon.json',
    };
  }
  if (/docker-init.*not found|exec: "docker-init"/i.test(text)) {
    return {
      kind: 'host',
      what: 'the Docker engine has no init program for containers',
      detail: [text],
      next: 'install it on the machine of the engine: `sudo apt-get install tini`',
    };
  }
  return {
    kind: 'host',
    what: `the Docker engine refused: ${doing}`,
    detail: [text],
    next: 'look at the line above; `docker info` and the log of the engine (`journalctl -u docker`) tell more',
  };
}
