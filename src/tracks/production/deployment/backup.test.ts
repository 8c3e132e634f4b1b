import { describe, expect, it } from 'vitest';
import { compared } from './backup.ts';

const table = (name: string, rows: number, sum = `${rows}/${rows}`) => ({ table: name, rows, sum });
const letters = table('public.letters', 10);

describe('a restored copy beside a database at rest', () => {
  it('holds the same rows', () => {
    const { observed, note } = compared([letters], [letters], [letters]);
    expect(observed).toMatchObject({ value: 0, interval: [0, 0], n: 1 });
    expect(note).toBe('1 tables with 10 rows are the same on both sides');
  });

  it('is damaged by a lacking row, by other content and by a lacking or additional table', () => {
    for (const copy of [
      [table('public.letters', 9)],
      [table('public.letters', 10, '1/1')],
      [],
      [letters, table('x', 0)],
    ])
      expect(compared([letters], [letters], copy).observed).toMatchObject({ value: 1, n: 1 });
  });

  it('is as empty as the database of a first launch', () => {
    expect(compared([], [], []).observed).toMatchObject({ value: 0, n: 1 });
    expect(compared([], [], [letters]).observed).toMatchObject({ value: 1 });
  });
});

describe('a restored copy beside a database that is written to', () => {
  const later = table('public.letters', 12);

  it('holds every row that was counted, and says that counts were compared', () => {
    const { observed, note } = compared([letters], [later], [table('public.letters', 11)]);
    expect(observed).toMatchObject({ value: 0, n: 1 });
    expect(note).toMatch(/only counts were compared/);
  });

  it('is short of rows or of a table', () => {
    expect(compared([letters], [later], [table('public.letters', 9)]).observed).toMatchObject({ value: 1 });
    expect(compared([letters], [later], []).observed).toMatchObject({ value: 1 });
  });

  it('tells nothing by fewer rows where rows are deleted', () => {
    const { observed } = compared([letters], [table('public.letters', 5)], [table('public.letters', 7)]);
    expect(observed).toMatchObject({ kind: 'absent' });
  });

  it('tells nothing where nothing was counted', () => {
    expect(compared([], [letters], [letters]).observed).toMatchObject({ kind: 'absent' });
  });
});
