import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { COMMANDS } from './catalogue.ts';
import { commandsDocument } from './commands-document.ts';

it('docs/commands.md is what the commands themselves say (npx tsx docs/render-commands.ts writes it)', () => {
  expect(readFileSync(new URL('../../docs/commands.md', import.meta.url), 'utf8')).toBe(commandsDocument());
});

it('every command has an example that begins with its own name', () => {
  for (const { name, examples } of COMMANDS) {
    expect(examples.length).toBeGreaterThan(0);
    expect(examples.some(({ line }) => line.includes(`holdpoint ${name}`))).toBe(true);
  }
});
