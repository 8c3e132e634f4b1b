import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { fail } from '../../evidence/problem.ts';
import { type Digest, hours, isDigest } from '../../evidence/units.ts';
import type { Software, UnitUser } from '../unit.ts';
import { archive, type Entry, folderEntries } from './archive.ts';
import { ensureBase } from './base-image.ts';
import { build, type Progress } from './build.ts';
import type { Engine } from './engine.ts';
import { hasStatus } from './engine-problem.ts';
import { hasImage } from './image-facts.ts';
import { type Machine, type OwnNode, ownNode, thisMachine } from './machine.ts';
import { LABELS } from './names.ts';
import {
  commonRecipe,
  PART_ROLES,
  type PartRole,
  packagesRecipe,
  partRecipe,
  type Recipe,
  treeRecipe,
} from './recipes.ts';

/**
 * The images that units are made from. Each is built once on an engine: its tag is the digest of all that went into it.
 * Two commands that build the same one at once make the same image.
 */
export class Images {
  readonly #engine: Engine;
  readonly #progress: Progress;
  readonly #begun = new Map<string, Promise<string>>();
  readonly #made: string[] = [];
  #signal: AbortSignal | undefined;

  constructor(engine: Engine, progress: Progress) {
    this.#engine = engine;
    this.#progress = progress;
  }

  /** Name of the image for a software and the role that its unit runs as. */
  async of(software: Software, user: UnitUser): Promise<string> {
    const image = await this.#of(software, user);
    if (software.kind === 'image' || (await this.#isThere(image))) return image;
    // Somebody has tidied the engine up since this process made it.
    this.#begun.clear();
    return this.#of(software, user);
  }

  async #isThere(image: string): Promise<boolean> {
    return (await hasImage(this.#engine, image)) === 'there';
  }

  async #of(software: Software, user: UnitUser): Promise<string> {
    switch (software.kind) {
      case 'parts':
        return user === 'app' ? this.common() : this.#part(user);
      case 'tree':
        return this.#tree(software);
      case 'image':
        return software.id;
    }
  }

  /** Builds what all parts need, for a step that prepares a host. Says what it made; nothing the second time. */
  async prepare(signal: AbortSignal): Promise<readonly string[]> {
    this.#made.length = 0;
    this.#begun.clear();
    this.#signal = signal;
    try {
      await this.common();
      await Promise.all(PART_ROLES.map((role) => this.#part(role)));
      return [...this.#made];
    } finally {
      this.#signal = undefined;
    }
  }

  common(): Promise<string> {
    return this.#once('common', async () => {
      const [machine, node] = await Promise.all([thisMachine(), this.#node()]);
      const base = await ensureBase(this.#engine, async () => machine, this.#progress);
      const recipe = commonRecipe(base, machine, node.npm !== undefined);
      const extra = async function* (): AsyncGenerator<Entry> {
        yield { kind: 'copy', path: 'node', mode: 0o755, from: node.program, size: node.size };
        if (node.npm !== undefined) yield* folderEntries(node.npm, { under: 'npm' });
      };
      return this.#built('holdpoint-common', recipe, { inputs: [await fileDigest(node)], extra, proxies: machine });
    });
  }

  #part(role: PartRole): Promise<string> {
    return this.#once(`part ${role}`, async () =>
      this.#built(`holdpoint-${role}`, partRecipe(role, await this.common()), { proxies: await thisMachine() }),
    );
  }

  #withPackages(packages: readonly string[]): Promise<string> {
    const wanted = [...new Set(packages)].sort();
    if (wanted.length === 0) return this.common();
    for (const name of wanted) {
      if (PACKAGE.test(name)) continue;
      fail({
        kind: 'input',
        what: `\`${name}\` is no name of a Debian package`,
        where: 'packages in holdpoint.yaml',
        next: 'use a name that `apt-cache show` knows',
      });
    }
    return this.#once(`packages ${wanted.join(' ')}`, async () =>
      this.#built('holdpoint-app-base', packagesRecipe(wanted, await this.common()), { proxies: await thisMachine() }),
    );
  }

  #tree({ folder, digest, packages }: Extract<Software, { kind: 'tree' }>): Promise<string> {
    return this.#once(`tree ${digest} ${packages.join(' ')}`, async () => {
      const base = await this.#withPackages(packages);
      const extra = async function* (): AsyncGenerator<Entry> {
        yield { kind: 'folder', path: 'tree', mode: 0o755 };
        for await (const entry of folderEntries(folder, { under: 'tree' })) yield readable(entry);
      };
      return this.#built('holdpoint-tree', treeRecipe(base), { inputs: [digest], extra, kind: 'tree' });
    });
  }

  async #built(
    repository: string,
    recipe: Recipe,
    more: {
      readonly inputs?: readonly string[];
      readonly extra?: () => AsyncGenerator<Entry>;
      readonly proxies?: Pick<Machine, 'proxies'>;
      readonly kind?: 'part' | 'tree';
    },
  ): Promise<string> {
    const tag = `${repository}:${recipeDigest(recipe, more.inputs ?? []).slice(0, 16)}`;
    if (await this.#isThere(tag)) return tag;
    this.#progress(`builds ${recipe.what}, once for this engine`);
    const begun = performance.now();
    const entries = async function* (): AsyncGenerator<Entry> {
      yield { kind: 'file', path: 'Dockerfile', mode: 0o644, content: recipe.dockerfile };
      yield* recipe.files;
      if (more.extra !== undefined) yield* more.extra();
    };
    await build(
      this.#engine,
      {
        what: recipe.what,
        context: () => archive(entries()),
        dockerfile: 'Dockerfile',
        tag,
        labels: { [LABELS.kind]: more.kind ?? 'part' },
        buildArguments: more.proxies?.proxies ?? {},
        blame: 'host',
      },
      this.#progress,
      this.#signal,
    );
    this.#made.push(`${recipe.what} (${tag})`);
    this.#progress(`${recipe.what} is built (${Math.round((performance.now() - begun) / 1_000)} s)`);
    return tag;
  }

  async #node(): Promise<OwnNode> {
    const { architecture } = this.#engine.facts;
    if (architecture !== process.arch) {
      fail({
        kind: 'host',
        what: `this machine is ${process.arch} and the Docker engine ${architecture}: Node cannot be taken along`,
        where: this.#engine.where,
        next: 'run holdpoint on a machine of the same architecture, or give each service an image of its own and its parts by URL',
      });
    }
    return ownNode();
  }

  /** Removes images of earlier releases that no container stands on. One that was made just now is about to be used. */
  async removeUnusedTrees(): Promise<void> {
    const images = await this.#engine.call('lists the images of releases', (docker) =>
      docker.listImages({ filters: { label: [`${LABELS.kind}=tree`] } }),
    );
    for (const { Id, RepoTags, Created } of images) {
      if (Date.now() - Created * 1_000 < hours(1)) continue;
      for (const name of RepoTags ?? [Id]) {
        try {
          // Not by force: the engine refuses where a container uses it.
          await this.#engine.call('removes the image of a release', (docker) => docker.getImage(name).remove());
        } catch (error) {
          if (!hasStatus(error, 404, 409)) throw error;
        }
      }
    }
    this.#begun.clear();
  }

  #once(name: string, make: () => Promise<string>): Promise<string> {
    const begun = this.#begun.get(name);
    if (begun !== undefined) return begun;
    const made = make();
    this.#begun.set(name, made);
    made.catch(() => this.#begun.delete(name));
    return made;
  }
}

