import type { FastifyReply } from 'fastify';

/** More than this not yet read by a client that does not keep up: it is cut off, and may ask again. */
const MOST_BEHIND = 8 * 1024 * 1024;

export type LineStream = {
  send(line: object): void;
  end(): void;
  /** Called once when the other side has gone. */
  onGone(done: () => void): void;
};

/** Answers with one JSON object a line (application/x-ndjson), for as long as it takes. */
export function lineStream(reply: FastifyReply): LineStream {
  reply.hijack();
  const out = reply.raw;
  out.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' });
  out.flushHeaders();
  out.on('error', () => undefined);
  return {
    send: (line) => {
      if (out.destroyed || out.writableEnded) return;
      out.write(`${JSON.stringify(line)}\n`);
      if (out.writableLength > MOST_BEHIND) out.destroy();
    },
    end: () => out.end(),
    onGone: (done) => {
      if (out.destroyed) done();
      else out.once('close', done);
    },
  };
}
