import { generateLoad } from './generator.ts';
import type { FromChild, ToChild } from './messages.ts';

/** The generator's own process: one plan in, seconds and one outcome out. It ends with its parent. */
const abort = new AbortController();
const tell = (message: FromChild, then = () => {}) => process.send?.(message, undefined, {}, then);

process.on('disconnect', () => process.exit());
process.on('message', async (message: ToChild) => {
  if (message.kind === 'abort') return abort.abort();
  const outcome = await generateLoad(message.plan, {
    signal: abort.signal,
    onSecond: (second) => tell({ kind: 'second', second }),
  });
  tell({ kind: 'outcome', outcome }, () => process.exit());
});
