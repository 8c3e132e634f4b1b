import picocolors from 'picocolors';
import { describe, expect, it } from 'vitest';
import { everyState, NOW, objective, planOf, Story, step } from '../../test/cli/toy-launch.ts';
import { absent, exactly } from '../evidence/measurement.ts';
import { hours, instant, minutes, seconds } from '../evidence/units.ts';
import type { BoardSettings, BoardView } from './board.ts';
import { board } from './board.ts';
import { width } from './text.ts';

const settings = (columns: number, more: Partial<BoardSettings> = {}): BoardSettings => ({
  columns,
  rows: Number.POSITIVE_INFINITY,
  colours: picocolors.createColors(false),
  unicode: true,
  prefix: 'holdpoint',
  ...more,
});
const text = (view: BoardView, columns: number, more: Partial<BoardSettings> = {}) =>
  `${board(view, settings(columns, more)).join('\n')}\n`;

describe('the board', () => {
  it.each([160, 120, 80])('shows every state at %i columns', async (columns) => {
    await expect(text(everyState(), columns)).toMatchFileSnapshot(`golden/board-${columns}.txt`);
  });

  it.each([
    [120, 30],
    [80, 24],
  ])('folds what needs no eye until it fits %i columns and %i rows', async (columns, rows) => {
    await expect(text(everyState(), columns, { rows })).toMatchFileSnapshot(`golden/board-${columns}x${rows}.txt`);
  });

  it('never is wider or higher than the terminal', () => {
    for (const columns of [40, 79, 99, 100, 101, 133, 200])
      for (const rows of [10, 24, 50]) {
        const lines = board(everyState(), settings(columns, { rows }));
        expect(lines.length).toBeLessThanOrEqual(rows);
        // A command that is to be typed stays whole.
        const widths = lines.filter((line) => !line.startsWith('    holdpoint')).map(width);
        expect(Math.max(...widths)).toBeLessThanOrEqual(columns);
      }
  });

  it('keeps the last lines when even the folded board is too high, because they say what to do', () => {
    const lines = board(everyState(), settings(80, { rows: 12 }));
    expect(lines.at(-1)).toBe(board(everyState(), settings(80)).at(-1));
    expect(lines.join('\n')).toContain('more lines: holdpoint status');
  });

  it('has marks without Unicode', () => {
    const lines = text(everyState(), 120, { unicode: false });
    expect(lines).toMatch(/ \+ health/);
    expect(lines).toMatch(/ x latency/);
    expect(lines).not.toMatch(/[✓✗↺◊▸·]/u);
  });

  it('colours words, and nothing else changes', () => {
    const coloured = board(everyState(), settings(120, { colours: picocolors.createColors(true) }));
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colour is written with them
    const plain = coloured.map((line) => line.replace(/\u001b\[\d+m/g, '').trimEnd()).join('\n');
    expect(`${plain}\n`).toBe(text(everyState(), 120));
  });
});

describe('the end of the board', () => {
  const a = step('A.1/a', { title: 'a step' });
  const end = (view: BoardView) => board(view, settings(120)).slice(-3);

  it('says that a launch on a shortened window is provisional', () => {
    expect(
      end(
        new Story()
          .opened(minutes(2))
          .ran('A.1/a')
          .closed()
          .view(planOf([a])),
      ),
    ).toEqual([
      'Window 2 m instead of 24 h: go-live is provisional, never confirmed',
      '1 passed, 0 failed, 0 unknown',
      'Launched, provisionally',
    ]);
  });

  it('says launched on the window that was planned', () => {
    expect(
      end(
        new Story()
          .opened(hours(24))
          .ran('A.1/a')
          .closed()
          .view(planOf([a])),
      ),
    ).toEqual(['Window 24 h, as planned', '1 passed, 0 failed, 0 unknown', 'Launched']);
  });

  it('does not say launched before the ledger does', () => {
    expect(
      end(
        new Story()
          .opened()
          .ran('A.1/a')
          .view(planOf([a])),
      ).at(-1),
    ).toBe('Every step has gone on');
  });

  it('is not green when nothing applies', () => {
    const off = step('A.1/a', { applies: { kind: 'not-applicable', because: 'no cache' } });
    expect(end(new Story().opened().view(planOf([off]))).at(-1)).toMatch(/nothing was shown, so nothing is green/);
  });

  it('says that a launch is held, and by what', () => {
    const view = new Story()
      .opened()
      .ran('A.1/a', { seen: absent('the series is not there') })
      .view(planOf([a]));
    const lines = text(view, 120);
    expect(lines).toContain('unknown  the series is not there, entry 2');
    expect(lines).toContain('holdpoint waive A.1/a --by NAME --reason TEXT');
    expect(lines).toContain('The launch is held');
  });
});

describe('a hold', () => {
  it('of a launch that is over has no commands that go on', () => {
    const story = new Story()
      .opened()
      .ran('A.1/a', { seen: exactly(1, 1) })
      .aborted();
    const lines = text(story.view(planOf([step('A.1/a')])), 120);
    expect(lines).toContain('Aborted by Ada (identity not verified): wrong release');
    expect(lines).toContain('holdpoint logs A.1/a --launch production-7');
    expect(lines).not.toContain('retry');
  });

  it('shows the first findings that miss, and how many more there are', () => {
    const five = Array.from({ length: 5 }, (_, i) => objective({ id: `o${i}`, metric: `m${i}` }));
    const view = new Story()
      .opened()
      .ran('A.1/a', { seen: exactly(0, 1) })
      .view(planOf([step('A.1/a', { objectives: five })]));
    const lines = text(view, 120);
    expect(lines.match(/never measured/g)).toHaveLength(3);
    expect(lines).toContain('and 2 more');
  });

  it('gives commands that work where holdpoint was called with options', () => {
    const view = new Story()
      .opened()
      .ran('A.1/a', { seen: exactly(1, 1) })
      .view(planOf([step('A.1/a')]));
    expect(text(view, 120, { prefix: "npx holdpoint --app 'my shop'" })).toContain(
      "npx holdpoint --app 'my shop' retry A.1/a --by NAME",
    );
  });

  it('does not let an app’s output act on the terminal', () => {
    const problem = { kind: 'app', what: 'said \u001b[2J\u0007boo\r', next: 'look' } as const;
    const story = new Story().opened().ran('A.1/a', { end: { kind: 'errored', problem } });
    expect(text(story.view(planOf([step('A.1/a')])), 120)).toContain('    said boo\n');
  });
});

describe('what keeps a launch from going on', () => {
  const view = new Story().opened().view(planOf([step('A.1/a')]));
  const problem = { kind: 'input', what: 'holdpoint.yaml has one error', next: 'mend the file' } as const;

  it('is shown with what to do', () => {
    expect(text({ ...view, problem }, 80)).toContain(
      'cannot go on by itself\n  holdpoint.yaml has one error\n    next:  mend',
    );
    expect(text({ ...view, faults: new Map([['A.1/a', problem]]) }, 80)).toContain('A.1/a cannot be carried out\n');
  });

  it('may be another step that uses the host', () => {
    expect(text({ ...view, waiting: new Map([['A.1/a', ['C.1/build']]]) }, 80)).toContain(
      '  · a  ready  host in use: C.1/build\n',
    );
  });
});

describe('a running step', () => {
  it('shows its time, what is usual, and the last line it said', () => {
    const view = new Story()
      .opened()
      .started('A.1/a', { at: instant(NOW - seconds(75)) })
      .view(planOf([step('A.1/a')]), [['A.1/a', 'sending 10,000 requests']]);
    expect(text(view, 80)).toContain('  ▸ a  running 1:15  of about 0:40\n    sending 10,000 requests\n');
  });
});