const PACKAGE = /^[a-z0-9][a-z0-9+.-]+$/;

/** Whoever runs it can read it; nobody but root may change it. */
function readable(entry: Entry): Entry {
  if (entry.kind === 'link') return entry;
  const execute = entry.kind === 'folder' || (entry.mode & 0o100) !== 0 ? 0o111 : 0;
  return { ...entry, mode: (entry.mode | 0o444 | execute) & ~0o022 & 0o777, uid: 0 };
}

export function recipeDigest(recipe: Recipe, inputs: readonly string[]): string {
  const hash = createHash('sha256');
  const field = (value: string | Uint8Array) => hash.update(`${value.length} `).update(value);
  field(recipe.dockerfile);
  for (const entry of recipe.files) {
    field(`${entry.kind} ${entry.path} ${entry.mode}`);
    if (entry.kind === 'file') field(entry.content);
  }
  for (const input of inputs) field(input);
  return hash.digest('hex');
}

let ownDigest: Promise<Digest> | undefined;
/** Of the running Node: it does not change while it runs. */
function fileDigest({ program }: OwnNode): Promise<Digest> {
  ownDigest ??= (async () => {
    const hash = createHash('sha256');
    await pipeline(createReadStream(program), hash);
    const digest = `sha256:${hash.digest('hex')}`;
    return isDigest(digest) ? digest : fail({ kind: 'internal', what: 'a digest has no form', next: 'report it' });
  })();
  return ownDigest;
}
