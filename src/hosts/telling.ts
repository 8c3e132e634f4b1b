import { AsyncLocalStorage } from 'node:async_hooks';

type Tell = (line: string) => void;

const listening = new AsyncLocalStorage<Tell>();

/** Carries something out; until it ends, what is said by whatever it calls, however far below, goes to `tell`. */
export async function toldTo<T>(tell: Tell, act: () => Promise<T>): Promise<T> {
  let waits = true;
  try {
    return await listening.run((line) => {
      if (waits) tell(line);
    }, act);
  } finally {
    waits = false;
  }
}

/** For what has no attempt in hand, and makes it wait: an engine that is away, an image that is built. */
export const tellWhoWaits: Tell = (line) => listening.getStore()?.(line);
