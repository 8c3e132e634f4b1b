// node scripts/reconcile.js: prints how many products' stock is not the sum of their applied movements.
import { reconcileCommand } from '../dist/seed/command.js';

process.exitCode = await reconcileCommand(process.env);
