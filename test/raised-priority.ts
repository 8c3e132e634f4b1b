import { setPriority } from 'node:os';
import { afterAll, beforeAll } from 'vitest';

/** Runs this test file before other work of the machine: the scripted server that others are held against lives in it. */
export function withRaisedPriority(): void {
  beforeAll(() => ask(-10));
  afterAll(() => ask(0));
}

function ask(niceness: number) {
  try {
    setPriority(niceness);
  } catch {
    // Not allowed without root: the server's own account of how long it held each request decides all the same.
  }
}
