import { userInfo } from 'node:os';
import { fail } from '../evidence/problem.ts';
import type { Call } from './command.ts';

/** The name that `--by` gives, else the one of the account that the command runs under. */
export function byName(call: Call): string {
  return call.options.text('by') ?? accountName();
}

/** An account without an entry in /etc/passwd (a container's user) has a number and no name. */
function accountName(): string {
  try {
    return userInfo().username;
  } catch {
    return `user ${process.getuid?.() ?? 'unknown'}`;
  }
}

/**
 * The value of an option that a command cannot do without.
 *
 * @throws ProblemError `input`
 */
export function wanted(call: Call, option: string, why: string): string {
  const value = call.options.text(option);
  if (value !== undefined && value.trim() !== '') return value;
  return fail({ kind: 'input', what: `--${option} is missing: ${why}`, next: `give --${option}` });
}
