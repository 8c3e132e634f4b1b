import { expect, it } from 'vitest';
import { LiveArea } from './live-area.ts';

const area = () => {
  const written: string[] = [];
  const screen = { columns: 20 };
  const live = new LiveArea({ raw: (text) => written.push(text), columns: () => screen.columns });
  return { live, written, screen };
};

it('a picture replaces the one before in a single write', () => {
  const { live, written } = area();
  live.draw(['one', 'two']);
  live.draw(['three']);
  expect(written).toEqual(['\rone\u001b[K\ntwo\u001b[K\n\u001b[J', '\r\u001b[2Athree\u001b[K\n\u001b[J']);
});

it('a terminal that was made narrower has broken the lines that it shows', () => {
  const { live, written, screen } = area();
  live.draw(['x'.repeat(20), 'y']);
  screen.columns = 8;
  live.clear();
  expect(written.at(-1)).toBe('\r\u001b[4A\u001b[J');
});
