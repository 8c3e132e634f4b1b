import { readFileSync } from 'node:fs';
import type { Route } from '../http/router.ts';

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
};

export interface Assets {
  /** The public path of an asset by its source name: `style.css` gives `/assets/style.<digest>.css`. */
  path(name: string): string;
  readonly routes: readonly Route[];
}

/** Reads what `npm run build` wrote. The names carry a digest of the content, so browsers may keep them for good. */
export function loadAssets(directory: URL): Assets {
  const manifest: Record<string, string> = JSON.parse(readFileSync(new URL('manifest.json', directory), 'utf8'));
  const routes = Object.values(manifest).map((file): Route => {
    const body = readFileSync(new URL(file, directory));
    const headers = {
      'content-type': CONTENT_TYPES[file.split('.').at(-1) ?? ''] ?? 'application/octet-stream',
      'cache-control': 'public, max-age=31536000, immutable',
    };
    return { method: 'GET', pattern: `/assets/${file}`, handler: () => ({ status: 200, headers, body }) };
  });
  return {
    path(name) {
      const file = manifest[name];
      if (file === undefined) throw new Error(`the build has no asset ${name}`);
      return `/assets/${file}`;
    },
    routes,
  };
}
