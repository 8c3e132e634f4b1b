import type { Facts } from './facts.ts';
import { type DatabaseDraft, type Findings, guess, type ServiceDraft } from './guess.ts';

type ParseServer = {
  readonly service?: Partial<ServiceDraft>;
  readonly database?: Pick<DatabaseDraft, 'variable'>;
  readonly secrets?: Findings['secrets'];
};

const FROM = 'package.json: parse-server, whose options have these variables';

/** parse-server reads each option from a variable of its own (its `Options/Definitions`). */
export function parseServer(facts: Facts): ParseServer {
  const configured = [...facts.texts].filter(([path]) => path === 'config.json').map(([, text]) => text)[0] ?? '';
  const mount = /"mountPath"\s*:\s*"([^"]+)"/.exec(configured)?.[1] ?? '/parse';
  return {
    service: {
      portVariable: guess('PORT', FROM),
      hostVariable: guess('PARSE_SERVER_HOST', FROM),
      health: guess({ path: `${mount}/health`, contentType: 'application/json', contains: '"status":"ok"' }, FROM),
      volumes: [{ name: 'logs', value: 'PARSE_SERVER_LOGS_FOLDER', from: FROM }],
    },
    database: { variable: guess('PARSE_SERVER_DATABASE_URI', FROM) },
    secrets: [{ name: 'master-key', reference: 'generated:32', variable: 'PARSE_SERVER_MASTER_KEY', from: FROM }],
  };
}
