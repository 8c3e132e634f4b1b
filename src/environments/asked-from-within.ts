import { randomUUID } from 'node:crypto';
import type { HttpExpectation } from '../config/app.ts';
import { milliseconds, seconds } from '../evidence/units.ts';
import { OF_PARTS } from '../parts/part.ts';
import type { Place } from '../runtimes/runtime.ts';
import type { Job } from '../runtimes/unit.ts';
import { jobEndText, jobSucceeded } from './database.ts';
import type { Environment } from './environment.ts';
import { differenceIn } from './expectation.ts';

/**
 * Sends a request from where the services are, in their network and as none of them. Undefined where the answer is as
 * expected; else what was different, in a sentence.
 */
export async function differenceFromWithin(
  { runtime }: Environment,
  url: string,
  asked: HttpExpectation,
  signal: AbortSignal,
): Promise<string | undefined> {
  const end = await runtime.job(askJob(url, asked, runtime.place), signal);
  if (!jobSucceeded(end)) return `the request could not be sent: the command ${jobEndText(end)}`;
  const said = saidBy(end.output);
  if (said === undefined) return 'the request could not be sent: the command did not say what it saw';
  if (said.kind === 'error') return said.reason;
  const body = Buffer.from(said.holds ? (asked.contains ?? '') : '');
  return differenceIn(
    {
      end: 'answered',
      status: said.status,
      headers: { 'content-type': said.type },
      body,
      bodyBytes: body.length,
      reusedConnection: false,
      timing: { startedMs: 0, endedMs: 0 },
    },
    asked,
  );
}

type Said =
  | { readonly kind: 'answer'; readonly status: number; readonly type: string; readonly holds: boolean }
  | { readonly kind: 'error'; readonly reason: string };

/** The last line that the job printed. */
function saidBy(output: string): Said | undefined {
  try {
    const said: unknown = JSON.parse(output.trim().split('\n').at(-1) ?? '');
    return isSaid(said) ? said : undefined;
  } catch {
    return undefined;
  }
}

function isSaid(said: unknown): said is Said {
  if (typeof said !== 'object' || said === null || !('kind' in said)) return false;
  if (said.kind === 'error') return 'reason' in said && typeof said.reason === 'string';
  return 'status' in said && typeof said.status === 'number' && 'holds' in said && typeof said.holds === 'boolean';
}

const ANSWER_WITHIN = milliseconds(10_000);

const askJob = (url: string, asked: HttpExpectation, place: Place): Job => ({
  // Another one each time: a job of the same name that ended while nobody waited would give what it saw then.
  name: `ask-from-within-${randomUUID().slice(0, 8)}`,
  software: OF_PARTS,
  command: [
    place.program('node'),
    '-e',
    ASK,
    url,
    JSON.stringify({ method: asked.method, headers: asked.headers, body: asked.body, contains: asked.contains }),
    String(ANSWER_WITHIN),
  ],
  mounts: [],
  networks: ['app'],
  environment: {},
  user: 'proxy',
  timeLimit: seconds(30),
});

/** Says of the body only whether it holds what is looked for: the rest may be somebody's data. */
const ASK = `
const { request } = require('node:http');
const [url, given, within] = process.argv.slice(1);
const { method, headers, body, contains } = JSON.parse(given);
const say = (said) => { process.stdout.write(JSON.stringify(said) + '\\n', () => process.exit(0)); };
const timer = setTimeout(() => say({ kind: 'error', reason: 'no answer within ' + within / 1000 + ' s' }), Number(within));
const sent = request(url, { method, headers, agent: false }, (answer) => {
  const parts = [];
  let bytes = 0;
  answer.on('data', (part) => { if (bytes < 1048576) parts.push(part); bytes += part.length; });
  answer.on('error', (error) => say({ kind: 'error', reason: error.message }));
  answer.on('end', () => {
    clearTimeout(timer);
    const holds = contains === undefined || Buffer.concat(parts).includes(contains);
    say({ kind: 'answer', status: answer.statusCode, type: answer.headers['content-type'] ?? '', holds });
  });
});
sent.on('error', (error) => say({ kind: 'error', reason: error.message }));
sent.end(body);
`;
