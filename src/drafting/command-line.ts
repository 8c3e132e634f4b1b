import { splitCommand } from '../config/command.ts';
import { commandCarriesSecret } from '../config/literal-secret.ts';

/** A command as holdpoint.yaml takes it: without a shell where it needs none. */
export type CommandLine = {
  readonly command: string | readonly string[];
  /** `NODE_ENV=production node server.js`: what stood before the program. */
  readonly environment: Readonly<Record<string, string>>;
};

/** Undefined for what would put a secret among the words of a command. */
export function commandLine(given: string): CommandLine | undefined {
  const { rest, environment } = assignments(given.trim());
  const split = splitCommand(rest);
  if (split.kind === 'command') return commandCarriesSecret(split.command) ? undefined : { command: rest, environment };
  if (rest === '' || commandCarriesSecret(rest.split(/\s+/))) return undefined;
  // A shell does what it asks for, and leaves its place to a single program so that signals reach that.
  const isOne = !/[;&|\n]/.test(rest);
  return { command: ['/bin/sh', '-c', isOne ? `exec ${rest}` : rest], environment };
}

function assignments(text: string): { rest: string; environment: Record<string, string> } {
  const environment: Record<string, string> = {};
  let rest = text.replace(/^(npx\s+)?cross-env\s+/, '');
  for (;;) {
    const [whole, name, single, double, plain] =
      /^([A-Za-z_]\w*)=(?:'([^']*)'|"([^"$`]*)"|([^\s"'$`;|&]*))\s+/.exec(rest) ?? [];
    if (whole === undefined || name === undefined) return { rest, environment };
    environment[name] = single ?? double ?? plain ?? '';
    rest = rest.slice(whole.length);
  }
}
