import { duplicateKeys, type Path, placeOf, type Source, sourceOf, syntaxFaults } from '../document.ts';
import { brokenExcerptAt } from '../excerpt.ts';
import { problemAt } from '../explain.ts';
import type { ConfigProblem } from '../problem.ts';
import { composeFile, type Files, isMapping, lineOf, type Mapping, type NotTakenOver } from './compose-file.ts';
import { takeOver } from './take-over.ts';
import type { Own } from './taken-service.ts';

/** A Compose file, read: what of it goes into the app, what does not, and what is wrong with it. */
export type ComposeReading = {
  /** In the words of holdpoint.yaml. */
  readonly data: Mapping;
  readonly notTakenOver: readonly NotTakenOver[];
  readonly problems: readonly ConfigProblem[];
  /** Where a path of holdpoint.yaml's words stands in this file. */
  readonly placeFor: (path: Path) => { readonly source: Source; readonly path: Path };
  readonly lineFor: (path: Path) => number;
};

/**
 * Reads the Compose file at a path that is relative to holdpoint.yaml; undefined where there is none. `own` tells what
 * holdpoint.yaml says, together with what stands under `x-holdpoint` at the left margin of the Compose file.
 */
export function readCompose(path: string, files: Files, own: (said: Mapping) => Own): ComposeReading | undefined {
  const text = files(path);
  if (text === undefined) return undefined;
  const source = sourceOf(text.replace(/^\uFEFF/, ''));
  const placeFor = (words: Path) => ({ source, path: composePath(source, words) });
  const faults = [...syntaxFaults(source)];
  const broken = [...faults, ...(faults.length > 0 ? [] : duplicateKeys(source))].map((fault): ConfigProblem => {
    const at = source.positionAt(fault.offset);
    return {
      file: path,
      at,
      key: fault.key,
      found: fault.found,
      expected: fault.expected,
      excerpt: brokenExcerptAt(source, at),
    };
  });
  const nothing = { data: {}, notTakenOver: [], placeFor, lineFor: () => 1 };
  if (broken.length > 0) return { ...nothing, problems: broken };
  const compose = composeFile(source, path, files);
  if ('about' in compose) return { ...nothing, problems: [problemAt(source, path, compose)] };
  const { data, notTakenOver, findings } = takeOver(
    compose,
    own(isMapping(compose.data['x-holdpoint']) ? compose.data['x-holdpoint'] : {}),
  );
  return {
    data,
    notTakenOver,
    problems: findings.map((finding) => problemAt(source, path, finding)),
    placeFor,
    lineFor: (words) => lineOf(compose, composePath(source, words)),
  };
}

/** Holdpoint's words stand under `x-holdpoint`, those of Compose in the service itself: the place that is found deepest. */
function composePath(source: Source, words: Path): Path {
  const [first, name, ...rest] = words;
  const candidates: Path[] =
    first === 'services' && name !== undefined
      ? [
          ['services', name, 'x-holdpoint', ...rest],
          ['services', name, ...inCompose(rest)],
        ]
      : [['x-holdpoint', ...words], words];
  const depths = candidates.map(
    (path) => placeOf(source.document, path).path.length - (path.includes('x-holdpoint') ? 1 : 0),
  );
  return candidates[depths.indexOf(Math.max(...depths))] ?? words;
}

/** Where Compose says what holdpoint.yaml says under another name. */
function inCompose([word, ...rest]: Path): Path {
  const names: Readonly<Record<string, Path>> = {
    dockerfile: ['build'],
    health: ['healthcheck', 'test'],
    instances: ['deploy', 'replicas'],
    memory: ['mem_limit'],
    port: ['ports'],
    stop: rest[0] === 'drain' ? ['stop_grace_period'] : ['stop_signal'],
  };
  return word === undefined ? [] : [...(names[String(word)] ?? [word]), ...(word === 'stop' ? [] : rest)];
}
