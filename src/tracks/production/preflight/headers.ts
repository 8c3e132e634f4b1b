import { frontPath } from '../../../config/serves-people.ts';
import { publicTarget } from '../../../environments/expectation.ts';
import { absent, exactly } from '../../../evidence/measurement.ts';
import { seconds } from '../../../evidence/units.ts';
import type { Step } from '../../../plan/step.ts';
import { observeHeaders } from '../../../probes/headers.ts';
import { ask, servesPages } from '../../asking.ts';
import { notebook } from '../../observing.ts';
import type { World } from '../../world.ts';

/** The response headers of the app's first page, against the OWASP Secure Headers Project. */
export const headers = (world: World): Step => ({
  id: 'A.1/headers',
  task: 'A.1',
  title: 'Security headers of the pages',
  needs: ['A.2/release'],
  inputs: { release: world.inputs.release, holdpoint: world.inputs.holdpoint },
  applies: servesPages(world.app),
  tokens: ['app'],
  estimate: seconds(1),
  objectives: [
    ask({ id: 'missing', metric: 'headers.missing', is: ['==', 0, 'count'], source: 'OWASP Secure Headers Project' }),
    ask({
      id: 'weak',
      metric: 'headers.weak',
      is: ['==', 0, 'count'],
      source: 'OWASP Secure Headers Project',
      gate: 'warn',
    }),
  ],
  retry: { kind: 'never' },
  async run(attempt) {
    const environment = await world.preflight(attempt);
    const note = notebook(world.host.name, world.clock);
    const pages = world.app.smoke.filter((s) => s.method === 'GET' && s.status < 400);
    const page = pages.find((s) => s.contentType?.startsWith('text/html')) ?? pages[0];
    const path = page?.path ?? frontPath(world.app.services);
    const seen = await observeHeaders(await publicTarget(environment), path, page?.headers);
    const method = { kind: 'request', text: `GET ${path} through the load balancer` } as const;
    if (seen.kind === 'cannot tell')
      return [note({ metric: 'headers.missing', unit: 'count', observed: absent(seen.reason), method })];
    const count = (state: 'missing' | 'weak') => {
      const found = seen.findings.filter((f) => f.state === state);
      const says = found.map((f) => `${f.header}: ${f.observed} (asked: ${f.requirement})`).join('; ');
      return { observed: exactly(found.length, seen.findings.length), note: says === '' ? undefined : says };
    };
    return [
      note({ metric: 'headers.missing', unit: 'count', method, ...count('missing') }),
      note({ metric: 'headers.weak', unit: 'count', method, ...count('weak') }),
    ];
  },
});
