export type Listener = (notice: string) => void;

/** What a host tells those who wait for it. One that is still true is told at once to whoever begins to listen. */
export class Notices {
  readonly #listeners = new Set<{ readonly hear: Listener }>();
  #standing: string | undefined;

  /** Until the returned function is called. */
  listen(hear: Listener): () => void {
    const listener = { hear };
    this.#listeners.add(listener);
    if (this.#standing !== undefined) hear(this.#standing);
    return () => void this.#listeners.delete(listener);
  }

  get somebodyListens(): boolean {
    return this.#listeners.size > 0;
  }

  /** @param holds whether it stays true until something else is told */
  tell(notice: string, holds: 'from now on' | 'for the moment'): void {
    this.#standing = holds === 'from now on' ? notice : undefined;
    for (const { hear } of [...this.#listeners]) hear(notice);
  }
}
