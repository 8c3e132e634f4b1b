/**
 * Compose's interpolation: `$VAR`, `${VAR}`, `:-` and `-` (default), `:?` and `?` (required), `:+` and `+`
 * (alternative), nested, and `$$` for a dollar. Compose Specification, 12-interpolation.
 */
export type Interpolated = {
  readonly text: string;
  readonly faults: readonly InterpolationFault[];
};

export type InterpolationFault =
  /** No value and no default: empty, as in Compose. */
  | { readonly kind: 'unset'; readonly variable: string }
  | { readonly kind: 'required'; readonly variable: string; readonly message: string }
  /** `${` without its end, or what Compose does not know (`${VAR/a/b}`). */
  | { readonly kind: 'malformed' };

type Lookup = (variable: string) => string | undefined;

const NAME = /^[A-Za-z_][A-Za-z0-9_]*/;
/** Deeper than anybody means it. */
const DEEPEST = 20;

export function interpolated(given: string, lookup: Lookup, depth = 0): Interpolated {
  if (depth > DEEPEST) return { text: '', faults: [{ kind: 'malformed' }] };
  let text = '';
  const faults: InterpolationFault[] = [];
  let at = 0;
  while (at < given.length) {
    const dollar = given.indexOf('$', at);
    if (dollar === -1) break;
    text += given.slice(at, dollar);
    const rest = given.slice(dollar + 1);
    const name = NAME.exec(rest)?.[0];
    if (rest.startsWith('$')) {
      text += '$';
      at = dollar + 2;
    } else if (name !== undefined) {
      const value = lookup(name);
      if (value === undefined) faults.push({ kind: 'unset', variable: name });
      text += value ?? '';
      at = dollar + 1 + name.length;
    } else if (rest.startsWith('{')) {
      const end = closing(given, dollar + 2);
      if (end === undefined) return { text: text + given.slice(dollar), faults: [...faults, { kind: 'malformed' }] };
      const inner = braced(given.slice(dollar + 2, end), lookup, depth);
      text += inner.text;
      faults.push(...inner.faults);
      at = end + 1;
    } else {
      // A dollar before anything else stands for itself.
      text += '$';
      at = dollar + 1;
    }
  }
  return { text: text + given.slice(at), faults };
}

/** The `}` that belongs to a `${` whose inside begins at `from`. */
function closing(text: string, from: number): number | undefined {
  let open = 1;
  for (let i = from; i < text.length; i++) {
    if (text[i] === '{') open++;
    else if (text[i] === '}' && --open === 0) return i;
  }
  return undefined;
}

function braced(inside: string, lookup: Lookup, depth: number): Interpolated {
  const name = NAME.exec(inside)?.[0];
  const [, operator = '', operand = ''] = /^(:?[-?+])(.*)$/s.exec(inside.slice(name?.length ?? 0)) ?? [];
  if (name === undefined || (operator === '' && inside !== name)) return { text: '', faults: [{ kind: 'malformed' }] };
  const value = lookup(name);
  const isGiven = value !== undefined && !(operator.startsWith(':') && value === '');
  const other = () => interpolated(operand, lookup, depth + 1);
  switch (operator.at(-1)) {
    case '-':
      return isGiven ? { text: value, faults: [] } : other();
    case '+':
      return isGiven ? other() : { text: '', faults: [] };
    case '?':
      if (isGiven) return { text: value, faults: [] };
      return { text: '', faults: [{ kind: 'required', variable: name, message: other().text }] };
    default:
      return value === undefined
        ? { text: '', faults: [{ kind: 'unset', variable: name }] }
        : { text: value, faults: [] };
  }
}

/** `VAR` where a value is nothing but that variable: `$VAR`, `${VAR}` or `${VAR:?message}`. */
export function soleVariable(raw: string): string | undefined {
  return /^\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)(?::?\?[^{}]*)?\})$/.exec(raw.trim())?.slice(1).find(Boolean);
}
