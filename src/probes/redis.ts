import { connect } from 'node:net';
import type { Milliseconds } from '../evidence/units.ts';
import type { Address } from '../hosts/host.ts';

/** What a Redis says to one command. */
export type RedisReply =
  | { readonly kind: 'value'; readonly value: string }
  | { readonly kind: 'nothing' }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'list'; readonly items: readonly RedisReply[] };

/** One conversation: as many replies as there were commands, or why there are not. */
export type RedisTalk =
  | { readonly kind: 'answered'; readonly replies: readonly RedisReply[] }
  | { readonly kind: 'unanswered'; readonly reason: string };

/**
 * Sends commands on one connection and hears what is said to each (RESP2, redis.io/docs/latest/develop/reference/protocol-spec).
 * Replies are held as text of UTF-8.
 */
export function talkToRedis(
  { host, port }: Address,
  commands: readonly (readonly string[])[],
  timeLimit: Milliseconds,
): Promise<RedisTalk> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    let heard = Buffer.alloc(0);
    let reason = 'the connection was closed';
    const done = (talk: RedisTalk) => {
      clearTimeout(limit);
      resolve(talk);
      socket.destroy();
    };
    const limit = setTimeout(() => done({ kind: 'unanswered', reason: `no answer within ${timeLimit} ms` }), timeLimit);
    socket.on('error', (error) => {
      reason = error.message;
    });
    socket.on('close', () => done({ kind: 'unanswered', reason }));
    socket.on('connect', () => socket.write(commands.map(wire).join('')));
    socket.on('data', (chunk) => {
      heard = Buffer.concat([heard, chunk]);
      const replies = readReplies(heard);
      if (replies === 'no redis') done({ kind: 'unanswered', reason: 'what answers there is no Redis' });
      else if (replies.length >= commands.length) done({ kind: 'answered', replies });
    });
  });
}

const wire = (words: readonly string[]): string =>
  `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`;

/** Every reply that is there in full. */
function readReplies(heard: Buffer): readonly RedisReply[] | 'no redis' {
  const replies: RedisReply[] = [];
  let from = 0;
  while (from < heard.length) {
    const next = readReply(heard, from);
    if (next === 'more') break;
    if (next === 'no redis') return next;
    replies.push(next.reply);
    from = next.end;
  }
  return replies;
}

type Read = { readonly reply: RedisReply; readonly end: number };

function readReply(heard: Buffer, from: number): Read | 'more' | 'no redis' {
  const line = heard.indexOf('\r\n', from);
  if (line < 0) return heard.length - from > LONGEST_LINE ? 'no redis' : 'more';
  const rest = heard.toString('utf8', from + 1, line);
  const end = line + 2;
  switch (heard.toString('latin1', from, from + 1)) {
    case '+':
    case ':':
      return { reply: { kind: 'value', value: rest }, end };
    case '-':
      return { reply: { kind: 'refused', reason: rest }, end };
    case '$':
      return readBulk(heard, end, Number(rest));
    case '*':
      return readList(heard, end, Number(rest));
    default:
      return 'no redis';
  }
}

const LONGEST_LINE = 65_536;

function readBulk(heard: Buffer, from: number, length: number): Read | 'more' | 'no redis' {
  if (!Number.isInteger(length)) return 'no redis';
  if (length < 0) return { reply: { kind: 'nothing' }, end: from };
  if (heard.length < from + length + 2) return 'more';
  return { reply: { kind: 'value', value: heard.toString('utf8', from, from + length) }, end: from + length + 2 };
}

function readList(heard: Buffer, from: number, length: number): Read | 'more' | 'no redis' {
  if (!Number.isInteger(length)) return 'no redis';
  if (length < 0) return { reply: { kind: 'nothing' }, end: from };
  const items: RedisReply[] = [];
  let end = from;
  while (items.length < length) {
    const next = readReply(heard, end);
    if (typeof next === 'string') return next;
    items.push(next.reply);
    end = next.end;
  }
  return { reply: { kind: 'list', items }, end };
}
