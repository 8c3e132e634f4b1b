// node scripts/seed.js
import { seedCommand } from '../dist/seed/command.js';

process.exitCode = await seedCommand(process.env);
