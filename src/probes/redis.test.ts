import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { freePort } from '../../test/servers/postgres.ts';
import { milliseconds, seconds } from '../evidence/units.ts';
import { talkToRedis } from './redis.ts';

const PASSWORD = 'open-sesame';
const AUTH = ['AUTH', PASSWORD];
let server: ChildProcess;
let port: number;
const talk = (...commands: string[][]) => talkToRedis({ host: '127.0.0.1', port }, commands, seconds(5));

beforeAll(async () => {
  port = await freePort();
  server = spawn('redis-server', ['-'], { stdio: ['pipe', 'ignore', 'ignore'] });
  server.stdin?.end(`bind 127.0.0.1\nport ${port}\nrequirepass ${PASSWORD}\nsave ""\n`);
  await vi.waitFor(async () => expect((await talk(['PING'])).kind).toBe('answered'), { timeout: 10_000 });
});
afterAll(async () => {
  server.kill();
  if (server.exitCode === null) await once(server, 'exit');
});

describe('a conversation with a Redis', () => {
  it('hears a reply to each command, of every kind', async () => {
    const text = 'two lines\r\nand a ü';
    expect(
      await talk(AUTH, ['SET', 'a', text], ['GET', 'a'], ['GET', 'b'], ['DEL', 'a'], ['CONFIG', 'GET', 'save']),
    ).toEqual({
      kind: 'answered',
      replies: [
        { kind: 'value', value: 'OK' },
        { kind: 'value', value: 'OK' },
        { kind: 'value', value: text },
        { kind: 'nothing' },
        { kind: 'value', value: '1' },
        {
          kind: 'list',
          items: [
            { kind: 'value', value: 'save' },
            { kind: 'value', value: '' },
          ],
        },
      ],
    });
  });

  it('hears refusals as such, and goes on', async () => {
    expect(await talk(['PING'], ['AUTH', 'wrong'], AUTH, ['PING'])).toMatchObject({
      replies: [
        { kind: 'refused', reason: expect.stringContaining('NOAUTH') },
        { kind: 'refused', reason: expect.stringContaining('WRONGPASS') },
        { kind: 'value', value: 'OK' },
        { kind: 'value', value: 'PONG' },
      ],
    });
  });

  it('takes replies that come in many pieces', async () => {
    const long = 'x'.repeat(3_000_000);
    expect(await talk(AUTH, ['SET', 'long', long], ['GET', 'long'], ['DEL', 'long'])).toMatchObject({
      replies: [{}, {}, { kind: 'value', value: long }, { kind: 'value', value: '1' }],
    });
  });

  it('says why there is no answer: nobody there, silence, another protocol', async () => {
    const nobody = await freePort();
    expect(await talkToRedis({ host: '127.0.0.1', port: nobody }, [['PING']], seconds(5))).toMatchObject({
      kind: 'unanswered',
      reason: expect.stringContaining('ECONNREFUSED'),
    });
    const answers: readonly [string, RegExp][] = [
      ['', /^no answer within 300 ms$/],
      ['HTTP/1.1 400 Bad Request\r\n\r\n', /no Redis/],
      ['$many\r\n', /no Redis/],
    ];
    for (const [answer, reason] of answers) {
      const other = await serving(answer);
      const address = other.address();
      const at = typeof address === 'object' && address !== null ? address.port : 0;
      expect(await talkToRedis({ host: '127.0.0.1', port: at }, [['PING']], milliseconds(300))).toEqual({
        kind: 'unanswered',
        reason: expect.stringMatching(reason),
      });
      other.close();
    }
  });
});

async function serving(answer: string): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', () => socket.write(answer));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}
