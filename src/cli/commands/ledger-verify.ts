import { readFile } from 'node:fs/promises';
import { encodeVerifierKey } from '../../evidence/note.ts';
import { fail } from '../../evidence/problem.ts';
import { faultText } from '../../ledger/fault.ts';
import { fingerprint, readVerifierKey } from '../../ledger/keys.ts';
import type { Verification } from '../../ledger/verify.ts';
import { verifyLedger } from '../../ledger/verify.ts';
import type { Call, ExitStatus } from '../command.ts';
import type { Colours } from '../output.ts';
import { wanted } from '../person.ts';
import { harmless } from '../text.ts';

export async function run(call: Call): Promise<ExitStatus> {
  const { out, options, arguments: args } = call;
  const directory = args[0] ?? '';
  const key = await readVerifierKey(wanted(call, 'key', 'a ledger is only as true as the key that it is held against'));
  const since = await anchor(options.text('since'));
  const request = { directory, key: encodeVerifierKey(key) };
  const result = await verifyLedger(since === undefined ? request : { ...request, since });
  if (out.json) out.line(JSON.stringify({ ...result, kind: 'verified', result: result.kind, key: fingerprint(key) }));
  else for (const line of verificationLines(result, fingerprint(key), out.colours)) out.line(line);
  return result.kind === 'sound' ? 0 : 1;
}

async function anchor(path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined;
  try {
    return await readFile(path, 'utf8');
  } catch {
    return fail({
      kind: 'input',
      what: 'the earlier checkpoint cannot be read',
      where: path,
      next: 'give the path of a checkpoint file that was kept elsewhere',
    });
  }
}

/** Faults shown by name; a ledger in which more is wrong is not the one it says it is. */
const MOST_FAULTS = 20;

export function verificationLines(result: Verification, key: string, colours: Colours): string[] {
  const { entries, verdicts, artefacts } = result;
  const seen = [
    `Verdicts judged anew: ${verdicts.pass} pass, ${verdicts.fail} fail, ${verdicts.unknown} unknown`,
    `Artefacts: ${artefacts.present} present, ${artefacts.erased} erased, ${artefacts.expired} expired, ${artefacts.notPresent.length} not here`,
  ];
  if (result.kind === 'faulty') {
    const { faults } = result;
    const more = faults.length - MOST_FAULTS;
    return [
      colours.red(
        `FAULTY  ${faults.length === 1 ? 'one fault' : `${faults.length} faults`}; ${entries} entries are sound in themselves`,
      ),
      ...faults.slice(0, MOST_FAULTS).map((fault) => `  ${harmless(faultText(fault))}`),
      ...(more > 0 ? [`  and ${more} more (--json gives all)`] : []),
      `Key ${key}`,
    ];
  }
  const { truncation, checkpoint } = result;
  return [
    colours.green(`Sound  ${entries} entries of ${harmless(checkpoint.origin)}`),
    ...seen,
    truncation.kind === 'excluded'
      ? `Truncation and forks are excluded up to entry ${truncation.upTo - 1}: the earlier checkpoint covers ${truncation.upTo} entries`
      : colours.yellow(`Truncation is not excluded: ${truncation.because}`),
    `Key ${key}`,
  ];
}
