import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

describe('a verdict', () => {
  it('cannot be forged past the compiler', () => {
    const file = fileURLToPath(new URL('./forgeries/forged.ts', import.meta.url));
    const program = ts.createProgram([file], {
      strict: true,
      noEmit: true,
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
      allowImportingTsExtensions: true,
      target: ts.ScriptTarget.ES2023,
      exactOptionalPropertyTypes: true,
      skipLibCheck: true,
    });
    const source = program.getSourceFile(file);
    const refused = ts
      .getPreEmitDiagnostics(program)
      .filter((d) => d.file === source)
      .map((d) => (source?.getLineAndCharacterOfPosition(d.start ?? 0).line ?? 0) + 1);
    const lines = readFileSync(file, 'utf8').split('\n');
    const marked = lines.flatMap((line, i) => (line.startsWith('// refused:') ? [i + 1] : []));
    expect(marked.length).toBeGreaterThan(5);
    const markAbove = (line: number) => marked.findLast((mark) => mark < line);
    expect([...new Set(refused.map(markAbove))]).toEqual(marked);
  });
});
