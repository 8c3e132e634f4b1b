import { readFile } from 'node:fs/promises';
import { seconds } from '../evidence/units.ts';
import { ownModule } from '../hosts/own-module.ts';
import type { Place } from '../runtimes/runtime.ts';
import { contentDigest, OF_PARTS, type Part, reads } from './part.ts';

/** Text of a program's files, by path relative to a folder of its own. */
export type Program = Readonly<Record<string, string>>;

const FILES = [
  'parts/unit-exporter',
  'parts/unit-exporter-cgroup',
  'runtimes/process/proc',
  'runtimes/docker/cgroup',
] as const;

/**
 * The exporter as plain JavaScript. It is put into a store and not run from where Holdpoint lies, which may be a folder
 * that no other user can enter (a checkout in root's home). From the sources it is compiled first.
 */
export async function unitExporterProgram(): Promise<Program> {
  const files = await Promise.all(
    FILES.map(async (file) => {
      const { url, kind } = ownModule(file);
      const text = await readFile(url, 'utf8');
      return [`${file}.js`, kind === 'compiled' ? text : await transpiled(text)] as const;
    }),
  );
  return { 'package.json': '{"type":"module"}\n', ...Object.fromEntries(files) };
}

async function transpiled(source: string): Promise<string> {
  const { default: typescript } = await import('typescript');
  const { ESNext } = typescript.ModuleKind;
  return typescript.transpileModule(source, {
    compilerOptions: {
      module: ESNext,
      target: typescript.ScriptTarget.ES2023,
      rewriteRelativeImportExtensions: true,
    },
  }).outputText;
}

export type UnitExporterSettings = {
  readonly port: number;
  readonly program: Program;
};

const STORE = 'unit-exporter';

/** Processor time, memory and restarts of each unit. Speaks no TLS: Prometheus comes through Caddy's inner door. */
export function unitExporter(settings: UnitExporterSettings, place: Place): Part {
  const files = Object.entries(settings.program).map(([path, content]) => ({
    store: STORE,
    path,
    content,
    mode: 0o644,
    user: 'monitoring' as const,
  }));
  return {
    stores: [{ name: STORE, owner: 'monitoring' }],
    files,
    units: [
      {
        name: 'unit-exporter',
        of: 'unit-exporter',
        role: 'part',
        software: OF_PARTS,
        mounts: reads(STORE, ...(place.usage.from === 'cgroup' ? [place.usage.store] : [])),
        networks: ['app'],
        sees: 'usage',
        command: [
          place.program('node'),
          place.path(STORE, 'parts/unit-exporter.js'),
          place.usage.from,
          place.usage.from === 'cgroup' ? place.path(place.usage.store) : place.usage.folder,
          String(settings.port),
          place.listen,
        ],
        environment: { HOLDPOINT_PROGRAM: contentDigest(files) },
        user: 'monitoring',
        ports: [{ name: 'metrics', number: settings.port }],
        stop: { signal: 'SIGTERM', grace: seconds(5) },
        restart: 'always',
      },
    ],
  };
}
