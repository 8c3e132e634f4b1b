import { webhookUrls } from '../../../environments/monitoring.ts';
import { exactly } from '../../../evidence/measurement.ts';
import { seconds } from '../../../evidence/units.ts';
import type { Step } from '../../../plan/step.ts';
import { observe } from '../../../probes/http.ts';
import { appliesIf, ask } from '../../asking.ts';
import { notebook } from '../../observing.ts';
import type { World } from '../../world.ts';

/** Tells the team's webhooks what was deployed, as a CloudEvent that carries a CDEvent (service.deployed). */
export const webhook = (world: World): Step => ({
  id: 'A.2/webhook',
  task: 'A.2',
  title: "Tell the team's webhooks",
  needs: ['A.2/smoke'],
  inputs: { production: world.inputs.production, release: world.inputs.release },
  applies: appliesIf(world.app.notifications.length > 0, 'the app declares no notifications'),
  tokens: [],
  estimate: seconds(2),
  objectives: [
    ask({
      id: 'refused',
      metric: 'webhook.refused',
      is: ['==', 0, 'count'],
      source: 'plan A.2: a webhook',
      gate: 'warn',
    }),
  ],
  retry: { kind: 'back-off', attempts: 3, first: seconds(5), factor: 3 },
  async run(attempt) {
    const note = notebook(world.host.name, world.clock);
    const { digest } = await world.release();
    const body = JSON.stringify({
      context: {
        version: '0.4.1',
        id: `${attempt.launch}/${attempt.number}`,
        source: `/holdpoint/${world.app.name}`,
        type: 'dev.cdevents.service.deployed.0.2.0',
        timestamp: new Date(world.clock()).toISOString(),
      },
      subject: {
        id: world.app.name,
        type: 'service',
        content: { environment: { id: world.production.name }, artifactId: `pkg:generic/${world.app.name}@${digest}` },
      },
    });
    const refused: string[] = [];
    const urls = await webhookUrls(world.production);
    for (const [i, url] of urls.entries()) {
      const { origin, pathname, search } = new URL(url);
      const { exchange } = await observe(
        { baseUrl: origin, timeoutMs: 10_000 },
        { method: 'POST', path: `${pathname}${search}`, headers: { 'content-type': 'application/json' }, body },
      );
      // The URL may carry a token: it is told by its number.
      if (exchange.end !== 'answered') refused.push(`webhook ${i + 1}: ${exchange.reason}`);
      else if (exchange.status >= 300) refused.push(`webhook ${i + 1}: status ${exchange.status}`);
    }
    return [
      note({
        metric: 'webhook.refused',
        unit: 'count',
        observed: exactly(refused.length, urls.length),
        method: { kind: 'request', text: 'POST of dev.cdevents.service.deployed' },
        note: refused[0],
      }),
    ];
  },
});
