import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { seconds } from '../evidence/units.ts';
import type { Place } from '../runtimes/runtime.ts';
import type { UnitFile } from '../runtimes/unit.ts';
import type { Part } from './part.ts';

const STORE = 'unit-exporter';

/**
 * CPU, memory, restarts and life of each unit. The program is shipped into a store, because Holdpoint itself may lie
 * where the exporter's user may not read.
 *
 * @param unitsFolder where the runtime keeps which units there are
 */
export async function unitExporter(
  settings: { readonly port: number; readonly unitsFolder: string },
  place: Place,
): Promise<Part> {
  const file = async (path: string, module: string): Promise<UnitFile> => ({
    store: STORE,
    path,
    content: await compiled(module),
    mode: 0o644,
    user: 'monitoring',
  });
  return {
    stores: [{ name: STORE, owner: 'monitoring' }],
    files: [
      await file('package.json', ''),
      await file('parts/unit-exporter-main.js', './unit-exporter-main'),
      await file('runtimes/process/proc.js', '../runtimes/process/proc'),
    ],
    units: [
      {
        name: 'unit-exporter',
        of: 'unit-exporter',
        role: 'part',
        command: [
          place.program('node'),
          place.path(STORE, 'parts/unit-exporter-main.js'),
          settings.unitsFolder,
          String(settings.port),
        ],
        environment: {},
        user: 'monitoring',
        ports: [{ name: 'metrics', number: settings.port }],
        stop: { signal: 'SIGTERM', grace: seconds(5) },
        restart: 'always',
      },
    ],
  };
}

/** A module of ours as JavaScript: as it was built, or compiled now where Holdpoint runs from its sources. */
async function compiled(module: string): Promise<string> {
  if (module === '') return '{ "type": "module" }\n';
  const read = (ending: string) => readFile(fileURLToPath(new URL(`${module}${ending}`, import.meta.url)), 'utf8');
  if (!import.meta.url.endsWith('.ts')) return read('.js');
  const { default: typescript } = await import('typescript');
  const { ModuleKind, ScriptTarget } = typescript;
  const compilerOptions = {
    module: ModuleKind.ES2022,
    target: ScriptTarget.ES2023,
    rewriteRelativeImportExtensions: true,
    verbatimModuleSyntax: true,
  };
  return typescript.transpileModule(await read('.ts'), { compilerOptions }).outputText;
}
