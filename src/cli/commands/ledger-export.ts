import { resolve } from 'node:path';
import { encodeVerifierKey } from '../../evidence/note.ts';
import { exportLedger } from '../../ledger/export.ts';
import { fingerprint, PUBLIC_KEY_FILE } from '../../ledger/keys.ts';
import type { Call, ExitStatus } from '../command.ts';
import { shellWord } from '../invocation.ts';
import { ownLedger } from '../state-ledger.ts';

export async function run(call: Call): Promise<ExitStatus> {
  const { out, arguments: args, prefix } = call;
  const to = args[0] ?? '';
  const { directory, key } = await ownLedger(call);
  const { checkpoint, artefacts, tombstones } = await exportLedger({ directory, key, to: resolve(to) });
  if (out.json) {
    const { origin, size } = checkpoint;
    out.line(
      JSON.stringify({
        kind: 'exported',
        to: resolve(to),
        origin,
        size,
        artefacts,
        tombstones,
        key: encodeVerifierKey(key),
      }),
    );
    return 0;
  }
  const erased = tombstones === 0 ? '' : ` (${tombstones} erased or expired)`;
  out.line(`${checkpoint.size} entries of ${checkpoint.origin} and ${artefacts} artefacts${erased} are in ${to}`);
  out.line(`Public key ${fingerprint(key)}, in ${PUBLIC_KEY_FILE}: hand it over by another way than the export`);
  out.line(`To verify: ${prefix} ledger verify ${shellWord(to)} --key ${PUBLIC_KEY_FILE}`);
  return 0;
}
