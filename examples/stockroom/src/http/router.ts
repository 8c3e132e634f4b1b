import type { Request } from './request.ts';
import type { Response } from './response.ts';

export type Handler = (request: Request) => Promise<Response> | Response;

export interface Route {
  readonly method: 'GET' | 'POST';
  /** Segments after a slash; one that begins with a colon is a parameter: `/api/products/:sku`. */
  readonly pattern: string;
  readonly handler: Handler;
}

export type Match =
  | { readonly found: true; readonly route: Route; readonly params: Record<string, string> }
  | { readonly found: false; readonly allowed: readonly string[] };

/** HEAD is answered as GET; Node leaves the body out. */
export function matchRoute(routes: readonly Route[], method: string, path: string): Match {
  const allowed: string[] = [];
  for (const route of routes) {
    const params = matchPattern(route.pattern, path);
    if (params === undefined) continue;
    if (route.method === (method === 'HEAD' ? 'GET' : method)) return { found: true, route, params };
    allowed.push(route.method);
  }
  return { found: false, allowed };
}

function matchPattern(pattern: string, path: string): Record<string, string> | undefined {
  const wanted = pattern.split('/');
  const given = path.split('/');
  if (wanted.length !== given.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, segment] of wanted.entries()) {
    const text = given[index] ?? '';
    if (!segment.startsWith(':')) {
      if (segment !== text) return undefined;
      continue;
    }
    const value = decode(text);
    if (value === undefined || value === '') return undefined;
    params[segment.slice(1)] = value;
  }
  return params;
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
