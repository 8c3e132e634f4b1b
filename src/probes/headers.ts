import type { IncomingHttpHeaders } from 'node:http';
import { type HttpObservation, type HttpTarget, observe } from './http.ts';

export type HeaderState = 'met' | 'missing' | 'weak';

/** One response header held against what the OWASP Secure Headers Project asks of it. */
export interface HeaderFinding {
  readonly header: string;
  readonly requirement: string;
  /** The value that was sent; `none` when the header was not there. */
  readonly observed: string;
  readonly state: HeaderState;
}

export type HeadersObservation =
  | { readonly kind: 'observed'; readonly request: HttpObservation; readonly findings: readonly HeaderFinding[] }
  | { readonly kind: 'cannot tell'; readonly reason: string };

/** Observes the response headers at `path`, which should be one of the app's pages. */
export async function observeHeaders(
  target: HttpTarget,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<HeadersObservation> {
  const request = await observe(target, { method: 'GET', path, headers });
  const { exchange } = request;
  if (exchange.end !== 'answered') return { kind: 'cannot tell', reason: `${exchange.reason}: ${exchange.detail}` };
  if (exchange.status >= 400)
    return {
      kind: 'cannot tell',
      reason: `${request.url} answers ${exchange.status}: its headers are not those of a page`,
    };
  const isTls = new URL(target.baseUrl).protocol === 'https:';
  return { kind: 'observed', request, findings: headerFindings(exchange.headers, isTls ? 'https' : 'http') };
}

interface Requirement {
  readonly header: string;
  readonly requirement: string;
  judge(value: string | undefined, all: IncomingHttpHeaders, scheme: 'https' | 'http'): HeaderState;
}

const ONE_YEAR_S = 31_536_000;
const STRICT_REFERRER = ['no-referrer', 'same-origin', 'strict-origin', 'strict-origin-when-cross-origin'];

// Sources: OWASP Secure Headers Project, "Response Headers" and "Prevent information disclosure via HTTP headers";
// RFC 6797 for HSTS (a browser ignores it over plain HTTP); CSP Level 3 for frame-ancestors.
const REQUIREMENTS: readonly Requirement[] = [
  {
    header: 'strict-transport-security',
    requirement: `over TLS, max-age of at least ${ONE_YEAR_S} (a year) with includeSubDomains`,
    judge: (value, _all, scheme) => {
      if (value === undefined) return 'missing';
      const maxAge = Number(/max-age\s*=\s*"?(\d+)/i.exec(value)?.[1] ?? 0);
      return scheme === 'https' && maxAge >= ONE_YEAR_S && /includeSubDomains/i.test(value) ? 'met' : 'weak';
    },
  },
  {
    header: 'content-security-policy',
    requirement: "has default-src or script-src, without 'unsafe-inline', 'unsafe-eval' or * for scripts",
    judge: (value) => {
      if (value === undefined) return 'missing';
      const policy = directives(value);
      const scripts = policy.get('script-src') ?? policy.get('default-src');
      if (scripts === undefined) return 'weak';
      // A nonce or a hash makes browsers ignore 'unsafe-inline' (CSP Level 2).
      const inlineIgnored = scripts.some((source) => /^'(nonce-|sha(256|384|512)-)/.test(source));
      const unsafe = scripts.some(
        (source) => source === '*' || source === "'unsafe-eval'" || (source === "'unsafe-inline'" && !inlineIgnored),
      );
      return unsafe ? 'weak' : 'met';
    },
  },
  {
    header: 'x-content-type-options',
    requirement: 'nosniff',
    judge: (value) => (value === undefined ? 'missing' : value.trim().toLowerCase() === 'nosniff' ? 'met' : 'weak'),
  },
  {
    header: 'x-frame-options',
    requirement: 'DENY or SAMEORIGIN, or frame-ancestors in the content security policy without *',
    judge: (value, all) => {
      const ancestors = directives(all['content-security-policy'] ?? '').get('frame-ancestors');
      // Where both are sent, browsers obey frame-ancestors.
      if (ancestors !== undefined) return ancestors.includes('*') ? 'weak' : 'met';
      if (value === undefined) return 'missing';
      return /^(deny|sameorigin)$/i.test(String(value).trim()) ? 'met' : 'weak';
    },
  },
  {
    header: 'referrer-policy',
    requirement: `one of ${STRICT_REFERRER.join(', ')}`,
    judge: (value) => {
      if (value === undefined) return 'missing';
      // Browsers take the last value that they know.
      const last = value.split(',').at(-1)?.trim().toLowerCase() ?? '';
      return STRICT_REFERRER.includes(last) ? 'met' : 'weak';
    },
  },
  leaks('server', /\d|\//, 'names no version'),
  leaks('x-powered-by', /./, 'is not sent'),
];

/** For a header that should not tell: its absence is what is asked. */
function leaks(header: string, telling: RegExp, requirement: string): Requirement {
  return { header, requirement, judge: (value) => (value !== undefined && telling.test(value) ? 'weak' : 'met') };
}

export function headerFindings(headers: IncomingHttpHeaders, scheme: 'https' | 'http'): readonly HeaderFinding[] {
  return REQUIREMENTS.map(({ header, requirement, judge }) => {
    const raw = headers[header];
    const value = Array.isArray(raw) ? raw.join(', ') : raw;
    return { header, requirement, observed: value ?? 'none', state: judge(value, headers, scheme) };
  });
}

function directives(policy: string | readonly string[]): ReadonlyMap<string, readonly string[]> {
  const result = new Map<string, readonly string[]>();
  for (const directive of String(policy).split(/[;,]/)) {
    const [name, ...sources] = directive.trim().split(/\s+/);
    // The first of two directives with one name counts (CSP Level 3, 2.2.1).
    if (name && !result.has(name.toLowerCase()))
      result.set(
        name.toLowerCase(),
        sources.map((source) => source.toLowerCase()),
      );
  }
  return result;
}
