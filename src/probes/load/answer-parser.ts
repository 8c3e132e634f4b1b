/** What a piece of bytes did to the answer under way. */
export type ParseStep = 'more to come' | 'complete' | 'not HTTP';

type Framing =
  | { readonly kind: 'head' }
  | { readonly kind: 'length'; left: number }
  | { readonly kind: 'chunk size'; line: string }
  | { readonly kind: 'chunk'; left: number }
  | { readonly kind: 'trailer'; line: string }
  | { readonly kind: 'until close' }
  | { readonly kind: 'complete' };

const HEAD_LIMIT = 65_536;
const STATUS_LINE = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: |$)/;
const CHUNK_SIZE = /^([0-9A-Fa-f]{1,12})[ \t]*(?:;.*)?$/;

/**
 * Finds where HTTP/1.1 answers begin and end (RFC 9112, sections 4 to 7) and keeps their status; bodies are not kept.
 * Node's own client takes two to three times the CPU for this, which on a machine shared with the server is the server's.
 */
export class AnswerParser {
  status = 0;
  /** Whether the connection may carry another request after this answer. */
  keepsConnection = true;
  #head = '';
  #framing: Framing = { kind: 'head' };
  #method = 'GET';

  /** Expects the answer to a request of `method`. */
  expect(method: string): void {
    this.status = 0;
    this.keepsConnection = true;
    this.#head = '';
    this.#framing = { kind: 'head' };
    this.#method = method;
  }

  get began(): boolean {
    return this.status !== 0;
  }

  /** The server closed: complete only if this answer was to last until then. */
  close(): ParseStep {
    return this.#framing.kind === 'until close' || this.#framing.kind === 'complete' ? 'complete' : 'more to come';
  }

  push(bytes: Buffer): ParseStep {
    let at = 0;
    while (at < bytes.length) {
      switch (this.#framing.kind) {
        case 'head': {
          const next = this.#readHead(bytes, at);
          if (next === 'not HTTP') return next;
          at = next;
          break;
        }
        case 'length':
        case 'chunk': {
          const used = Math.min(this.#framing.left, bytes.length - at);
          this.#framing.left -= used;
          at += used;
          if (this.#framing.left > 0) break;
          // The CRLF that ends a chunk was counted with it.
          this.#framing = this.#framing.kind === 'length' ? { kind: 'complete' } : { kind: 'chunk size', line: '' };
          break;
        }
        case 'chunk size':
        case 'trailer': {
          const next = this.#readLine(bytes, at);
          if (next === 'not HTTP') return next;
          at = next;
          break;
        }
        case 'until close':
          return 'more to come';
        case 'complete':
          // Bytes that nobody asked for: they would be taken for the next answer.
          this.keepsConnection = false;
          return 'complete';
      }
    }
    return this.#framing.kind === 'complete' ? 'complete' : 'more to come';
  }

  #readHead(bytes: Buffer, at: number): number | 'not HTTP' {
    const before = this.#head.length;
    this.#head += bytes.toString('latin1', at, Math.min(bytes.length, at + HEAD_LIMIT - before));
    const end = this.#head.indexOf('\r\n\r\n', Math.max(0, before - 3));
    if (end < 0) {
      const begins = this.#head.slice(0, 5);
      if (!'HTTP/'.startsWith(begins) || this.#head.length >= HEAD_LIMIT) return 'not HTTP';
      return bytes.length;
    }
    const framing = this.#frame(this.#head.slice(0, end));
    this.#head = '';
    if (framing === 'not HTTP') return framing;
    this.#framing = framing;
    return at + end + 4 - before;
  }

  /** How the body ends, from the head (RFC 9112, section 6.3). */
  #frame(head: string): Framing | 'not HTTP' {
    const statusLine = STATUS_LINE.exec(head);
    if (statusLine === null) return 'not HTTP';
    const status = Number(statusLine[2]);
    // An interim answer precedes the real one; nobody asked for a change of protocol.
    if (status === 101) return 'not HTTP';
    if (status < 200) return { kind: 'head' };
    this.status = status;
    const contentLength = fieldValue(head, 'content-length');
    const transferEncoding = fieldValue(head, 'transfer-encoding')?.toLowerCase();
    const connection = fieldValue(head, 'connection')?.toLowerCase() ?? '';
    this.keepsConnection = statusLine[1] === '1' ? !connection.includes('close') : connection.includes('keep-alive');
    if (this.#method === 'HEAD' || status === 204 || status === 304) return { kind: 'complete' };
    if (transferEncoding !== undefined) {
      if (transferEncoding.endsWith('chunked')) return { kind: 'chunk size', line: '' };
      this.keepsConnection = false;
      return { kind: 'until close' };
    }
    if (contentLength === undefined) {
      this.keepsConnection = false;
      return { kind: 'until close' };
    }
    if (!/^\d{1,15}$/.test(contentLength)) return 'not HTTP';
    return contentLength === '0' ? { kind: 'complete' } : { kind: 'length', left: Number(contentLength) };
  }

  #readLine(bytes: Buffer, at: number): number | 'not HTTP' {
    if (this.#framing.kind !== 'chunk size' && this.#framing.kind !== 'trailer') return at;
    const newline = bytes.indexOf(10, at);
    const end = newline < 0 ? bytes.length : newline + 1;
    this.#framing.line += bytes.toString('latin1', at, end);
    if (this.#framing.line.length > HEAD_LIMIT) return 'not HTTP';
    if (newline < 0) return end;
    const line = this.#framing.line.replace(/\r?\n$/, '');
    if (this.#framing.kind === 'trailer') {
      this.#framing = line === '' ? { kind: 'complete' } : { kind: 'trailer', line: '' };
      return end;
    }
    const size = CHUNK_SIZE.exec(line)?.[1];
    if (size === undefined) return 'not HTTP';
    const length = Number.parseInt(size, 16);
    this.#framing = length === 0 ? { kind: 'trailer', line: '' } : { kind: 'chunk', left: length + 2 };
    return end;
  }
}

/** The value of a header field in a raw head, found without splitting all of it. */
function fieldValue(head: string, name: string): string | undefined {
  let lineEnd = head.indexOf('\r\n');
  while (lineEnd >= 0) {
    const start = lineEnd + 2;
    lineEnd = head.indexOf('\r\n', start);
    if (head[start + name.length] !== ':') continue;
    if (head.slice(start, start + name.length).toLowerCase() !== name) continue;
    return head.slice(start + name.length + 1, lineEnd < 0 ? undefined : lineEnd).trim();
  }
  return undefined;
}
