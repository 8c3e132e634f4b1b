import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitCommand } from './command.ts';

describe('splitCommand', () => {
  it.each([
    ['npm run build', ['npm', 'run', 'build']],
    ['  npm   test\n', ['npm', 'test']],
    [`node -e 'console.log("$HOME | *")'`, ['node', '-e', 'console.log("$HOME | *")']],
    ['run "a b" c\\ d \'\'', ['run', 'a b', 'c d', '']],
    ['run "say \\"yes\\"" "C:\\temp"', ['run', 'say "yes"', 'C:\\temp']],
    ["it's'a'word", undefined],
    ['run a"b"\'c\'d', ['run', 'abcd']],
  ])('%s', (text, words) => {
    const split = splitCommand(text);
    expect(split.kind === 'command' ? split.command : undefined).toEqual(words);
  });

  it.each([
    ['a | b', 'a pipe at character 3'],
    ['a > b', 'a redirection at character 3'],
    ['a & b', 'an `&` at character 3'],
    ['a; b', 'a `;` at character 2'],
    ['a "$B"', 'a shell variable at character 4'],
    ['a `b`', 'a backquote at character 3'],
    ['a *.js', 'a file pattern at character 3'],
    ['a ~/b', 'a `~` at character 3'],
    ['(a)', 'a bracket at character 1'],
    ['a\nb', 'a second line at character 2'],
    ['a \\', 'a backslash that escapes nothing at character 3'],
    ['B=1 a', 'a variable before the program'],
    ['', 'no program'],
    ["''", 'no program'],
  ])('refuses %j', (text, found) => {
    expect(splitCommand(text)).toMatchObject({ kind: 'refused', found });
  });

  it('gives back any words that were put into single quotes', () => {
    const word = fc.string().filter((text) => !text.includes("'"));
    fc.assert(
      fc.property(fc.array(word), (words) => {
        const text = ['program', ...words.map((w) => `'${w}'`)].join(' ');
        expect(splitCommand(text)).toEqual({ kind: 'command', command: ['program', ...words] });
      }),
    );
  });
});
