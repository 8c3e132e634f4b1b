import { createInterface } from 'node:readline/promises';
import { fail } from '../evidence/problem.ts';

/** Which option stands for the answer where nobody can be asked. */
export type Otherwise = { readonly option: string; readonly what: string };

/** Is there a person on a terminal? */
export const canAsk = (): boolean => process.stdin.isTTY === true && process.stderr.isTTY === true;

/** One line typed on the terminal; undefined where the person ended the input (Ctrl-D, Ctrl-C) instead. */
async function question(text: string): Promise<string | undefined> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const ended = new Promise<undefined>((resolve) => lines.once('close', () => resolve(undefined)));
    lines.once('SIGINT', () => lines.close());
    return await Promise.race([lines.question(text), ended]);
  } finally {
    lines.close();
  }
}

function nobodyToAsk({ option, what }: Otherwise): never {
  return fail({
    kind: 'input',
    what: `${what} needs a yes, and there is no terminal to ask on`,
    next: `give ${option}`,
  });
}

/**
 * Asks for a yes. Anything but `y` and `yes` is a no.
 *
 * @throws ProblemError `input` where there is no terminal
 */
export async function askYes(text: string, otherwise: Otherwise): Promise<boolean> {
  if (!canAsk()) return nobodyToAsk(otherwise);
  const answer = await question(`${text} [y/N] `);
  return /^y(es)?$/i.test(answer?.trim() ?? '');
}

/**
 * Asks for a name to be typed, as a hand on the arm before something that cannot be undone.
 *
 * @throws ProblemError `input` where there is no terminal
 */
export async function askName(text: string, name: string, otherwise: Otherwise): Promise<boolean> {
  if (!canAsk()) return nobodyToAsk(otherwise);
  return (await question(`${text} `))?.trim() === name;
}

/** Asks for a line of text; undefined where the person ended the input instead. */
export const askText = async (text: string): Promise<string | undefined> => (await question(`${text} `))?.trim();
