import { relative } from 'node:path';
import { fieldOf, type Json } from '../engine/request.ts';
import { ProblemError } from '../evidence/problem.ts';
import type { ResidentClient } from '../server/client.ts';
import type { Call } from './command.ts';
import { byName } from './person.ts';
import { harmless, table } from './text.ts';

/**
 * Prints where a person can look at what was launched: the live addresses, and the documents that were rendered. What the
 * launch came to stands without them, so that they could not be rendered is said and is no error of the launch.
 */
export async function printPlaces(call: Call, resident: ResidentClient, launch: string): Promise<void> {
  const { out } = call;
  let places: Json;
  try {
    places = await resident.operate('places', byName(call), { launch }, () => undefined);
  } catch (thrown) {
    if (!(thrown instanceof ProblemError)) throw thrown;
    const { what, next } = thrown.problem;
    out.remark(harmless(`The documents could not be rendered: ${what}. To mend it: ${next}`));
    return;
  }
  if (out.json) {
    out.line(JSON.stringify({ kind: 'places', places }));
    return;
  }
  const urls = Object.entries(fieldOf(places, 'urls') ?? {});
  section(call, 'Live', table(urls.map(([what, url]) => [what, String(url)])));
  const documents = Object.values(fieldOf(places, 'documents') ?? {});
  const paths = documents.map((path) => relative(process.cwd(), String(path)));
  section(call, 'Documents', paths);
}

function section({ out }: Call, title: string, lines: readonly string[]): void {
  if (lines.length === 0) return;
  out.line('');
  out.line(out.colours.bold(title));
  for (const line of lines) out.line(`  ${harmless(line)}`);
}
