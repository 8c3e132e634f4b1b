/** What a handler gives back; the server adds the security headers and writes it. */
export interface Response {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer;
}

export function json(status: number, value: unknown, headers: Record<string, string> = {}): Response {
  return {
    status,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers },
    body: `${JSON.stringify(value)}\n`,
  };
}

export function html(status: number, body: string): Response {
  return { status, headers: { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' }, body };
}

/** 303: the browser follows with a GET, so a reload of the next page does not send the form again. */
export function seeOther(location: string): Response {
  return { status: 303, headers: { location, 'cache-control': 'no-store' }, body: '' };
}

/** A refusal that a handler may throw from anywhere: its status, a stable code, and a sentence for people. */
export class HttpError extends Error {
  readonly status: number;
  readonly code: string;
  readonly fields: Readonly<Record<string, string>>;

  constructor(status: number, code: string, message: string, fields: Record<string, string> = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.fields = fields;
  }
}

export function errorBody(error: HttpError): Record<string, string> {
  return { error: error.code, message: error.message, ...error.fields };
}
