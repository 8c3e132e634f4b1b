/**
 * Where a module of ours lies as a file of its own: the source, or, in the package, what it was compiled to. This file has
 * to stay one folder below the root, as the bundle's files do: the way from here is then the same from each of the three.
 *
 * @param path from the root, without ending, like `probes/load/child`
 */
export function ownModule(path: string): { readonly url: URL; readonly kind: 'source' | 'compiled' } {
  const kind = import.meta.url.endsWith('.ts') ? 'source' : 'compiled';
  return { url: new URL(`../${path}.${kind === 'source' ? 'ts' : 'js'}`, import.meta.url), kind };
}
