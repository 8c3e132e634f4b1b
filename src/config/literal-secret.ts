/**
 * What looks like a secret that was written out. holdpoint.yaml is committed, shown and digested, so a secret may stand
 * in it only as a reference. A heuristic: it is there to catch the honest mistake, and errs towards refusing.
 */

/** `postgres://user:password@host`: the part before the `@` with a colon in it. */
const URL_WITH_PASSWORD = /[a-z][a-z0-9+.-]*:\/\/[^\s/:@]*:[^\s/@]+@/i;
/** Tokens that say by their beginning what they are, a JWT, and a private key's first line. */
const KNOWN_BEGINNINGS =
  /(?:^|[\s"'=:/])(?:ghp_|gho_|github_pat_|glpat-|sk-|sk_live_|xox[abps]-|AKIA|eyJ[\w-]{8,}\.)|-----BEGIN/;
/** Letters and digits mixed in one long run, without the hyphens and dots of names, paths and UUIDs. */
const RANDOM_RUN = /(?=[A-Za-z0-9]*\d)(?=[A-Za-z0-9]*[A-Za-z])[A-Za-z0-9]{20,}/;

const SECRET_NAME =
  /(?:^|[_-])(?:PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|API[_-]?KEY|PRIVATE[_-]?KEY|(?:ACCESS|SECRET|MASTER|SIGNING|ENCRYPTION)[_-]?KEY(?:[_-]BASE)?|CREDENTIALS?)$/i;
const SECRET_HEADERS = new Set(['authorization', 'proxy-authorization', 'cookie', 'x-api-key', 'x-auth-token']);
const SECRET_OPTION = /^--?(?:password|passwd|passphrase|secret|token|api-?key|private-?key|access-?key)(?:=(.+))?$/i;

export const hasUrlPassword = (text: string): boolean => URL_WITH_PASSWORD.test(text);

export const looksLikeSecret = (text: string): boolean =>
  hasUrlPassword(text) || KNOWN_BEGINNINGS.test(text) || RANDOM_RUN.test(text);

/** `DB_PASSWORD`, `api-key`: a name under which one expects a secret. `TOKEN_FILE` and `PASSWORD_MIN_LENGTH` are none. */
export const namesSecret = (name: string): boolean => SECRET_NAME.test(name);

export const isSecretHeader = (name: string): boolean => SECRET_HEADERS.has(name.toLowerCase());

/** A password among a command's words would be seen by everybody who can list processes. */
export function commandCarriesSecret(words: readonly string[]): boolean {
  return words.some((word, i) => {
    if (hasUrlPassword(word) || KNOWN_BEGINNINGS.test(word)) return true;
    const option = SECRET_OPTION.exec(word);
    if (option === null) return false;
    const next = words[i + 1];
    return option[1] !== undefined || (next !== undefined && !next.startsWith('-'));
  });
}
