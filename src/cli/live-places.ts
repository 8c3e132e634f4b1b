import { readdirSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { App } from '../config/app.ts';
import { FOLDER } from '../deliverables/write.ts';
import { describeEnvironment, urls } from '../environments/environment.ts';
import { readRecord } from '../environments/record.ts';
import { systemClock } from '../evidence/units.ts';
import { localHost } from '../hosts/local.ts';
import { stateDirectoryPath } from '../server/state-directory.ts';
import type { Call } from './command.ts';
import type { Output } from './output.ts';
import { table } from './text.ts';

/** Where a person can look at what was launched. */
export type LivePlaces = {
  /** Empty where nothing of the environment gets traffic. */
  readonly urls: readonly (readonly [what: string, url: string])[];
  /** Absolute paths. */
  readonly documents: readonly string[];
};

/** The addresses of production, where something is live there, and the documents that lie beside holdpoint.yaml. */
export async function livePlaces(call: Call, app: App, settledAt: number): Promise<LivePlaces> {
  const production = describeEnvironment({
    app,
    name: 'production',
    kind: 'lasting',
    settings: app.environments.production,
    state: stateDirectoryPath(call.options.text('state')),
    host: localHost(),
    clock: systemClock,
  });
  const { live } = await readRecord(production);
  return {
    urls: live === undefined ? [] : Object.entries(urls(production)),
    documents: await renderedDocuments(join(app.root, FOLDER), settledAt),
  };
}

/** The resident process renders the documents once the launch has come to rest; that takes a moment. */
const PATIENCE = 5_000;

async function renderedDocuments(folder: string, settledAt: number): Promise<string[]> {
  for (const deadline = Date.now() + PATIENCE; ; await pause(100)) {
    const documents = documentsIn(folder);
    const fresh = documents.some((path) => statSync(path).mtimeMs >= settledAt);
    // Documents that say the same as before are not written anew, so nothing fresh may ever come.
    if (fresh || Date.now() > deadline) return documents;
  }
}

function documentsIn(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => !name.startsWith('.'))
      .sort()
      .map((name) => join(folder, name));
  } catch {
    // Nothing was rendered yet.
    return [];
  }
}

export function printPlaces({ urls: addresses, documents }: LivePlaces, out: Output): void {
  if (out.json) {
    out.line(JSON.stringify({ kind: 'places', urls: Object.fromEntries(addresses), documents }));
    return;
  }
  if (addresses.length > 0) {
    out.line('');
    out.line(out.colours.bold('Live'));
    for (const line of table(addresses)) out.line(`  ${line}`);
  }
  if (documents.length > 0) {
    out.line('');
    out.line(out.colours.bold('Documents'));
    for (const path of documents) out.line(`  ${relative(process.cwd(), path)}`);
  }
}
