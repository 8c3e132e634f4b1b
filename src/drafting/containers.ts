import { healthPathIn } from '../config/compose/service-words.ts';
import { type Facts, firstOf, lineAt } from './facts.ts';
import { type Findings, guess, type ServiceDraft } from './guess.ts';

export const COMPOSE_FILES = ['compose.yaml', 'compose.yml', 'docker-compose.yaml', 'docker-compose.yml'] as const;

/** Compose's own order of names. */
export const composeFileOf = (facts: Facts): string | undefined => firstOf(facts, COMPOSE_FILES);

/** The service that a Dockerfile at the root builds; undefined where there is none. */
export function dockerfileApp(facts: Facts): Findings | undefined {
  const text = facts.texts.get('Dockerfile');
  if (text === undefined) return undefined;
  // Of several stages the last one runs.
  const stages = text.split(/^FROM\s/im);
  const last = stages.at(-1) ?? '';
  const before = text.length - last.length;
  const place = (index: number) => `Dockerfile, line ${lineAt(text, before + index)}`;
  const port = /^EXPOSE\s+(\d+)/im.exec(last);
  const check = /^HEALTHCHECK\s[\s\S]*?CMD\s+(.*(?:\\\n.*)*)/im.exec(last);
  const path = check === null ? undefined : healthPathIn(check[1] ?? '');
  const told = /^ENV\s+(?:.*\s)?PORT[= ]\s*"?(\d+)/im.exec(last);
  const isTold = told !== null && (port === null || told[1] === port[1]);
  const service: ServiceDraft = {
    name: 'web',
    kind: 'web',
    start: { key: 'dockerfile', value: 'Dockerfile', from: 'Dockerfile' },
    ...(isTold ? { portVariable: guess('PORT', place(told.index)) } : {}),
    ...(port === null || isTold ? {} : { port: guess(Number(port[1]), `${place(port.index)}: EXPOSE`) }),
    ...(path === undefined || check === null ? {} : { health: guess(path, `${place(check.index)}: HEALTHCHECK`) }),
  };
  return { services: [service] };
}
