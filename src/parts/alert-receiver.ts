import { seconds } from '../evidence/units.ts';
import type { Place } from '../runtimes/runtime.ts';
import type { Unit } from '../runtimes/unit.ts';
import { OF_PARTS } from './part.ts';

export const ALERT_RECEIVER = 'alert-receiver';

/**
 * Where the alert arrives that is provoked to prove delivery. It prints one line a notification, `ALERTNAME STATUS`, and
 * nothing else of it. Runs only while the proof goes on.
 */
export const alertReceiver = (port: number, place: Place): Unit => ({
  name: ALERT_RECEIVER,
  of: ALERT_RECEIVER,
  role: 'part',
  software: OF_PARTS,
  command: [place.program('node'), '-e', RECEIVE, String(port), place.listen],
  mounts: [],
  networks: ['app'],
  environment: {},
  user: 'monitoring',
  ports: [{ name: 'http', number: port }],
  stop: { signal: 'SIGTERM', grace: seconds(5) },
  restart: 'always',
});

export const receivedLine = (alert: string, status: 'firing' | 'resolved'): string => `${alert} ${status}`;

const RECEIVE = `
const [port, host] = process.argv.slice(1);
require('node:http').createServer((request, response) => {
  let body = '';
  request.on('data', (chunk) => { body += chunk; });
  request.on('end', () => {
    for (const { labels, status } of JSON.parse(body).alerts) console.log(labels.alertname + ' ' + status);
    response.end();
  });
}).listen(Number(port), host);
process.on('SIGTERM', () => process.exit(0));
`;
