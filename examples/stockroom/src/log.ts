/** One JSON object a line on standard output. Callers pass no request bodies and no connection URLs. */
export function log(level: 'info' | 'warn' | 'error', event: string, fields: Record<string, unknown> = {}): void {
  process.stdout.write(`${JSON.stringify({ time: new Date().toISOString(), level, event, ...fields })}\n`);
}

/** An error's text and code without its stack, and without the `detail` in which Postgres repeats row values. */
export function errorFields(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { error: String(error) };
  return 'code' in error ? { error: error.message, code: error.code } : { error: error.message };
}
