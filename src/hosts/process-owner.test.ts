import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findAccount, isRoot } from './accounts.ts';
import { linksOf, variableOf } from './process-owner.ts';

const NAME = 'HOLDPOINT_SEEN';
let others: ChildProcess[];

beforeAll(async () => {
  const nobody = findAccount('nobody');
  if (nobody === undefined) throw new Error('this machine has no user nobody');
  const asNobody = isRoot() ? { uid: nobody.uid, gid: nobody.gid } : {};
  others = ['first', 'two words'].map((value) =>
    spawn('/bin/sleep', ['60'], { cwd: '/usr', env: { [NAME]: value, [`X${NAME}`]: 'other' }, ...asNobody }),
  );
  await Promise.all(others.map((child) => once(child, 'spawn')));
});
afterAll(async () => {
  for (const child of others) {
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }
});

const pids = () => [...others.map(({ pid }) => pid ?? 0), process.pid, 2 ** 22 + 1];

describe('what only a process’s own user may see', () => {
  const expected = () => ({
    variables: others.map(({ pid }, at) => [pid, ['first', 'two words'][at]]),
    links: others.map(({ pid }) => [pid, { program: '/usr/bin/sleep', directory: '/usr' }]),
  });

  it('is seen by root, and by that user', () => {
    expect([...variableOf(NAME, pids())]).toEqual(expected().variables);
    expect([...linksOf(pids())].filter(([pid]) => pid !== process.pid)).toEqual(expected().links);
  });

  it('is seen by a root that may not look into other users’ processes, as in a container', async (context) => {
    if (!isRoot()) context.skip('only root can give up a right of root');
    const module = new URL('./process-owner.ts', import.meta.url).pathname;
    const script = `
      import { readFileSync } from 'node:fs';
      const { linksOf, variableOf } = await import(${JSON.stringify(module)});
      const pids = ${JSON.stringify(pids())};
      let directly = 'seen';
      try { readFileSync('/proc/' + pids[0] + '/environ'); } catch (error) { directly = error.code; }
      console.log(JSON.stringify({ directly, variables: [...variableOf('${NAME}', pids)],
        links: [...linksOf(pids)].filter(([pid]) => pids.indexOf(pid) < 2) }));`;
    // The rights that Docker leaves to root in a container.
    const left = 'chown,dac_override,fowner,fsetid,kill,setgid,setuid,setpcap,net_bind_service,net_raw,sys_chroot';
    const less = ['--inh-caps=-all', `--bounding-set=-all,${left.replace(/^|,/g, (comma) => `${comma}+`)}`];
    const node = [process.execPath, '--import', import.meta.resolve('tsx'), '--input-type=module', '-e', script];
    const { stdout } = await promisify(execFile)('setpriv', [...less, ...node]);
    expect(JSON.parse(stdout)).toEqual({ directly: 'EACCES', ...expected() });
  });
});
