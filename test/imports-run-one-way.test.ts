import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const src = fileURLToPath(new URL('../src', import.meta.url));

/** From the pure core outwards; a room may import rooms of a lower floor, and its own. */
const FLOORS: readonly (readonly string[])[] = [
  ['evidence'],
  ['config'],
  ['plan'],
  ['hosts'],
  ['runtimes', 'ledger'],
  ['parts', 'probes', 'engine'],
  ['releases', 'drafting'],
  ['environments'],
  ['deliverables'],
  ['tracks'],
  ['server'],
  ['cli'],
];
const floorOf = (room: string) => FLOORS.findIndex((rooms) => rooms.includes(room));

type Import = { readonly from: string; readonly to: string };

function imports(): Import[] {
  const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter(
    (f) => f.endsWith('.ts') && !f.endsWith('.test.ts') && !f.includes('forgeries'),
  );
  return files.flatMap((from) =>
    [...readFileSync(join(src, from), 'utf8').matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map(([, to]) => ({
      from,
      to: relative(src, resolve(src, dirname(from), to ?? '')),
    })),
  );
}

const room = (path: string) => path.split('/')[0] ?? '';

describe('imports', () => {
  const all = imports();

  it('are found at all', () => {
    expect(all.length).toBeGreaterThan(20);
  });

  it('stay within known rooms', () => {
    const unknown = all.filter(({ from }) => floorOf(room(from)) === -1);
    expect(unknown).toEqual([]);
  });

  it('run from outer rooms to inner ones only', () => {
    const wrong = all.filter(({ from, to }) => {
      if (room(from) === room(to)) return false;
      return !(floorOf(room(to)) < floorOf(room(from)));
    });
    expect(wrong).toEqual([]);
  });

  it('never lead from one track to another', () => {
    const track = (path: string) => /^tracks\/(production|staging|enhancements)\//.exec(path)?.[1];
    const crossing = all.filter(({ from, to }) => {
      const [a, b] = [track(from), track(to)];
      return a !== undefined && b !== undefined && a !== b;
    });
    expect(crossing).toEqual([]);
  });

  it('leave the pure rooms without sockets, files or processes', () => {
    const impure = ['evidence', 'plan'].flatMap((pure) =>
      readdirSync(join(src, pure), { encoding: 'utf8' })
        .filter((f) => f.endsWith('.ts') && !f.endsWith('.test.ts'))
        .filter((f) =>
          /from 'node:(fs|net|http|https|child_process|tls|dgram)/.test(readFileSync(join(src, pure, f), 'utf8')),
        ),
    );
    expect(impure).toEqual([]);
  });
});
