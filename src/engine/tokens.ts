import { type HostToken, QUIET_MACHINE } from '../plan/step.ts';

export type Release = () => void;

/** Who holds what somebody waits for. */
export type TokenWait = {
  readonly who: string;
  readonly tokens: readonly HostToken[];
  readonly heldBy: readonly string[];
};

type Waiter = {
  readonly who: string;
  readonly tokens: readonly HostToken[];
  readonly claims: readonly Claim[];
  readonly grant: (release: Release) => void;
};

const EVERY_APP = '*';

/** What a token keeps others from. `app` is of one app, but a step that takes all tokens wants every app to be still. */
type Claim = { readonly token: HostToken; readonly app: string };

function claimsOf(tokens: readonly HostToken[], app: string): readonly Claim[] {
  const isAlone = QUIET_MACHINE.every((token) => tokens.includes(token));
  return tokens.map((token) => ({ token, app: token === 'app' && !isAlone ? app : EVERY_APP }));
}

const clash = (a: Claim, b: Claim): boolean =>
  a.token === b.token && (a.app === b.app || a.app === EVERY_APP || b.app === EVERY_APP);

const overlap = (a: readonly Claim[], b: readonly Claim[]): boolean => a.some((one) => b.some((o) => clash(one, o)));

/**
 * The tokens of all hosts. Each is held by one at a time, `app` by one for each app. First come, first served: nobody may
 * take a token that an earlier one waits for, or a step that wants the whole machine would wait for ever.
 */
export class HostTokens {
  readonly #held = new Map<string, { who: string; claims: readonly Claim[] }[]>();
  readonly #waiting = new Map<string, Waiter[]>();

  /** Resolves when all the tokens are held; undefined where the signal came first. */
  acquire(
    host: string,
    { who, app, tokens }: { readonly who: string; readonly app: string; readonly tokens: readonly HostToken[] },
    signal: AbortSignal,
  ): Promise<Release | undefined> {
    if (signal.aborted) return Promise.resolve(undefined);
    if (tokens.length === 0) return Promise.resolve(() => undefined);
    return new Promise((resolve) => {
      const queue = this.#queue(host);
      const withdraw = () => {
        const at = queue.indexOf(waiter);
        if (at < 0) return;
        queue.splice(at, 1);
        resolve(undefined);
        this.#serve(host);
      };
      const waiter: Waiter = {
        who,
        tokens,
        claims: claimsOf(tokens, app),
        grant: (release) => {
          signal.removeEventListener('abort', withdraw);
          resolve(release);
        },
      };
      signal.addEventListener('abort', withdraw, { once: true });
      queue.push(waiter);
      this.#serve(host);
    });
  }

  /** Everybody who waits on this host, first come first. */
  waiting(host: string): TokenWait[] {
    const queue = this.#queue(host);
    const held = this.#held.get(host) ?? [];
    return queue.map(({ who, tokens, claims }, place) => ({
      who,
      tokens,
      heldBy: [...held, ...queue.slice(0, place)].filter((other) => overlap(other.claims, claims)).map((h) => h.who),
    }));
  }

  #queue(host: string): Waiter[] {
    const queue = this.#waiting.get(host) ?? [];
    this.#waiting.set(host, queue);
    return queue;
  }

  #serve(host: string): void {
    const queue = this.#queue(host);
    const held = this.#held.get(host) ?? [];
    this.#held.set(host, held);
    const spokenFor: Claim[] = held.flatMap((h) => h.claims);
    for (const waiter of [...queue]) {
      if (!overlap(waiter.claims, spokenFor)) {
        const holding = { who: waiter.who, claims: waiter.claims };
        held.push(holding);
        queue.splice(queue.indexOf(waiter), 1);
        waiter.grant(() => {
          const at = held.indexOf(holding);
          if (at < 0) return;
          held.splice(at, 1);
          this.#serve(host);
        });
      }
      spokenFor.push(...waiter.claims);
    }
  }
}
