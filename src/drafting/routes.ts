import { posix } from 'node:path';
import { parse } from 'yaml';
import type { YamlValue } from '../config/schema/key.ts';
import { type Facts, lineAt, textsLike } from './facts.ts';
import { type Guess, guess } from './guess.ts';

/** What the app answers, as its OpenAPI file or its sources say it. */
export type Routes = {
  readonly health: Guess | undefined;
  readonly readiness: Guess | undefined;
  readonly metrics: Guess<string> | undefined;
  /** GET requests that need nothing to be known. */
  readonly reads: readonly Guess[];
};

type Route = {
  readonly path: string;
  readonly contentType: string | undefined;
  readonly isOpen: boolean;
  readonly from: string;
};

const HEALTH = /\/(health|healthz|livez|live|alive|up|ping|heartbeat|status)\/?$/i;
const READY = /\/(ready|readyz|readiness)\/?$/i;
const METRICS = /\/metrics\/?$/i;
const MOST_READS = 4;

export function routesOf(facts: Facts): Routes {
  const described = openApi(facts);
  const all = described.length > 0 ? [...described, ...inSources(facts)] : inSources(facts);
  const like = (form: RegExp) => all.find(({ path }) => form.test(path));
  const metrics = like(METRICS);
  const reads = all.filter(({ path, isOpen }) => isOpen && ![HEALTH, READY, METRICS].some((form) => form.test(path)));
  return {
    health: asExpectation(like(HEALTH)),
    readiness: asExpectation(like(READY)),
    metrics: metrics === undefined ? undefined : guess(metrics.path, metrics.from),
    reads: distinct(reads)
      .slice(0, MOST_READS)
      .flatMap((read) => asExpectation(read) ?? []),
  };
}

const distinct = (routes: readonly Route[]): Route[] =>
  routes.filter(({ path }, i) => routes.findIndex((other) => other.path === path) === i);

function asExpectation(route: Route | undefined): Guess | undefined {
  if (route === undefined) return undefined;
  const { path, contentType, from } = route;
  return guess(contentType === undefined ? path : { path, contentType }, from);
}

type Json = Readonly<Record<string, unknown>>;
const isJson = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);
const member = (value: unknown, ...path: string[]): unknown =>
  path.reduce<unknown>((inner, part) => (isJson(inner) ? inner[part] : undefined), value);

function openApi(facts: Facts): Route[] {
  const [file, text] = textsLike(facts, /(^|\/)(openapi|swagger)\.(ya?ml|json)$/i)[0] ?? [];
  if (file === undefined || text === undefined) return [];
  const document = parsed(text);
  const server = member(
    Array.isArray(member(document, 'servers')) ? Object(member(document, 'servers'))[0] : {},
    'url',
  );
  const base = posix.join('/', typeof server === 'string' ? server.replace(/^https?:\/\/[^/]+/, '') : '');
  const isGuarded = member(document, 'security');
  return Object.entries(member(document, 'paths') ?? {}).flatMap(([path, item]) => {
    const get = member(item, 'get');
    if (!isJson(get) || path.includes('{') || needsParameters(get) || needsParameters(item)) return [];
    const guarded = get.security ?? isGuarded;
    return [
      {
        path: posix.join(base, path),
        contentType: contentTypeOf(get),
        isOpen: !Array.isArray(guarded) || guarded.length === 0,
        from: `${file}: paths`,
      },
    ];
  });
}

function parsed(text: string): unknown {
  try {
    return parse(text, { logLevel: 'silent' });
  } catch {
    return undefined;
  }
}

const needsParameters = (operation: unknown): boolean => {
  const parameters = member(operation, 'parameters');
  return Array.isArray(parameters) && parameters.some((parameter) => member(parameter, 'required') === true);
};

function contentTypeOf(get: Json): string | undefined {
  const [type] = Object.keys(member(get, 'responses', '200', 'content') ?? {});
  return type?.includes('*') ? undefined : type;
}

/** `@app.get("/health")` of FastAPI and Flask, `app.get('/health', …)` of Express and Fastify. */
function inSources(facts: Facts): Route[] {
  const python = /@(?:app|api)\.(get|route)\(\s*["'](\/[^"'{}<>:]*)["']/g;
  const node = /\b(?:app|server|fastify|api)\.get\(\s*["'`](\/[^"'`:*{}$]*)["'`]/g;
  return [...textsLike(facts, /\.py$/), ...textsLike(facts, /\.[cm]?[jt]s$/)].flatMap(([file, text]) => {
    const isPython = file.endsWith('.py');
    return [...text.matchAll(isPython ? python : node)].map((match): Route => {
      const path = (isPython ? match[2] : match[1]) ?? '/';
      const isFastApi = isPython && match[1] === 'get';
      const handler = text.slice(match.index, match.index + 400).split(/\n@|\n\w+\.(get|post|put|delete)\(/)[0] ?? '';
      // What asks for a login answers 401 to a stranger.
      const isOpen = !/current_user|auth|token|login_required|Security\(|session\.user|requireUser/i.test(handler);
      return {
        path,
        contentType: isFastApi && !/response_class|HTMLResponse/.test(handler) ? 'application/json' : undefined,
        isOpen: isOpen && (isFastApi || path === '/'),
        from: `${file}, line ${lineAt(text, match.index)}`,
      };
    });
  });
}

/** The path of an expectation, whichever way it is written. */
export const pathOf = (value: YamlValue): string =>
  typeof value === 'object' && 'path' in value ? String(value.path) : String(value);
