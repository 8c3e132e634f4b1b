import type { Call, ExitStatus } from '../command.ts';

export async function run({ out }: Call): Promise<ExitStatus> {
  const { editorSchemaText } = await import('../../config/json-schema.ts');
  out.raw(editorSchemaText());
  return 0;
}
