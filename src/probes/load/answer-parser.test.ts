import { describe, expect, it } from 'vitest';
import { AnswerParser, type ParseStep } from './answer-parser.ts';

/** Feeds the answer in pieces of `size` bytes; returns the last step and how many bytes it took. */
function parse(answer: string, method = 'GET', size = answer.length) {
  const parser = new AnswerParser();
  parser.expect(method);
  let step: ParseStep = 'more to come';
  let at = 0;
  while (at < answer.length && step === 'more to come') {
    step = parser.push(Buffer.from(answer.slice(at, at + size), 'latin1'));
    at += size;
  }
  return { step, status: parser.status, keepsConnection: parser.keepsConnection, parser };
}

const ANSWERS = {
  'a length': 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello',
  'no body': 'HTTP/1.1 204 No Content\r\n\r\n',
  'a length of 0': 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n',
  chunks: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\nA\r\n0123456789\r\n0\r\n\r\n',
  'chunks and a trailer': 'HTTP/1.1 200 OK\r\ntransfer-encoding:chunked\r\n\r\n1\r\na\r\n0\r\nX: y\r\n\r\n',
  'an interim answer before': 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx',
};

describe('an answer', () => {
  it.each(Object.entries(ANSWERS))(
    'with %s is complete at its last byte, however it is cut into pieces',
    (_name, answer) => {
      for (let size = 1; size <= answer.length; size += 1) {
        expect(parse(answer, 'GET', size), `pieces of ${size}`).toMatchObject({
          step: 'complete',
          keepsConnection: true,
        });
      }
      for (let end = 1; end < answer.length; end += 1) expect(parse(answer.slice(0, end)).step).toBe('more to come');
    },
  );

  it('to HEAD has no body, whatever its length says', () => {
    expect(parse('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n', 'HEAD').step).toBe('complete');
  });

  it('without a length lasts until the server closes', () => {
    const { step, keepsConnection, parser } = parse('HTTP/1.1 200 OK\r\n\r\nsome');
    expect({ step, keepsConnection, closed: parser.close() }).toEqual({
      step: 'more to come',
      keepsConnection: false,
      closed: 'complete',
    });
    expect(parse('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell').parser.close()).toBe('more to come');
  });

  it('gives the connection up when it says so, is HTTP/1.0, or is followed by bytes that nobody asked for', () => {
    expect(parse('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n').keepsConnection).toBe(false);
    expect(parse('HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n').keepsConnection).toBe(false);
    expect(parse(`${ANSWERS['a length']}more`)).toMatchObject({ step: 'complete', keepsConnection: false });
  });

  it.each([
    'SSH-2.0-OpenSSH\r\n',
    'HTTP/2 200\r\n\r\n',
    'HTTP/1.1 abc\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
    'HTTP/1.1 101 Switching Protocols\r\n\r\n',
  ])('%j is not HTTP', (answer) => {
    expect(parse(answer).step).toBe('not HTTP');
  });
});
