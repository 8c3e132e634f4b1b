import { rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CONFIG_FILE } from '../config/read.ts';

export type Placed =
  | {
      readonly kind: 'written';
      readonly file: string /** Where the former one lies. */;
      readonly former: string | undefined;
    }
  | { readonly kind: 'exists'; readonly file: string };

/** Writes holdpoint.yaml, never over another one: with `force` that is kept beside it as `holdpoint.yaml.before-N`. */
export async function place(folder: string, text: string, force: 'force' | 'careful'): Promise<Placed> {
  const file = join(folder, CONFIG_FILE);
  const isThere = await exists(file);
  if (isThere && force === 'careful') return { kind: 'exists', file };
  const former = isThere ? await putAside(file) : undefined;
  try {
    // Somebody may have made one meanwhile.
    await writeFile(file, text, { flag: 'wx' });
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'EEXIST') return { kind: 'exists', file };
    throw thrown;
  }
  return { kind: 'written', file, former };
}

/** What cannot be looked at counts as not there: writing never replaces anything, whatever was seen. */
export const exists = async (path: string): Promise<boolean> => (await stat(path).catch(() => undefined)) !== undefined;

async function putAside(file: string): Promise<string> {
  for (let n = 1; ; n++) {
    const former = `${file}.before-${n}`;
    if (await exists(former)) continue;
    await rename(file, former);
    return former;
  }
}
