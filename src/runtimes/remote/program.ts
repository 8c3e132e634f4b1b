import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { ownModule } from '../../hosts/own-module.ts';
import type { AgentProgram } from '../../hosts/ssh/agent-program.ts';

/** The agent as one file: as it was bundled with the package, or bundled now from the sources. */
export async function agentProgram(): Promise<AgentProgram> {
  const { url, kind } = ownModule('runtimes/remote/agent');
  if (kind === 'compiled') return { text: await readFile(url, 'utf8') };
  const { build } = await import('esbuild');
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(url)],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    logLevel: 'silent',
  });
  return { text: outputFiles.map(({ text }) => text).join('') };
}
