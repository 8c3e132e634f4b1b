import type { Observe } from '../../../config/app.ts';
import { absent, exactly, type Measurement } from '../../../evidence/measurement.ts';
import { seconds } from '../../../evidence/units.ts';
import type { Step } from '../../../plan/step.ts';
import { type HeaderFinding, headerFindings } from '../../../probes/headers.ts';
import { type FollowedPage, observePage } from '../../../probes/redirects.ts';
import { APPLIES, ask } from '../../asking.ts';
import { notebook } from '../../observing.ts';
import type { World } from '../../world.ts';
import { deploymentTarget, LOOK_STANDS, observedInputs, pathBelow, SAYS_WHO } from './deployment.ts';

const schemeOf = ({ url }: Observe): 'https' | 'http' => (url.startsWith('https:') ? 'https' : 'http');

/** The response headers of the observed app's first page, and whether anybody on the way can read it. */
export const observedHeaders = (world: World, observe: Observe): Step => ({
  id: 'A.1/headers',
  task: 'A.1',
  title: 'Security headers of the observed pages',
  needs: [],
  inputs: observedInputs(world),
  applies: APPLIES,
  tokens: ['app'],
  estimate: seconds(1),
  objectives: [
    ask({
      id: 'missing',
      metric: 'headers.missing',
      is: ['==', 0, 'count'],
      source: 'OWASP Secure Headers Project',
      maximumAge: LOOK_STANDS,
    }),
    ask({
      id: 'weak',
      metric: 'headers.weak',
      is: ['==', 0, 'count'],
      source: 'OWASP Secure Headers Project',
      gate: 'warn',
      maximumAge: LOOK_STANDS,
    }),
    ask({
      id: 'unencrypted',
      metric: 'http.unencrypted',
      is: ['==', 0, 'count'],
      source: 'plan A.1: TLS',
      gate: 'warn',
      maximumAge: LOOK_STANDS,
    }),
  ],
  retry: { kind: 'never' },
  run: () => lookAtHeaders(world, observe),
});

async function lookAtHeaders(world: World, observe: Observe): Promise<Measurement[]> {
  const note = notebook(world.host.name, world.clock);
  const { smoke } = world.app;
  const page = smoke.find((s) => s.method === 'GET' && s.status < 400 && s.contentType?.startsWith('text/html'));
  const path = pathBelow(observe, page?.path ?? '/');
  const followed = await observePage(await deploymentTarget(observe), path, SAYS_WHO);
  const seen = findingsOf(followed, observe);
  const method = {
    kind: 'request',
    text: `GET ${path} of ${new URL(observe.url).origin}, redirects followed within it`,
  } as const;
  const plain = schemeOf(observe) === 'http';
  const unencrypted = note({
    metric: 'http.unencrypted',
    unit: 'count',
    observed: exactly(plain ? 1 : 0, 1),
    method,
    note: plain ? `${observe.url} is plain http: whoever stands on the way reads and changes what goes by` : undefined,
  });
  if ('reason' in seen)
    return [
      note({ metric: 'headers.missing', unit: 'count', observed: absent(seen.reason), method }),
      note({ metric: 'headers.weak', unit: 'count', observed: absent(seen.reason), method }),
      unencrypted,
    ];
  const count = (state: 'missing' | 'weak') => {
    const found = seen.findings.filter((f) => f.state === state);
    const says = found.map((f) => `${f.header}: ${f.observed} (asked: ${f.requirement})`).join('; ');
    return { observed: exactly(found.length, seen.findings.length), note: says === '' ? undefined : says };
  };
  return [
    note({ metric: 'headers.missing', unit: 'count', method, ...count('missing') }),
    note({ metric: 'headers.weak', unit: 'count', method, ...count('weak') }),
    unencrypted,
  ];
}

type Seen = { readonly findings: readonly HeaderFinding[] } | { readonly reason: string };

function findingsOf(page: FollowedPage, observe: Observe): Seen {
  if (page.kind === 'leads away')
    return { reason: `it leads to another place, ${page.to}, which is not the one observed` };
  if (page.kind === 'leads nowhere') return { reason: page.reason };
  const { exchange } = page.observation;
  if (exchange.end !== 'answered') return { reason: `${exchange.reason}: ${exchange.detail}` };
  if (exchange.status >= 400)
    return { reason: `${page.path} answers ${exchange.status}: its headers are not those of a page` };
  const scheme = schemeOf(observe);
  // RFC 6797 8.1: over plain http a browser ignores it, so that its absence there is no fault of its own.
  const asked = (f: HeaderFinding) => scheme === 'https' || f.header !== 'strict-transport-security';
  return { findings: headerFindings(exchange.headers, scheme).filter(asked) };
}
