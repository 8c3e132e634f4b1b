import { describe, expect, it } from 'vitest';
import { checkpointText, openCheckpoint, parseCheckpoint, signCheckpoint } from './checkpoint.ts';
import { EMPTY_ROOT } from './merkle.ts';
import { parseNote, signerKey } from './note.ts';

/** The example of C2SP tlog-checkpoint. */
const EXAMPLE = `example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
`;

describe('a checkpoint', () => {
  it('reads the example of the specification, and writes it again', () => {
    const note = parseNote(EXAMPLE);
    if (note.kind === 'unreadable') throw new Error(note.because);
    const read = parseCheckpoint(note.value.text);
    if (read.kind === 'unreadable') throw new Error(read.because);
    expect(read.value).toMatchObject({ origin: 'example.com/behind-the-sofa', size: 20852163 });
    expect(checkpointText(read.value)).toBe(note.value.text);
  });

  it('is opened with the key that signed it, and with no other', () => {
    const own = signerKey('holdpoint/here/1', Buffer.alloc(32, 1));
    const other = signerKey('holdpoint/here/1', Buffer.alloc(32, 2));
    const checkpoint = { origin: own.verifier.name, size: 0, root: EMPTY_ROOT };
    const signed = signCheckpoint(checkpoint, own);
    expect(openCheckpoint(signed, [own.verifier])).toEqual({ kind: 'read', value: checkpoint });
    expect(openCheckpoint(signed, [other.verifier]).kind).toBe('unreadable');
    expect(openCheckpoint(signed.replace('\n0\n', '\n1\n'), [own.verifier]).kind).toBe('unreadable');
  });

  const root = EMPTY_ROOT.toString('base64');
  it.each([
    '',
    '\n',
    `\n1\n${root}\n`,
    `a\n01\n${root}\n`,
    `a\n-1\n${root}\n`,
    `a\n1e3\n${root}\n`,
    `a\n99999999999999999999\n${root}\n`,
    'a\n1\nAAAA\n',
    `a\n1\n${root}`,
    `a\n1\n${root}\n\nextension\n`,
  ])('is never read from %j', (text) => expect(parseCheckpoint(text).kind).toBe('unreadable'));

  it('may carry extension lines', () => {
    expect(parseCheckpoint(`a\n1\n${root}\nextension\n`).kind).toBe('read');
  });
});
