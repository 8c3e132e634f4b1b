import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { envFile } from './env-file.ts';
import { interpolated, soleVariable } from './interpolation.ts';

const VALUES: Readonly<Record<string, string>> = { SET: 'value', EMPTY: '', NUMBER: '5432' };
const lookup = (name: string) => (Object.hasOwn(VALUES, name) ? VALUES[name] : undefined);

/* biome-ignore-start lint/suspicious/noTemplateCurlyInString: Compose's own notation */
describe('interpolated', () => {
  it.each([
    ['a $SET b', 'a value b'],
    ['${SET}s', 'values'],
    ['$SETS', ''],
    ['port:$NUMBER/tcp', 'port:5432/tcp'],
    ['${UNSET:-default}', 'default'],
    ['${EMPTY:-default}', 'default'],
    ['${EMPTY-default}', ''],
    ['${UNSET-default}', 'default'],
    ['${SET:-default}', 'value'],
    ['${SET:+there}', 'there'],
    ['${EMPTY:+there}', ''],
    ['${EMPTY+there}', 'there'],
    ['${UNSET+there}', ''],
    ['${SET:?missing}', 'value'],
    ['${UNSET:-${SET}}', 'value'],
    ['${UNSET:-${EMPTY:-${NUMBER}}}!', '5432!'],
    ['${UNSET:-{"a":1}}', '{"a":1}'],
    ['$$SET', '$SET'],
    ['$${SET}', '${SET}'],
    ['cost: 5$', 'cost: 5$'],
    ['a $ b $1', 'a $ b $1'],
    ['${UNSET:-postgres://u:p@h/d?x=1}', 'postgres://u:p@h/d?x=1'],
  ])('%s', (given, text) => {
    expect(interpolated(given, lookup).text).toBe(text);
  });

  it.each([
    ['$UNSET', [{ kind: 'unset', variable: 'UNSET' }]],
    ['${UNSET}', [{ kind: 'unset', variable: 'UNSET' }]],
    ['${EMPTY:?give one}', [{ kind: 'required', variable: 'EMPTY', message: 'give one' }]],
    ['${EMPTY?give one}', []],
    ['${UNSET?}', [{ kind: 'required', variable: 'UNSET', message: '' }]],
    ['${SET', [{ kind: 'malformed' }]],
    ['${SET/a/b}', [{ kind: 'malformed' }]],
    ['${}', [{ kind: 'malformed' }]],
    ['${SET:-$UNSET}', []],
  ])('says what is missing in %s', (given, faults) => {
    expect(interpolated(given, lookup).faults).toEqual(faults);
  });

  it('leaves any text as it was whose dollars are doubled', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(interpolated(text.replaceAll('$', '$$$$'), () => 'never')).toEqual({ text, faults: [] });
      }),
    );
  });

  it('finds any value again, however it is written and whatever stands around it', () => {
    const name = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,8}$/);
    const around = fc.string().map((text) => text.replaceAll('$', ''));
    const form = fc.constantFrom(
      (n: string) => `\${${n}}`,
      (n: string) => `\${${n}-other}`,
      (n: string) => `\${${n}?needed}`,
      (n: string) => `\${UNSET_${n}-\${${n}}}`,
      (n: string) => `\${${n}+\${${n}}}`,
    );
    fc.assert(
      fc.property(name, fc.string(), around, around, form, (n, value, before, after, written) => {
        const found = interpolated(`${before}${written(n)}${after}`, (asked) => (asked === n ? value : undefined));
        expect(found).toEqual({ text: `${before}${value}${after}`, faults: [] });
      }),
    );
  });

  it('never throws, and ends, whatever it is given', () => {
    const piece = fc.constantFrom('$', '{', '}', '${', ':-', ':?', '+', 'A', '$$', ' ');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
        expect(typeof interpolated(pieces.join(''), () => undefined).text).toBe('string');
      }),
    );
  });
});

it.each([
  ['$SECRET', 'SECRET'],
  ['${SECRET}', 'SECRET'],
  ['${SECRET:?set it}', 'SECRET'],
  ['${SECRET:-default}', undefined],
  ['x$SECRET', undefined],
])('soleVariable of %s', (raw, name) => {
  expect(soleVariable(raw)).toBe(name);
});

it('envFile reads what people write into .env', () => {
  const text = [
    '# a comment',
    'PLAIN=one two # trailing',
    'HASH=a#b',
    "export SINGLE='$PLAIN #1'",
    'DOUBLE="line\\nwith ${PLAIN} and \\"quotes\\""',
    'EMPTY=',
    'SPACED = x',
    'WITHOUT_VALUE',
    'LATER=${PLAIN}/${OUTER}',
    'PEM="-----BEGIN X-----',
    'abc"',
  ].join('\r\n');
  expect(Object.fromEntries(envFile(text, new Map([['OUTER', 'out']])))).toEqual({
    PLAIN: 'one two',
    HASH: 'a#b',
    SINGLE: '$PLAIN #1',
    DOUBLE: 'line\nwith one two and "quotes"',
    EMPTY: '',
    SPACED: 'x',
    LATER: 'one two/out',
    PEM: '-----BEGIN X-----\r\nabc',
  });
});
/* biome-ignore-end lint/suspicious/noTemplateCurlyInString: Compose's own notation */
