import type { IncomingMessage } from 'node:http';

const ALWAYS: Readonly<Record<string, string>> = {
  // No scripts at all; styles, images and forms only from here.
  'content-security-policy':
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
  'referrer-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};

/** Two years, with what lies below the app's own host name. */
const HSTS = 'max-age=63072000; includeSubDomains';

/** HSTS only where the proxy in front says that the request came over TLS: on plain HTTP the header has no meaning. */
export function securityHeaders(message: IncomingMessage): Record<string, string> {
  const tls = message.headers['x-forwarded-proto'] === 'https';
  return tls ? { ...ALWAYS, 'strict-transport-security': HSTS } : { ...ALWAYS };
}
