// node scripts/migrate.js up|down|status [--to N]
import { migrateCommand } from '../dist/migrations/command.js';

process.exitCode = await migrateCommand(process.argv.slice(2), process.env);
