import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const path = (relative: string) => fileURLToPath(new URL(`../${relative}`, import.meta.url));
const map = readFileSync(path('ARCHITECTURE.md'), 'utf8');
const named = [...map.replace(/^```[\s\S]*?^```$/gm, '').matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code);

describe('ARCHITECTURE.md', () => {
  it('gives a reason for each dependency, and for none that is not there', () => {
    const { dependencies } = JSON.parse(readFileSync(path('package.json'), 'utf8')) as { dependencies: object };
    const [, section = ''] = map.split('## The parts it stands on');
    const reasons = [...section.matchAll(/^\| (`.*?) \|/gm)].flatMap(([, cell = '']) =>
      [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name),
    );
    const covers = (reason: string, name: string) =>
      reason.endsWith('*') ? name.startsWith(reason.slice(0, -1)) : reason === name;
    const all = Object.keys(dependencies);
    expect(all.filter((name) => !reasons.some((reason) => covers(reason, name)))).toEqual([]);
    expect(reasons.filter((reason) => !all.some((name) => covers(reason, name)))).toEqual([]);
  });

  it('names each room', () => {
    const rooms = readdirSync(path('src'), { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? entry.name : [],
    );
    expect(rooms.filter((room) => !named.includes(`${room}/`))).toEqual([]);
  });

  it('leads to files and folders that are there', () => {
    const files = named.filter((name) => /^(src|test|docs|bench|examples)\//.test(name));
    expect(files.length).toBeGreaterThan(10);
    expect(files.filter((file) => !existsSync(path(file)))).toEqual([]);
  });
});
