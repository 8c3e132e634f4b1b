import type { Fault } from '../fault.ts';
import { otherDoor } from '../other-door.ts';

export const tlsObsolete: Fault = {
  name: 'TLS 1.0 is spoken',
  plants: 'the front door takes TLS 1.0 to 1.3, with the right certificate',
  needs: 'preflight',
  pace: 'seconds',
  mustTurnRed: [{ step: 'A.1/tls', objectives: ['obsolete'] }],
  mayTurnRed: [],
  staysGreen: ['A.1/health'],
  plant: otherDoor('its own certificate', { minVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' }),
};
