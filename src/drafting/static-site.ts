import type { Facts } from './facts.ts';
import { firstOf } from './facts.ts';
import { type Findings, guess, type ServiceDraft } from './guess.ts';
import type { PackageJson } from './package-json.ts';

/** Tools that make a folder of files out of sources, and that folder. */
const BUILDERS: readonly (readonly [dependency: string, folder: string])[] = [
  ['vite', 'dist'],
  ['astro', 'dist'],
  ['parcel', 'dist'],
  ['@11ty/eleventy', '_site'],
  ['react-scripts', 'build'],
  ['@docusaurus/core', 'build'],
  ['gatsby', 'public'],
];

/** Files that need no server of their own; undefined where there is no first page. */
export function staticSite(facts: Facts, node: PackageJson | undefined): Findings | undefined {
  const [builder, built] = BUILDERS.find(([dependency]) => node?.dependencies.has(dependency)) ?? [];
  if (builder !== undefined && built !== undefined && node?.scripts.build !== undefined)
    return { services: [served(built, `package.json: ${builder} builds into it`, undefined)] };
  const page = firstOf(facts, [
    'index.html',
    'public/index.html',
    'site/index.html',
    'www/index.html',
    'html/index.html',
  ]);
  if (page === undefined) return undefined;
  const folder = page.includes('/') ? page.slice(0, page.lastIndexOf('/')) : '.';
  const title = /<title>[^<>\n]{1,80}<\/title>/i.exec(facts.texts.get(page) ?? '')?.[0];
  return {
    services: [served(folder, page, title)],
    smoke: [guess({ path: '/', contentType: 'text/html', ...(title === undefined ? {} : { contains: title }) }, page)],
  };
}

const served = (folder: string, from: string, title: string | undefined): ServiceDraft => ({
  name: 'web',
  kind: 'web',
  start: { key: 'static', value: folder, from },
  health: guess({ path: '/', contentType: 'text/html', ...(title === undefined ? {} : { contains: title }) }, from),
});
