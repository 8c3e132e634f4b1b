import type { Observe } from '../../../config/app.ts';
import { absent, exactly, type Measurement } from '../../../evidence/measurement.ts';
import { seconds } from '../../../evidence/units.ts';
import type { Step } from '../../../plan/step.ts';
import { observeTls } from '../../../probes/tls.ts';
import { appliesIf, ask } from '../../asking.ts';
import { notebook } from '../../observing.ts';
import type { World } from '../../world.ts';
import { tlsMeasurements } from '../preflight/tls.ts';
import { authoritiesOf, LOOK_STANDS, observedInputs } from './deployment.ts';

/** Which TLS versions the observed server speaks, by handshakes without a request, and whether its certificate holds. */
export const observedTls = (world: World, observe: Observe): Step => ({
  id: 'A.1/tls',
  task: 'A.1',
  title: 'The observed server speaks TLS 1.2 and 1.3 only, with a certificate that holds',
  needs: [],
  inputs: observedInputs(world),
  applies: appliesIf(observe.url.startsWith('https:'), '`observe.url` is plain http: there is no TLS to look at'),
  tokens: ['app'],
  estimate: seconds(1),
  objectives: [
    ask({
      id: 'obsolete',
      metric: 'tls.obsolete-accepted',
      is: ['==', 0, 'count'],
      source: 'RFC 8996: TLS 1.0 and 1.1 must not be used',
      minimumSamples: 2,
      maximumAge: LOOK_STANDS,
    }),
    ask({
      id: 'current',
      metric: 'tls.current-accepted',
      is: ['>=', 1, 'count'],
      source: 'plan A.1: TLS',
      maximumAge: LOOK_STANDS,
    }),
    ask({
      id: 'certificate',
      metric: 'tls.certificate-faults',
      is: ['==', 0, 'count'],
      source: 'plan A.1: certificates',
      maximumAge: LOOK_STANDS,
    }),
    // Ours are renewed by us; who renews this one, and when, cannot be seen.
    ask({
      id: 'days',
      metric: 'certificate.days-left',
      is: ['>=', 30, 'days'],
      source: 'plan A.3: certificate > 30 days',
      gate: 'warn',
      maximumAge: LOOK_STANDS,
    }),
  ],
  retry: { kind: 'never' },
  run: () => lookAtTls(world, observe),
});

async function lookAtTls(world: World, observe: Observe): Promise<Measurement[]> {
  const note = notebook(world.host.name, world.clock);
  const { hostname, port } = new URL(observe.url);
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  const ca = await authoritiesOf(observe, 'observe.caFile');
  const seen = await observeTls({
    host,
    port: Number(port || 443),
    ...(ca === undefined ? {} : { ca }),
    timeoutMs: 5_000,
  });
  const method = {
    kind: 'handshake',
    text: `one handshake with ${host} for each of TLS 1.0, 1.1, 1.2, 1.3, each first made against a control server`,
  } as const;
  const { certificate } = seen;
  return [
    ...tlsMeasurements(seen, method, note),
    note({
      metric: 'certificate.days-left',
      unit: 'days',
      observed: certificate.kind === 'seen' ? exactly(certificate.certificate.daysLeft, 1) : absent(certificate.reason),
      method,
    }),
  ];
}
