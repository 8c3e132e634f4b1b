import { basename, delimiter, dirname, relative } from 'node:path';

/**
 * How Holdpoint was called, so that the commands it tells a person to type are the ones that work here: `holdpoint` where it
 * is on the PATH, `npm run holdpoint --` from one of a checkout's scripts, else the path of the program. The options
 * that say which app and which state are meant come along.
 */
export function invocation(
  options: Readonly<Record<string, unknown>>,
  script: string,
  environment: Readonly<Record<string, string | undefined>>,
): string {
  const carried = ['app', 'state'].flatMap((name) => {
    const value = options[name];
    return typeof value === 'string' ? [`--${name}`, shellWord(value)] : [];
  });
  return [program(script, environment), ...carried].join(' ');
}

function program(script: string, environment: Readonly<Record<string, string | undefined>>): string {
  if (environment.npm_lifecycle_event !== undefined && environment.npm_command === 'run-script')
    return 'npm run holdpoint --';
  if (environment.npm_command === 'exec') return 'npx holdpoint';
  if (basename(script) === 'holdpoint') {
    const onPath = (environment.PATH ?? '').split(delimiter).includes(dirname(script));
    return onPath ? 'holdpoint' : shellWord(script);
  }
  return `node ${shellWord(relative(process.cwd(), script) || script)}`;
}

/** A word as a POSIX shell reads it back unchanged. */
export function shellWord(text: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
