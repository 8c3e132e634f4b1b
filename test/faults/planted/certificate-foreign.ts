import { systemClock } from '../../../src/evidence/units.ts';
import { createAuthority, issueLeaf } from '../../../src/parts/certificates.ts';
import { changedFile } from '../changed-file.ts';
import type { Fault } from '../fault.ts';

export const certificateForeign: Fault = {
  name: 'a certificate that the authority did not sign',
  plants: 'the certificate of production is replaced by one of another authority',
  needs: 'production',
  pace: 'seconds',
  mustTurnRed: [{ step: 'A.2/certificates', objectives: ['unsigned'] }],
  mayTurnRed: [],
  staysGreen: [],
  plant: changedFile(
    ({ production }) => `${production.folder}/certificates/server.json`,
    async (text) => {
      const { hostname } = JSON.parse(text) as { hostname: string };
      const authority = await createAuthority('Somebody else', systemClock());
      const leaf = await issueLeaf(authority, { hostnames: [hostname], uses: ['server'], now: systemClock() });
      return JSON.stringify({ ...leaf, hostname });
    },
  ),
};
