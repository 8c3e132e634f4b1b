import { existsSync, readdirSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { noSecondHost, type SecondHost, secondHost } from '../../../test/hosts/second-host.ts';
import { problemOf } from '../../evidence/problem.ts';
import { seconds } from '../../evidence/units.ts';

describe.skipIf(noSecondHost !== undefined)('a host that ssh does not reach', { timeout: 60_000 }, () => {
  let second: SecondHost;
  beforeAll(async () => {
    second = await secondHost();
  });
  afterAll(() => second.close());

  const refused = () => second.connect().then(() => undefined, problemOf);

  it('is told with its key where that is not known, even if ssh is set up to take any', async () => {
    const known = await readFile(second.knownHosts, 'utf8');
    const configuration = await readFile(second.configuration, 'utf8');
    await writeFile(second.knownHosts, '');
    await writeFile(second.configuration, `${configuration}  StrictHostKeyChecking no\n`);
    expect(await refused()).toMatchObject({
      kind: 'host',
      what: expect.stringMatching(/^the key of second is not known yet \(ssh-ed25519 SHA256:\S+\)$/),
      next: expect.stringContaining('`ssh second` once by hand'),
    });
    expect(await readFile(second.knownHosts, 'utf8')).toBe('');
    await writeFile(second.knownHosts, known);
    await writeFile(second.configuration, configuration);
  });

  it('is told without a password prompt where no key of ours is accepted', async () => {
    const authorized = join(second.root, '../authorized');
    const text = await readFile(authorized, 'utf8');
    await writeFile(authorized, '');
    expect(await refused()).toMatchObject({
      kind: 'host',
      what: 'second does not let us in without a password',
      next: expect.stringContaining('ssh-copy-id second'),
    });
    await writeFile(authorized, text);
  });

  it('is told where nobody listens', async () => {
    const configuration = await readFile(second.configuration, 'utf8');
    await writeFile(second.configuration, `${configuration}  Port 2\n`);
    expect(await refused()).toMatchObject({
      kind: 'host',
      what: 'second was not reached',
      detail: expect.arrayContaining([expect.stringContaining('Connection refused')]),
    });
    await writeFile(second.configuration, configuration);
  });

  it('is reached all the same where an earlier connection left its control socket', async () => {
    const first = await second.connect();
    const [control] = readdirSync(second.folder).filter((name) => !name.includes('.'));
    await first.close();
    expect(readdirSync(second.folder)).toEqual([]);
    // As after a power cut: the file is there, and nobody answers.
    const path = join(second.folder, control ?? '');
    const server = createServer().listen(path);
    await new Promise((resolve) => server.once('listening', resolve));
    await writeFile(`${path}.4194304`, '1');
    await leaveSocketFile(server, path);
    expect(existsSync(path)).toBe(true);
    const host = await second.connect();
    expect(await host.run({ argv: ['true'], timeLimit: seconds(5) })).toMatchObject({ code: 0 });
    await host.close();
    expect(readdirSync(second.folder)).toEqual([]);
  });

  describe('or that cannot run the agent', () => {
    const bin = () => join(second.root, 'bin');
    /** Programs that the other side finds first. */
    const programs = async (scripts: Readonly<Record<string, string>>) => {
      await mkdir(bin(), { recursive: true });
      for (const [name, script] of Object.entries(scripts))
        await writeFile(join(bin(), name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
      await second.configure(`SetEnv PATH=${bin()}:/usr/sbin:/usr/bin:/sbin:/bin`);
    };
    afterAll(() => second.configure(''));

    it('is told with its machine where Node has to be installed by hand', async () => {
      await programs({ node: 'echo old', uname: 'echo riscv64' });
      expect(await refused()).toMatchObject({
        kind: 'host',
        what: expect.stringContaining('does not run on its riscv64'),
        next: expect.stringContaining('install Node there'),
      });
    });

    it('is sent the Node from here, once, where it has none that fits', async () => {
      await rm(bin(), { recursive: true, force: true });
      await programs({ node: 'echo old' });
      const host = await second.connect();
      expect(host.sent).toEqual([expect.stringMatching(/^node-[0-9a-f]{12}$/)]);
      expect(await host.run({ argv: ['true'], timeLimit: seconds(5) })).toMatchObject({ code: 0 });
      await host.close();
      const again = await second.connect();
      expect(again.sent).toEqual([]);
      await again.close();
    });

    it('is told where sshd forwards nothing', async () => {
      await second.configure('AllowStreamLocalForwarding no');
      expect(await refused()).toMatchObject({
        kind: 'host',
        what: expect.stringContaining('sshd forwards no sockets there'),
        next: expect.stringContaining('AllowStreamLocalForwarding yes'),
      });
    });
  });

  it('is told when its key has changed, and is sent nothing', async () => {
    await second.newHostKey();
    const agents = second.agents();
    expect(await refused()).toMatchObject({
      kind: 'host',
      what: expect.stringMatching(
        /^the key of second is not the one that known_hosts has \(ssh-ed25519 SHA256:\S+\); nothing was sent there$/,
      ),
      next: expect.stringContaining('ssh-keygen -R'),
    });
    expect(second.agents()).toEqual(agents);
    expect(readdirSync(second.folder)).toEqual([]);
  });
});

/** Node removes the file of a socket that it closes: the file is moved away for that moment. */
async function leaveSocketFile(server: ReturnType<typeof createServer>, path: string): Promise<void> {
  await rename(path, `${path}-kept`);
  await new Promise((resolve) => server.close(resolve));
  await rename(`${path}-kept`, path);
}
