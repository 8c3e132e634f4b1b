import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** A page of `docs/`, as a reader follows it: what is to be typed, and what is to stand in files, in its order. */
export type Block = { readonly language: string; readonly text: string };

export type Page = {
  readonly name: string;
  readonly text: string;
  readonly blocks: readonly Block[];
  /** Code between single backticks, on one line each. */
  readonly inline: readonly string[];
};

export function page(name: string): Page {
  const text = readFileSync(fileURLToPath(new URL(`../../docs/${name}.md`, import.meta.url)), 'utf8');
  const fence = /^```(\w*)\n([\s\S]*?)^```$/gm;
  const blocks = [...text.matchAll(fence)].map(([, language = '', inner = '']) => ({ language, text: inner }));
  const inline = [...text.replace(fence, '').matchAll(/`([^`]+)`/g)].map(([, code = '']) => code.replace(/\s+/g, ' '));
  return { name, text, blocks, inline };
}

/** The lines of a block that a person types at a shell. */
export const commandsIn = ({ language, text }: Block): string[] => (language === 'sh' ? text.trim().split('\n') : []);

export type FileBlock = { readonly file: 'holdpoint.yaml' | 'compose.yaml'; readonly text: string };

/** A block of YAML is holdpoint.yaml, unless its first line names another file. What a cutting leaves out is put back. */
export function fileOf({ language, text }: Block): FileBlock | undefined {
  if (language !== 'yaml') return undefined;
  if (text.startsWith('# compose.yaml\n')) return { file: 'compose.yaml', text };
  return { file: 'holdpoint.yaml', text: /^name:/m.test(text) ? text : `name: cutting\n${text}` };
}
