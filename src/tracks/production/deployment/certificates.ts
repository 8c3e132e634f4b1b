import { X509Certificate } from 'node:crypto';
import { ensureCertificates } from '../../../environments/certificates.ts';
import { exactly } from '../../../evidence/measurement.ts';
import { days, seconds } from '../../../evidence/units.ts';
import type { Step } from '../../../plan/step.ts';
import { APPLIES, ask } from '../../asking.ts';
import { notebook } from '../../observing.ts';
import type { World } from '../../world.ts';

/** A certificate of the environment's own authority for the app, Prometheus, Alertmanager and everything scraped. */
export const certificates = (world: World): Step => ({
  id: 'A.2/certificates',
  task: 'A.2',
  title: 'Certificates for the app and everything beside it',
  needs: ['A.1/*'],
  inputs: { production: world.inputs.production },
  applies: APPLIES,
  tokens: [],
  estimate: seconds(1),
  objectives: [
    ask({ id: 'unsigned', metric: 'certificate.faults', is: ['==', 0, 'count'], source: 'plan A.2: certificates' }),
    ask({
      id: 'days',
      metric: 'certificate.days-left',
      is: ['>=', 30, 'days'],
      source: 'plan A.3: certificate > 30 days',
      maximumAge: days(1),
    }),
  ],
  retry: { kind: 'never' },
  async run() {
    const note = notebook(world.host.name, world.clock);
    const { authority, server } = await ensureCertificates(world.production);
    const leaf = new X509Certificate(server.certificate);
    const ca = new X509Certificate(authority);
    const { hostname } = world.production.settings;
    const faults = [
      ...(leaf.verify(ca.publicKey) && leaf.checkIssued(ca) ? [] : ['it is not signed by the authority']),
      ...(leaf.checkHost(hostname) === undefined ? [`it does not name ${hostname}`] : []),
      ...(leaf.checkIP('127.0.0.1') === undefined ? ['it does not name 127.0.0.1'] : []),
    ];
    const left = (Date.parse(leaf.validTo) - world.clock()) / days(1);
    const method = { kind: 'file', text: 'signature, names and dates of the certificate' } as const;
    return [
      note({
        metric: 'certificate.faults',
        unit: 'count',
        observed: exactly(faults.length, 3),
        method,
        note: faults[0] ?? `${leaf.subject}, until ${leaf.validTo}`,
      }),
      note({ metric: 'certificate.days-left', unit: 'days', observed: exactly(left, 1), method }),
    ];
  },
});
