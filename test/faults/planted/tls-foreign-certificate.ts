import type { Fault } from '../fault.ts';
import { otherDoor } from '../other-door.ts';

export const tlsForeignCertificate: Fault = {
  name: 'a certificate that does not hold',
  plants: 'the front door shows a certificate of another authority for another name',
  needs: 'preflight',
  pace: 'seconds',
  mustTurnRed: [{ step: 'A.1/tls', objectives: ['certificate'] }],
  mayTurnRed: [],
  staysGreen: ['A.1/health'],
  plant: otherDoor('a foreign certificate', { minVersion: 'TLSv1.2' }),
};
