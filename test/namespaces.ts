import { execFileSync } from 'node:child_process';
import { isRoot } from '../src/hosts/accounts.ts';

/** Why this machine makes no namespaces for processes and networks; undefined where it does. A plain container refuses. */
export const noNamespaces: string | undefined = isRoot() ? tried() : 'only root can make namespaces';

function tried(): string | undefined {
  try {
    execFileSync('unshare', ['--net', '--pid', '--fork', '--mount-proc', 'true'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'this machine refuses to make namespaces';
  }
}
