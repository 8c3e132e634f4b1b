import { describe, expect, it } from 'vitest';
import { cut, harmless, sideBySide, table, width, wrap } from './text.ts';

describe('the width of a text', () => {
  it('counts columns, not characters', () => {
    expect(width('abc')).toBe(3);
    expect(width('\u001b[31mabc\u001b[39m')).toBe(3);
    expect(width('在庫')).toBe(4);
    expect(width('e\u0301')).toBe(1);
  });
});

describe('cutting', () => {
  it('leaves what fits and marks what was cut', () => {
    expect(cut('latency', 7)).toBe('latency');
    expect(cut('latency', 6)).toBe('laten…');
    expect(cut('在庫管理', 5)).toBe('在庫…');
    expect(cut('latency', 0)).toBe('');
  });
});

describe('wrapping', () => {
  it('breaks at spaces, and within a word only where it must', () => {
    expect(wrap('one two three four', 9)).toEqual(['one two', 'three', 'four']);
    expect(wrap('sha256:0123456789abcdef end', 10)).toEqual(['sha256:012', '3456789abc', 'def end']);
    expect(wrap('', 10)).toEqual([]);
  });
});

describe('blocks side by side', () => {
  it('are padded to their width and as high as the highest', () => {
    expect(sideBySide([['a', 'b'], ['c']], 3, 2)).toEqual(['a    c', 'b']);
  });
});

describe('a table', () => {
  it('aligns its columns', () => {
    expect(
      table([
        ['a', 'long', 'x'],
        ['long', 'a', ''],
      ]),
    ).toEqual(['a     long  x', 'long  a']);
  });
});

describe('text from outside', () => {
  it('cannot act on the terminal', () => {
    expect(harmless('a\u001b]0;title\u0007b\u001b[2Jc\td\r\u009be')).toBe('abc  de');
  });
});
