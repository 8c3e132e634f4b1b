import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runtimeConformance, type Subject } from '../../../test/runtimes/conformance.ts';
import { startAndDie } from '../../../test/runtimes/dying.ts';
import { currentAccount, findAccount } from '../../hosts/accounts.ts';
import { localHost } from '../../hosts/local.ts';
import { openProcessRuntime } from './runtime.ts';
import { taggedProcesses } from './tag.ts';

const host = localHost();

async function open(): Promise<Subject> {
  const parent = await mkdtemp(join(tmpdir(), 'hp-'));
  await chmod(parent, 0o755);
  const folder = join(parent, 'env');
  const settings = { environment: 'test', folder };
  const reopen = () => openProcessRuntime({ ...settings, host });
  const runtime = await reopen();
  return {
    runtime,
    reopen,
    async killSupervisor() {
      process.kill(Number(await readFile(join(folder, 'supervisor/supervisord.pid'), 'utf8')), 'SIGKILL');
    },
    startAndDie: (unit, job) => startAndDie('process', settings, unit, job),
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
      await rm(parent, { recursive: true, force: true });
    },
  };
}

runtimeConformance('process', open);
