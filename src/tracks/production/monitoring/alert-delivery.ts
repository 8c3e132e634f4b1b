import { setTimeout as sleep } from 'node:timers/promises';
import type { Environment } from '../../../environments/environment.ts';
import { tellDelivery } from '../../../environments/monitoring.ts';
import { absent, exactly } from '../../../evidence/measurement.ts';
import { days, type Milliseconds, minutes, seconds } from '../../../evidence/units.ts';
import { ALERT_RECEIVER, alertReceiver, receivedLine } from '../../../parts/alert-receiver.ts';
import { DELIVERY_CHECK } from '../../../parts/alertmanager.ts';
import { ALERTING } from '../../../parts/golden-metrics/queries.ts';
import type { Attempt, Step } from '../../../plan/step.ts';
import { ask, ownPrometheus } from '../../asking.ts';
import { notebook, timed } from '../../observing.ts';
import type { World } from '../../world.ts';

const ARRIVES_WITHIN: Milliseconds = minutes(2);

/** An alert is provoked for real: Prometheus loses a target, fires, Alertmanager posts it to a webhook, which notes when. */
export const alertDelivery = (world: World): Step => ({
  id: 'A.3/alert-delivery',
  task: 'A.3',
  title: 'A provoked alert arrives at a webhook, and its end too',
  needs: ['A.3/watched'],
  inputs: { production: world.inputs.production, holdpoint: world.inputs.holdpoint },
  applies: ownPrometheus(world.app),
  tokens: [],
  estimate: seconds(40),
  objectives: [
    ask({
      id: 'undelivered',
      metric: 'alert.undelivered',
      is: ['==', 0, 'count'],
      source: 'plan A.3: one alert delivered to the webhook',
      maximumAge: days(1),
      minimumSamples: 2,
    }),
    ask({
      id: 'delivery',
      metric: ALERTING.delivery,
      is: ['<', 120_000, 'ms'],
      source: 'our own bound: two minutes',
      maximumAge: days(1),
    }),
  ],
  retry: { kind: 'never' },
  async run(attempt) {
    const note = notebook(world.host.name, world.clock);
    const inbox = await openInbox(world.production);
    try {
      attempt.progress('provokes an alert');
      const provoked = world.clock();
      await tellDelivery(world.production, 'going');
      const fired = await inbox.arrival('firing', attempt);
      const took = fired === undefined ? undefined : world.clock() - provoked;
      attempt.progress(
        took === undefined ? 'no alert arrived' : `it arrived after ${Math.round(took / 1000)} s; waits for its end`,
      );
      await tellDelivery(world.production, 'over');
      const resolved = fired === undefined ? undefined : await inbox.arrival('resolved', attempt);
      const missing = [fired, resolved].filter((seen) => seen === undefined).length;
      const method = {
        kind: 'request',
        text: `POST of ${DELIVERY_CHECK} by Alertmanager to a webhook of ours; Prometheus had lost a target`,
      } as const;
      return [
        note({
          metric: 'alert.undelivered',
          unit: 'count',
          observed: exactly(missing, 2),
          method,
          note: missing === 0 ? 'firing and resolved both arrived' : undefined,
        }),
        note({
          metric: ALERTING.delivery,
          unit: 'ms',
          observed: took === undefined ? absent('the alert did not arrive') : timed(took),
          method,
        }),
      ];
    } finally {
      await tellDelivery(world.production, 'over');
      await inbox.close();
    }
  },
});

type Inbox = {
  arrival(status: 'firing' | 'resolved', attempt: Attempt): Promise<'arrived' | undefined>;
  close(): Promise<void>;
};

/** A unit beside Alertmanager, so that the way of the alert is the same on every host and runtime. */
async function openInbox({ runtime, ports }: Environment): Promise<Inbox> {
  // What one that was cut off has received is no arrival of this alert.
  await runtime.remove(ALERT_RECEIVER);
  await runtime.start(alertReceiver(ports.alertReceiver, runtime.place));
  return {
    async arrival(status, attempt) {
      const end = performance.now() + ARRIVES_WITHIN;
      const line = receivedLine(DELIVERY_CHECK, status);
      while (!(await runtime.logs(ALERT_RECEIVER, 50)).includes(line)) {
        if (performance.now() > end || attempt.signal.aborted) return undefined;
        await sleep(100);
      }
      return 'arrived';
    },
    close: () => runtime.remove(ALERT_RECEIVER),
  };
}
