import { absent, exactly } from '../../../evidence/measurement.ts';
import { seconds } from '../../../evidence/units.ts';
import type { Step } from '../../../plan/step.ts';
import { type SecretFinding, scanForSecrets } from '../../../probes/secrets.ts';
import { APPLIES, ask } from '../../asking.ts';
import { notebook } from '../../observing.ts';
import type { World } from '../../world.ts';

/** Secrets in files, and in every version of every file that the history still holds. */
export const secrets = (world: World): Step => ({
  id: 'A.1/secrets',
  task: 'A.1',
  title: 'No secrets in files or history',
  needs: [],
  inputs: { source: world.inputs.source, holdpoint: world.inputs.holdpoint },
  applies: APPLIES,
  tokens: ['cpu'],
  estimate: seconds(10),
  objectives: [
    ask({ id: 'found', metric: 'secrets.found', is: ['==', 0, 'count'], source: 'plan A.1: hidden secrets' }),
    ask({
      id: 'not-scanned',
      metric: 'secrets.not-scanned',
      is: ['==', 0, 'count'],
      source: 'what was not looked at is said',
      gate: 'inform',
    }),
  ],
  retry: { kind: 'never' },
  async run() {
    const note = notebook(world.host.name, world.clock);
    const scan = await scanForSecrets(world.app.root);
    const method = {
      kind: 'file',
      text: 'secretlint, recommended rules, over tracked files and all blobs of the history',
    } as const;
    if (scan.kind === 'cannot tell')
      return [note({ metric: 'secrets.found', unit: 'count', observed: absent(scan.reason), method })];
    const n = scan.filesScanned + scan.blobsScanned;
    const examined = `${scan.filesScanned} files, ${scan.history === 'none' ? 'no history' : `${scan.blobsScanned} blobs of the history`}`;
    return [
      note({
        metric: 'secrets.found',
        unit: 'count',
        observed: exactly(scan.findings.length, n),
        method,
        note: [examined, ...scan.findings.slice(0, 5).map(place)].join('; '),
      }),
      note({
        metric: 'secrets.not-scanned',
        unit: 'count',
        observed: exactly(scan.notScanned.length, n + scan.notScanned.length),
        method,
        note: scan.notScanned[0]?.reason,
      }),
    ];
  },
});

/** Where a finding is; never what it is. */
function place({ file, line, rule, where }: SecretFinding): string {
  return `${file}:${line} ${rule}${where.kind === 'history' ? ` in commit ${where.commit.slice(0, 12)}` : ''}`;
}
