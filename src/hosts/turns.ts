/** Lets what is done about one thing follow one another, in the order in which it was asked for. */
export class Turns {
  readonly #last = new Map<string, Promise<unknown>>();

  take<T>(about: string, act: () => Promise<T>): Promise<T> {
    const mine = (this.#last.get(about) ?? Promise.resolve()).then(act);
    this.#last.set(
      about,
      // Who asked hears of a failure; the next one has its turn all the same.
      mine.catch(() => undefined),
    );
    return mine;
  }
}
