import { resolve } from 'node:path';
import { objectiveText } from '../../evidence/objective.ts';
import { fail } from '../../evidence/problem.ts';
import { readVerifierKey } from '../../ledger/keys.ts';
import type { ShownEntry } from '../../ledger/show.ts';
import { showEntry } from '../../ledger/show.ts';
import type { Call, ExitStatus } from '../command.ts';
import type { Colours } from '../output.ts';
import { wanted } from '../person.ts';
import { ownLedger } from '../state-ledger.ts';
import { harmless } from '../text.ts';

export async function run(call: Call): Promise<ExitStatus> {
  const { out, options, arguments: args } = call;
  const index = entryNumber(args[0] ?? '');
  const from = options.text('from');
  const { directory, key } =
    from === undefined
      ? await ownLedger(call)
      : {
          directory: resolve(from),
          key: await readVerifierKey(wanted(call, 'key', 'an export is held against a key')),
        };
  const shown = await showEntry(directory, key, index);
  if (out.json) {
    const { leaf, hash, proof, checkpoint, signedCheckpoint, envelope, judged } = shown;
    const hashes = { hash: hash.toString('base64'), proof: proof.map((h) => h.toString('base64')) };
    out.line(
      JSON.stringify({ kind: 'entry', leaf, judged, ...hashes, size: checkpoint.size, signedCheckpoint, envelope }),
    );
  } else for (const line of entryLines(shown, out.colours)) out.line(line);
  return 0;
}

function entryNumber(text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  return fail({
    kind: 'input',
    what: `${JSON.stringify(text)} is no number of an entry`,
    next: 'give the number that board and documents name: 214',
  });
}

export function entryLines(shown: ShownEntry, colours: Colours): string[] {
  const { leaf, hash, proof, checkpoint, judged, statement } = shown;
  const { launch, step, attempt } = leaf.key;
  const paint = { pass: colours.green, fail: colours.red, unknown: colours.magenta };
  return [
    colours.bold(
      `Entry ${leaf.index}  ${leaf.body.kind}  ${launch}  ${step}${attempt > 0 ? `, attempt ${attempt}` : ''}`,
    ),
    ...judged.map(
      ({ objective, verdict }) =>
        `  ${paint[verdict.kind](verdict.kind)}  ${harmless(objectiveText(objective))}  (${harmless(verdict.because)})`,
    ),
    '',
    ...JSON.stringify(JSON.parse(statement), undefined, 2).split('\n').map(harmless),
    '',
    `Leaf hash     ${hash.toString('hex')}`,
    ...proof.map((h, i) => `${i === 0 ? 'Proof         ' : '              '}${h.toString('hex')}`),
    `Root          ${checkpoint.root.toString('hex')}`,
    `In the tree of ${checkpoint.size} entries that ${harmless(checkpoint.origin)} signed: the proof was tried and leads there`,
  ];
}
