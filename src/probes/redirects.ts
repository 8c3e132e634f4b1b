import { type HttpObservation, type HttpTarget, observe } from './http.ts';

/** Browsers stop at twenty; a page that needs more than five is no page to look at. */
const MOST = 5;

export type FollowedPage =
  | { readonly kind: 'page'; readonly observation: HttpObservation; readonly path: string }
  /** Where it leads to belongs to somebody else, or nowhere: what answers there says nothing of this server. */
  | { readonly kind: 'leads away'; readonly to: string }
  | { readonly kind: 'leads nowhere'; readonly reason: string };

/** GETs a path and follows redirects, but never to another host, port or scheme than the target's. */
export async function observePage(
  target: HttpTarget,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<FollowedPage> {
  const { origin } = new URL(target.baseUrl);
  let at = path;
  for (let followed = 0; followed <= MOST; followed += 1) {
    const observation = await observe(target, { method: 'GET', path: at, headers });
    const { exchange } = observation;
    const location = exchange.end === 'answered' && isRedirect(exchange.status) ? exchange.headers.location : undefined;
    if (location === undefined) return { kind: 'page', observation, path: at };
    const here = new URL(at, target.baseUrl);
    if (!URL.canParse(location, here.href)) return { kind: 'leads nowhere', reason: `${at} is redirected to no URL` };
    const to = new URL(location, here);
    if (to.origin !== origin) return { kind: 'leads away', to: to.origin };
    at = `${to.pathname}${to.search}`;
  }
  return { kind: 'leads nowhere', reason: `${path} is redirected more than ${MOST} times` };
}

const isRedirect = (status: number): boolean => [301, 302, 303, 307, 308].includes(status);
