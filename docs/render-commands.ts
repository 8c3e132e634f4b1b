import { writeFileSync } from 'node:fs';
import { commandsDocument } from '../src/cli/commands-document.ts';

writeFileSync(new URL('./commands.md', import.meta.url), commandsDocument());
