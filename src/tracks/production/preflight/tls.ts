import { readFile } from 'node:fs/promises';
import { authorityFile } from '../../../environments/certificates.ts';
import { door } from '../../../environments/environment.ts';
import { absent, exactly, type Measurement, type Method, type Observed } from '../../../evidence/measurement.ts';
import { seconds } from '../../../evidence/units.ts';
import type { Step } from '../../../plan/step.ts';
import { type Handshake, observeTls, type TlsObservation } from '../../../probes/tls.ts';
import { ask, hasWebService } from '../../asking.ts';
import { type Notebook, notebook } from '../../observing.ts';
import type { World } from '../../world.ts';

/** Which TLS versions the load balancer speaks, by real handshakes, and whether its certificate holds. */
export const tls = (world: World): Step => ({
  id: 'A.1/tls',
  task: 'A.1',
  title: 'TLS 1.2 and 1.3 only, with a certificate that holds',
  needs: ['A.2/release'],
  inputs: { release: world.inputs.release, holdpoint: world.inputs.holdpoint },
  applies: hasWebService(world.app),
  tokens: ['app'],
  estimate: seconds(1),
  objectives: [
    ask({
      id: 'obsolete',
      metric: 'tls.obsolete-accepted',
      is: ['==', 0, 'count'],
      source: 'RFC 8996: TLS 1.0 and 1.1 must not be used',
      minimumSamples: 2,
    }),
    ask({ id: 'current', metric: 'tls.current-accepted', is: ['>=', 1, 'count'], source: 'plan A.1: TLS' }),
    ask({
      id: 'certificate',
      metric: 'tls.certificate-faults',
      is: ['==', 0, 'count'],
      source: 'plan A.1: certificates',
    }),
  ],
  retry: { kind: 'never' },
  async run(attempt) {
    const environment = await world.preflight(attempt);
    const note = notebook(world.host.name, world.clock);
    const seen = await observeTls({
      ...(await door(environment, 'public')),
      serverName: environment.settings.hostname,
      ca: await readFile(authorityFile(environment), 'utf8'),
      timeoutMs: 5_000,
    });
    const method = {
      kind: 'handshake',
      text: 'one handshake for each of TLS 1.0, 1.1, 1.2, 1.3, each first made against a control server',
    } as const;
    return tlsMeasurements(seen, method, note);
  },
});

/** What handshakes showed of versions and certificate. */
export function tlsMeasurements(seen: TlsObservation, method: Method, note: Notebook): Measurement[] {
  const words = seen.handshakes.map((h) => `${h.version} ${h.state}`).join(', ');
  return [
    note({
      metric: 'tls.obsolete-accepted',
      unit: 'count',
      observed: accepted(seen, ['TLSv1', 'TLSv1.1']),
      method,
      note: words,
    }),
    note({
      metric: 'tls.current-accepted',
      unit: 'count',
      observed: accepted(seen, ['TLSv1.2', 'TLSv1.3']),
      method,
      note: words,
    }),
    note({ metric: 'tls.certificate-faults', unit: 'count', method, ...certificateFaults(seen) }),
  ];
}

/** How many of the versions were accepted; absent as soon as one handshake could not tell. */
function accepted({ handshakes }: TlsObservation, versions: readonly Handshake['version'][]): Observed {
  const meant = handshakes.filter((h) => versions.includes(h.version));
  const unclear = meant.find((h) => h.state === 'cannot tell');
  if (unclear && unclear.state === 'cannot tell') return absent(`${unclear.version}: ${unclear.reason}`);
  return exactly(meant.filter((h) => h.state === 'accepted').length, meant.length);
}

function certificateFaults({ certificate: seen }: TlsObservation): {
  observed: Observed;
  note: string | undefined;
} {
  if (seen.kind === 'not seen') return { observed: absent(seen.reason), note: undefined };
  const { chain, hostName, daysLeft, subject, key, notAfter } = seen.certificate;
  const faults = [
    ...(chain.kind === 'valid' ? [] : [`chain: ${chain.reason}`]),
    ...(hostName === 'matches' ? [] : ['it is for another host']),
    ...(daysLeft > 0 ? [] : ['it has expired']),
  ];
  const about = `${subject}, ${key}, until ${notAfter.slice(0, 10)}`;
  return { observed: exactly(faults.length, 3), note: faults.length === 0 ? about : `${about}: ${faults.join('; ')}` };
}
