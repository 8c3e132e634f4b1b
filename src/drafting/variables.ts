import { plainEnvFile } from '../config/compose/env-file.ts';
import { secretNameOf } from '../config/compose/secret-name.ts';
import { namesSecret } from '../config/literal-secret.ts';
import { type Facts, lineAt, textsLike } from './facts.ts';
import { type Findings, type Guess, guess } from './guess.ts';

/** Where the sources read an environment variable: the first place of each name. */
export function variablesRead(facts: Facts): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const forms = [
    /process\.env\.([A-Z][A-Z0-9_]*)/g,
    /process\.env\[['"]([A-Z][A-Z0-9_]*)['"]\]/g,
    /os\.environ(?:\.get\(|\[)\s*['"]([A-Z][A-Z0-9_]*)['"]/g,
    /os\.getenv\(\s*['"]([A-Z][A-Z0-9_]*)['"]/g,
    /\benv\(\s*['"]([A-Z][A-Z0-9_]*)['"]/g,
  ];
  for (const [path, text] of textsLike(facts, /\.(py|[cm]?[jt]sx?|prisma)$/))
    for (const form of forms)
      for (const match of text.matchAll(form))
        if (match[1] !== undefined && !found.has(match[1]))
          found.set(match[1], `${path}, line ${lineAt(text, match.index)}`);
  return found;
}

const DATABASE = /^(?:\w*_)?(?:DATABASE|POSTGRES(?:QL)?|PG|DB)_?(?:URL|URI|DSN|CONNECTION_STRING)(_FILE)?$/;
const CACHE = /^(?:\w*_)?(?:REDIS|VALKEY|CACHE)_?(?:URL|URI)$/;
/** A key that an app makes itself, and that nobody else has to know. */
const OWN_KEY =
  /(?:SECRET_KEY(?:_BASE)?|SESSION_SECRET|COOKIE_SECRET|JWT_SECRET|MASTER_KEY|APP_SECRET|ENCRYPTION_KEY|SIGNING_KEY)$/;

/** The variable that carries the URL of the database. */
export const databaseVariable = (variables: ReadonlyMap<string, string>): Guess<string> | undefined =>
  firstLike(variables, DATABASE);

export const cacheVariable = (variables: ReadonlyMap<string, string>): Guess<string> | undefined =>
  firstLike(variables, CACHE);

function firstLike(variables: ReadonlyMap<string, string>, form: RegExp): Guess<string> | undefined {
  const found = [...variables].filter(([name]) => form.test(name));
  // `DATABASE_URL` before `TEST_DATABASE_URL`.
  const [first] = found.sort(([a], [b]) => a.length - b.length);
  return first === undefined ? undefined : guess(first[0], first[1]);
}

/** Secrets that the sources read: a line of the team's `.env`, else made by Holdpoint where that is enough, else of whoever runs it. */
export function secretsRead(variables: ReadonlyMap<string, string>, facts: Facts): Findings['secrets'] {
  const own = plainEnvFile(facts.texts.get('.env') ?? '');
  return [...variables].flatMap(([variable, from]) => {
    if (!namesSecret(variable) && !OWN_KEY.test(variable)) return [];
    if (/^(?:POSTGRES|PG|DB|DATABASE|NPM|GITHUB|CI|TEST|E2E)_/.test(variable)) return [];
    return [{ name: secretNameOf(variable), variable, from, reference: referenceTo(variable, own) }];
  });
}

function referenceTo(variable: string, own: ReadonlyMap<string, string>): string {
  if ((own.get(variable) ?? '') !== '') return `dotenv:.env#${variable}`;
  return OWN_KEY.test(variable) ? 'generated:32' : `env:${variable}`;
}
