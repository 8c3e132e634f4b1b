import type { Path } from '../document.ts';
import type { Finding } from '../explain.ts';
import { compose as composeKey } from '../schema/compose.ts';
import { handedOver, readableParts } from '../together.ts';
import { type ComposeReading, readCompose } from './compose.ts';
import { type Files, isMapping, type Mapping } from './compose-file.ts';
import { merged, mergesByEntry } from './take-over.ts';
import type { Own } from './taken-service.ts';

/** What holdpoint.yaml says, with what its Compose file says below it. */
export type WithCompose = {
  readonly data: Mapping;
  /** Path of the Compose file as it is given; empty without one. */
  readonly file: string;
  readonly taken: ComposeReading | undefined;
  readonly findings: readonly Finding[];
  /** Whether what stands at a path comes from the Compose file alone. */
  readonly isCompose: (path: Path) => boolean;
};

export function withCompose(own: Mapping, files: Files): WithCompose {
  const alone: WithCompose = { data: own, file: '', taken: undefined, findings: [], isCompose: () => false };
  const given = composeKey.safeParse(own.compose);
  if (!given.success || given.data === undefined) return alone;
  const { file, profiles } = given.data;
  const taken = readCompose(file, files, (said) => ownWords(merged(said, own), profiles));
  if (taken === undefined) {
    const expected = 'the path of a Compose file, relative to holdpoint.yaml';
    return {
      ...alone,
      findings: [{ path: ['compose'], about: 'value', found: 'no such file', expected, quoted: false }],
    };
  }
  const data = merged(taken.data, own);
  const isEmpty = taken.problems.length === 0 && isMapping(data.services) && Object.keys(data.services).length === 0;
  const { services: _none, ...withoutServices } = data;
  return {
    data: isEmpty ? withoutServices : data,
    file,
    taken,
    findings: isEmpty ? [noService(taken)] : [],
    isCompose: ([first, second]) => {
      if (typeof first !== 'string') return false;
      const [below, above] = [taken.data[first], own[first]];
      if (above === undefined) return below !== undefined;
      const isNamed = typeof second === 'string' && mergesByEntry(first) && isMapping(above) && isMapping(below);
      return isNamed && above[second] === undefined && below[second] !== undefined;
    },
  };
}

/** The reasons are told with it: they are nowhere else to be seen where there is no app. */
function noService({ notTakenOver }: ComposeReading): Finding {
  const reasons = notTakenOver
    .filter(({ what }) => /^services\.[^.: ]+$/.test(what))
    .map(({ what, because }) => `${what}: ${because}`);
  const found = `no service that can be taken over${reasons.length === 0 ? '' : ` (${reasons.join('; ')})`}`;
  return { path: ['compose'], about: 'value', found, expected: 'one, or `services` here', quoted: false };
}

function ownWords(words: Mapping, profiles: readonly string[]): Own {
  const parts = readableParts(words);
  return {
    profiles: new Set(profiles),
    ownServices: new Set(isMapping(words.services) ? Object.keys(words.services) : []),
    databaseByUrl: parts.database?.url !== undefined,
    cacheByUrl: parts.cache?.url !== undefined,
    handedOver: new Set(handedOver(parts).map(({ variable }) => variable)),
    secrets: new Set(isMapping(words.secrets) ? Object.keys(words.secrets) : []),
  };
}
