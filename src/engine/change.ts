/** Lets a loop sleep until something has changed; a change that comes while nobody sleeps is not lost. */
export class Change {
  #version = 0;
  #wake: (() => void)[] = [];

  get version(): number {
    return this.#version;
  }

  announce(): void {
    this.#version++;
    for (const wake of this.#wake.splice(0)) wake();
  }

  /** Resolves when there was a change after `seen`, or after `most` milliseconds. */
  after(seen: number, most: number): Promise<void> {
    if (this.#version !== seen) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(wake, Math.max(0, most));
      function wake() {
        clearTimeout(timer);
        resolve();
      }
      this.#wake.push(wake);
    });
  }
}
