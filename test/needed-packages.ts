import { isRoot } from '../src/hosts/accounts.ts';
import { localHost } from '../src/hosts/local.ts';
import {
  installCommand,
  installPackages,
  missingPackages,
  PART_PACKAGES,
  RUNTIME_PACKAGES,
  SOURCE_PACKAGES,
} from '../src/hosts/packages.ts';

/**
 * Tests run against the real parts, on this machine. A launch puts there only what its app needs, and in containers
 * nothing at all: what is missing is installed once before the first test; who is not root is told what to install.
 */
export default async function needPackages(): Promise<void> {
  const host = localHost();
  const missing = await missingPackages(host, [...RUNTIME_PACKAGES, ...SOURCE_PACKAGES, ...PART_PACKAGES]);
  if (missing.length === 0) return;
  if (!isRoot()) {
    process.stderr.write(
      `some tests will fail: they need packages that only root can install: ${installCommand(missing)}\n`,
    );
    return;
  }
  process.stdout.write(`installs what the tests run against: ${missing.join(', ')}\n`);
  await installPackages(host, missing);
}
