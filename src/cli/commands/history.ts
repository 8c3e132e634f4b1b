import type { LaunchSummary } from '../../server/launch-view.ts';
import { tallyText } from '../board-foot.ts';
import type { Call, ExitStatus } from '../command.ts';
import { connect } from '../connect.ts';
import { table } from '../text.ts';
import { dateText, elapsedText } from '../time.ts';
import { appFolder } from '../which-launch.ts';

export async function run(call: Call): Promise<ExitStatus> {
  const resident = await connect(call, 'where-state-is');
  const here = appFolder(call);
  const environment = call.options.text('environment');
  const launches = (await resident.launches()).filter(
    (l) => (here === undefined || l.directory === here) && (environment === undefined || l.environment === environment),
  );
  if (call.out.json)
    for (const launch of launches) call.out.line(JSON.stringify({ ...launch, kind: 'history', of: launch.kind }));
  else for (const line of historyLines(launches, call)) call.out.line(line);
  return 0;
}

export function historyLines(launches: readonly LaunchSummary[], call: Pick<Call, 'prefix' | 'out'>): string[] {
  if (launches.length === 0) return [`Nothing was launched yet; \`${call.prefix} launch\` begins.`];
  const heads = ['LAUNCH', 'BEGUN', 'TOOK', 'BY', 'CAME TO', ''];
  const rows = launches.map((l) => [
    l.launch,
    dateText(l.askedAt),
    l.over === undefined ? '-' : elapsedText(l.over.at - l.askedAt),
    l.by,
    l.over?.end ?? (l.isOpen ? 'open' : 'unknown'),
    l.over === undefined ? '' : tallyText(l.over.tally),
  ]);
  const [head = '', ...lines] = table([heads, ...rows]);
  return [call.out.colours.dim(head), ...lines];
}
