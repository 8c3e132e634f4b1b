// Minifies the stylesheet, puts a digest into each asset's name, and writes the manifest that the dashboard reads.
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';

const source = new URL('../assets/', import.meta.url);
const target = new URL('../dist/assets/', import.meta.url);

/** @param {string} css */
function minify(css) {
  return css
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/\s+/g, ' ')
    .replace(/ ?([{};,]) ?/g, '$1')
    .replace(/: /g, ':')
    .replace(/;}/g, '}')
    .trim();
}

rmSync(target, { recursive: true, force: true });
mkdirSync(target, { recursive: true });
/** @type {Record<string, string>} */
const manifest = {};
for (const name of readdirSync(source).sort()) {
  const raw = readFileSync(new URL(name, source));
  const content = name.endsWith('.css') ? Buffer.from(minify(raw.toString('utf8'))) : raw;
  const digest = createHash('sha256').update(content).digest('hex').slice(0, 12);
  const dot = name.lastIndexOf('.');
  const file = `${name.slice(0, dot)}.${digest}${name.slice(dot)}`;
  writeFileSync(new URL(file, target), content);
  manifest[name] = file;
}
writeFileSync(new URL('manifest.json', target), `${JSON.stringify(manifest, null, 2)}\n`);
