import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe } from 'vitest';
import { noSecondHost, secondHost } from '../../../test/hosts/second-host.ts';
import { runtimeConformance, type Subject } from '../../../test/runtimes/conformance.ts';
import { currentAccount, findAccount } from '../../hosts/accounts.ts';
import { taggedProcesses } from '../process/tag.ts';
import type { Runtime } from '../runtime.ts';
import { openRemoteProcessRuntime } from './process-runtime.ts';

/** Processes and files of the second host are this machine's, too: only its network is its own. */
async function open(): Promise<Subject> {
  const second = await secondHost();
  const host = await second.connect();
  const folder = join(host.root, 'environments', 'test');
  const reopen = async (): Promise<Runtime> => {
    const runtime = await openRemoteProcessRuntime({ host, environment: 'test', folder });
    return {
      ...runtime,
      async address(name, port) {
        const address = await runtime.address(name, port);
        return address && host.reach(address);
      },
    };
  };
  const runtime = await reopen();
  return {
    runtime,
    reopen,
    async killSupervisor() {
      process.kill(Number(await readFile(join(folder, 'supervisor/supervisord.pid'), 'utf8')), 'SIGKILL');
    },
    async startAndDie(unit, job) {
      const script = new URL('../../../test/hosts/start-and-die.ts', import.meta.url).pathname;
      const words = [JSON.stringify(second.settings), folder, JSON.stringify(unit), JSON.stringify(job)];
      const end: unknown = await promisify(execFile)(process.execPath, ['--import', 'tsx', script, ...words]).catch(
        (error: unknown) => error,
      );
      if (!(end instanceof Error && 'signal' in end && end.signal === 'SIGKILL')) throw end;
    },
    async processes() {
      return taggedProcesses(folder).map(({ pid }) => pid);
    },
    async fileFacts(store, file) {
      const facts = await stat(join(folder, 'stores', store, file));
      const user = [currentAccount(), findAccount(runtime.place.user('app'))].find((one) => one?.uid === facts.uid);
      return { mode: facts.mode & 0o777, owner: user?.name ?? String(facts.uid) };
    },
    async remains() {
      return existsSync(folder);
    },
    async close() {
      await (await reopen()).destroy();
      await second.close();
    },
  };
}

describe.skipIf(noSecondHost !== undefined)('over ssh', () => runtimeConformance('process over ssh', open));
