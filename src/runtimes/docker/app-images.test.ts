import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { notRun, temporaryDocker } from '../../../test/runtimes/docker-ground.ts';
import { ProblemError } from '../../evidence/problem.ts';
import { seconds } from '../../evidence/units.ts';
import { digestOf } from '../../releases/digest.ts';
import type { ImageFacts } from '../runtime.ts';
import type { Software } from '../unit.ts';
import { findEngine } from './engine.ts';
import { Images } from './images.ts';

const found = await findEngine();

describe.skipIf(found.kind === 'none')(`images of an app${notRun(found)}`, () => {
  if (found.kind === 'none') return;
  const { engine } = found;
  let ground: Awaited<ReturnType<typeof temporaryDocker>>;
  let folder: string;
  let common: string;
  const built: string[] = [];
  beforeAll(async () => {
    ground = await temporaryDocker(engine);
    folder = await mkdtemp(join(tmpdir(), 'hp-'));
    common = await new Images(engine, () => {}).common();
  }, 600_000);
  afterAll(async () => {
    await ground.close();
    await rm(folder, { recursive: true, force: true });
    for (const id of built) {
      const image = engine.docker.getImage(id);
      // An environment that was destroyed meanwhile has pruned it.
      await image.remove({ force: true }).catch((thrown) => expect(thrown).toMatchObject({ statusCode: 404 }));
    }
  });

  async function context(name: string, files: Readonly<Record<string, string>>): Promise<string> {
    const root = join(folder, name);
    for (const [path, content] of Object.entries(files)) {
      await mkdir(join(root, path, '..'), { recursive: true });
      await writeFile(join(root, path), content);
    }
    return root;
  }

  const never = new AbortController().signal;
  const images = () => {
    const { images: ours } = ground.runtime;
    if (ours === undefined) throw new Error('no images');
    return ours;
  };
  const build = async (
    root: string,
    more: { target?: string; arguments?: Record<string, string>; file?: string; secretFiles?: string[] } = {},
    lines: string[] = [],
  ): Promise<ImageFacts> => {
    const facts = await images().build(
      'test-app',
      {
        context: root,
        dockerfile: join(root, more.file ?? 'Dockerfile'),
        target: more.target,
        arguments: more.arguments ?? {},
        secretFiles: more.secretFiles ?? [],
      },
      (line) => lines.push(line),
      never,
    );
    if (!built.includes(facts.id)) built.push(facts.id);
    return facts;
  };
  const output = async (software: Software, command: [string, ...string[]]): Promise<string> => {
    const end = await ground.runtime.job({
      name: 'says',
      software,
      mounts: [],
      networks: [],
      command,
      environment: {},
      user: 'app',
      timeLimit: seconds(20),
    });
    return end.kind === 'exited' ? end.output : end.kind;
  };
  const problemOf = (call: Promise<unknown>) =>
    call.then(
      () => undefined,
      (error: unknown) => (error instanceof ProblemError ? error.problem : error),
    );

  it('builds a Dockerfile with target and arguments, and says what the image starts', async () => {
    const root = await context('plain', {
      Dockerfile: `FROM ${common} AS one
ARG WORD
RUN echo "$WORD" >/word
ENTRYPOINT ["cat"]
CMD ["/word"]
EXPOSE 8080 9090/udp
USER nobody
FROM one AS two
RUN exit 1
`,
    });
    // Not one that an earlier run has left in the engine's cache.
    const word = randomUUID();
    const lines: string[] = [];
    const facts = await build(root, { target: 'one', arguments: { WORD: word } }, lines);
    expect(facts).toMatchObject({ entrypoint: ['cat'], arguments: ['/word'], ports: [8080] });
    expect(lines.join('\n')).toContain('RUN echo');
    expect(await output({ kind: 'image', id: facts.id }, ['cat', '/word'])).toBe(`${word}\n`);
    // Its own user could not read what is the app's.
    expect(await output({ kind: 'image', id: facts.id }, ['id', '-u'])).toBe('10001\n');
  });

  it('sends what .dockerignore leaves, and the Dockerfile in any case', async () => {
    const root = await context('ignoring', {
      'docker/Dockerfile': `FROM ${common}\nCOPY . /sent/\n`,
      '.dockerignore': 'docker\nsecrets/*\n!secrets/public\n**/*.log\n',
      'secrets/key': 'x',
      'secrets/public': 'x',
      'deep/a.log': 'x',
      'deep/a.txt': 'x',
      'deep/.env': 'x',
    });
    await symlink('a.txt', join(root, 'deep/link'));
    const { id } = await build(root, { file: 'docker/Dockerfile', secretFiles: [join(root, 'deep/.env')] });
    const sent = await output({ kind: 'image', id }, [
      'sh',
      '-c',
      'cd /sent; find . ! -type d ! -name Dockerfile | sort',
    ]);
    expect(sent).toBe('./.dockerignore\n./deep/a.txt\n./deep/link\n./secrets/public\n');
  });

  it('takes a Dockerfile that lies beside its context, with the ignored files that it names', async () => {
    const root = await context('beside', {
      'docker/Dockerfile': `FROM ${common}\nCOPY . /sent/\n`,
      'docker/Dockerfile.dockerignore': '*.log\n',
      'app/.dockerignore': '*.txt\n',
      'app/a.txt': 'x',
      'app/a.log': 'x',
    });
    const { id } = await build(join(root, 'app'), { file: '../docker/Dockerfile' });
    const sent = await output({ kind: 'image', id }, [
      'sh',
      '-c',
      'cd /sent; find . ! -type d ! -name ".dockerfile.*" | sort',
    ]);
    expect(sent).toBe('./.dockerignore\n./a.txt\n');
  });

  it('shows the last lines of a step that fails', async () => {
    const root = await context('failing', {
      Dockerfile: `FROM ${common}\nRUN echo the reason; exit 3\n`,
    });
    const problem = await problemOf(build(root));
    expect(problem).toMatchObject({ kind: 'app', what: 'the image of test-app cannot be built' });
    expect(JSON.stringify(problem)).toContain('the reason');
    expect(await problemOf(build(root, { file: 'Absent' }))).toMatchObject({
      kind: 'input',
      where: join(root, 'Absent'),
    });
    const garbled = await context('garbled', { Dockerfile: 'FROM\n' });
    expect(await problemOf(build(garbled))).toMatchObject({ kind: 'app' });
  });

  it('ends a build that is cancelled', async () => {
    const root = await context('slow', { Dockerfile: `FROM ${common}\nRUN sleep 100\n` });
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 1_000);
    const call = images().build(
      'test-app',
      { context: root, dockerfile: join(root, 'Dockerfile'), target: undefined, arguments: {}, secretFiles: [] },
      () => {},
      stop.signal,
    );
    expect(await problemOf(call)).toMatchObject({ what: 'it was cancelled: builds the image of test-app' });
  });

  it('takes an image that is there, and says why one cannot be pulled', async () => {
    expect(await images().ensure(common, () => {}, never)).toMatchObject({ entrypoint: [] });
    // No registry is where this name leads.
    const problem = await problemOf(images().ensure('127.0.0.1:9/none:1', () => {}, never));
    expect(problem).toMatchObject({
      kind: 'host',
      what: 'the image 127.0.0.1:9/none:1 is not on the engine and cannot be pulled',
    });
  });

  it('runs the tree of a release from its root, readable for whoever runs it and writable for nobody', async () => {
    const root = await context('tree', { 'run.sh': 'pwd; cat private; : >x\n', private: 'content\n' });
    await rm(join(root, 'private'));
    await writeFile(join(root, 'private'), 'content\n', { mode: 0o600 });
    const software: Software = { kind: 'tree', folder: root, digest: digestOf(`${folder} tree`), packages: [] };
    expect(await output(software, ['sh', 'run.sh'])).toBe(
      '/app\ncontent\nrun.sh: 3: cannot create x: Read-only file system\n'.replace('3:', '1:'),
    );
    built.push(await new Images(engine, () => {}).of(software, 'app'));
    // Its image is there: the folder is needed no more.
    await rm(root, { recursive: true });
    const again = await ground.reopen();
    const end = await again.job({
      name: 'again',
      software,
      mounts: [],
      networks: [],
      command: ['cat', 'run.sh'],
      environment: {},
      user: 'app',
      timeLimit: seconds(20),
    });
    expect(end).toMatchObject({ kind: 'exited', code: 0 });
  });

  it('builds the tree again where somebody has removed its image meanwhile', async () => {
    const root = await context('removed', { file: 'content\n' });
    const digest = digestOf(`${folder} removed`);
    const software: Software = { kind: 'tree', folder: root, digest, packages: [] };
    expect(await output(software, ['cat', 'file'])).toBe('content\n');
    const image = await new Images(engine, () => {}).of(software, 'app');
    await engine.docker.getImage(image).remove({ force: true });
    expect(await output(software, ['cat', 'file'])).toBe('content\n');
    built.push(image);
  });

  it('refuses a package whose name is none', async () => {
    const software: Software = { kind: 'tree', folder, digest: digestOf('x'), packages: ['; rm -rf /'] };
    await expect(output(software, ['true'])).rejects.toThrow('no name of a Debian package');
  });

  it('holds a job of an image to its time limit, though nothing in the image keeps it', async () => {
    const root = await context('endless', { Dockerfile: `FROM ${common}\n` });
    const { id } = await build(root);
    const end = await ground.runtime.job({
      name: 'endless',
      software: { kind: 'image', id },
      mounts: [],
      networks: [],
      command: ['sh', '-c', 'echo begun; sleep 100'],
      environment: {},
      user: 'app',
      timeLimit: seconds(1),
    });
    expect(end).toEqual({ kind: 'timed-out', output: 'begun\n' });
  });
});
