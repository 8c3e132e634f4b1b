import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { remove, temporaryDirectory } from '../../test/temporary-state.ts';
import { ProblemError } from '../evidence/problem.ts';
import { insideWorkingTree, openStateDirectory, stateDirectoryPath } from './state-directory.ts';

const roots: string[] = [];
afterEach(() => {
  for (const root of roots.splice(0)) remove(root);
});
const root = (): string => {
  const made = temporaryDirectory();
  roots.push(made);
  return made;
};

async function problemOfOpening(path: string) {
  const thrown = await openStateDirectory(path).catch((error: unknown) => error);
  if (thrown instanceof ProblemError) return thrown.problem;
  throw new Error('expected a problem');
}

test('lies where --state says, else HOLDPOINT_STATE, else /var/lib as root, else the XDG state home', () => {
  expect(stateDirectoryPath('/a', { HOLDPOINT_STATE: '/b' }, 0)).toBe('/a');
  expect(stateDirectoryPath(undefined, { HOLDPOINT_STATE: '/b' }, 0)).toBe('/b');
  expect(stateDirectoryPath(undefined, {}, 0)).toBe('/var/lib/holdpoint');
  expect(stateDirectoryPath(undefined, { XDG_STATE_HOME: '/x', HOME: '/h' }, 1000)).toBe('/x/holdpoint');
  expect(stateDirectoryPath(undefined, { XDG_STATE_HOME: 'relative', HOME: '/h' }, 1000)).toBe(
    '/h/.local/state/holdpoint',
  );
});

test('lets others pass through, and closes keys and sockets', async () => {
  const path = join(root(), 'state');
  const state = await openStateDirectory(path);
  const mode = (at: string) => statSync(at).mode & 0o777;
  expect([mode(state.root), mode(state.keys), mode(state.run)]).toEqual([0o755, 0o700, 0o700]);
  chmodSync(state.keys, 0o755);
  expect((await openStateDirectory(path)).id).toBe(state.id);
  expect(mode(state.keys)).toBe(0o700);
});

test('does not take over a directory that holds something else', async () => {
  const path = root();
  writeFileSync(join(path, 'passwd'), 'x');
  chmodSync(path, 0o700);
  expect(await problemOfOpening(path)).toMatchObject({ kind: 'input', what: expect.stringContaining('passwd') });
  expect(statSync(path).mode & 0o777).toBe(0o700);
});

test('refuses a damaged version file and a newer layout, and changes nothing', async () => {
  const path = join(root(), 'state');
  await openStateDirectory(path);
  const file = join(path, 'holdpoint-state.json');
  for (const content of ['', '{', '[]', '{"layout":"1"}']) {
    writeFileSync(file, content);
    expect((await problemOfOpening(path)).what).toContain('damaged');
    expect(readFileSync(file, 'utf8')).toBe(content);
  }
  writeFileSync(file, '{"layout":99,"id":"x"}');
  expect((await problemOfOpening(path)).what).toContain('layout 99');
});

test('says what stands in the way', async () => {
  const path = root();
  writeFileSync(join(path, 'file'), '');
  expect(await problemOfOpening(join(path, 'file'))).toMatchObject({ kind: 'host', where: join(path, 'file') });
});

test("refuses to lie inside the app's working tree", () => {
  const tree = root();
  mkdirSync(join(tree, '.git'));
  mkdirSync(join(tree, 'services', 'app'), { recursive: true });
  const app = join(tree, 'services', 'app');
  expect(insideWorkingTree(join(tree, 'state'), app)?.kind).toBe('input');
  expect(insideWorkingTree(join(app, 'deep', 'state'), app)?.kind).toBe('input');
  expect(insideWorkingTree(tree, app)?.kind).toBe('input');
  expect(insideWorkingTree(`${tree}-state`, app)).toBeUndefined();
});
