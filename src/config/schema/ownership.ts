import { refuse } from './key.ts';

export const MANAGED = '`true` or `false`';

type Ownership = { readonly managed?: boolean | undefined; readonly url?: unknown };

/** `managed` and `url` must agree: a server has one who runs it. */
export function agreed<T extends Ownership>(given: T, ctx: Parameters<typeof refuse>[0]): T {
  if (given.managed === false && given.url === undefined)
    refuse(ctx, given, { expected: '`url`, a reference to its URL', quote: 'hidden', found: 'no `url` of it' }, [
      'managed',
    ]);
  if (given.managed === true && given.url !== undefined)
    refuse(ctx, given, { expected: '`managed: false` beside `url`', quote: 'hidden', found: '`true`' }, ['managed']);
  return given;
}
