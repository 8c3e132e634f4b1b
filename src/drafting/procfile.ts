import { commandLine } from './command-line.ts';
import type { Facts } from './facts.ts';
import { type Findings, type Guess, guess, type ServiceDraft } from './guess.ts';

/** Heroku's file: a process type and its command a line; `release` runs before a release, so it holds the migrations. */
export function procfile(facts: Facts): (Findings & { readonly release?: Guess }) | undefined {
  const text = facts.texts.get('Procfile');
  if (text === undefined) return undefined;
  const lines = [...text.matchAll(/^([A-Za-z0-9_-]+):\s*(.+)$/gm)].map(([, type = '', command = '']) => ({
    type,
    command,
  }));
  const services = lines.flatMap(({ type, command }): ServiceDraft[] => {
    const line = type === 'release' ? undefined : commandLine(command);
    if (line === undefined) return [];
    const from = `Procfile: ${type}`;
    return [
      {
        name: type.toLowerCase().replaceAll('_', '-'),
        kind: type === 'web' ? 'web' : 'agent',
        start: { key: 'command', value: line.command, from },
        environment: Object.entries(line.environment).map(([name, value]) => ({ name, value, from })),
      },
    ];
  });
  const release = commandLine(lines.find(({ type }) => type === 'release')?.command ?? '');
  return { services, ...(release === undefined ? {} : { release: guess(release.command, 'Procfile: release') }) };
}
