import { compose, knownSecrets } from '../../server/composition.ts';
import { serveUntilSignalled } from '../../server/serve.ts';
import { stateDirectoryPath } from '../../server/state-directory.ts';
import type { Call, ExitStatus } from '../command.ts';
import { ensureServiceUser } from '../connect.ts';
import { packageVersion } from '../package-version.ts';

export async function run(call: Call): Promise<ExitStatus> {
  const { out, options } = call;
  const databaseUrlFile = options.text('databaseUrlFile');
  if (databaseUrlFile === undefined) await ensureServiceUser(call);
  const state = stateDirectoryPath(options.text('state'));
  const version = packageVersion();
  await serveUntilSignalled(
    { state, databaseUrlFile, version, compose: compose(version), secrets: () => knownSecrets(state) },
    (resident) => {
      if (out.json) out.line(JSON.stringify({ kind: 'serving', state: resident.state.root, socket: resident.socket }));
      else out.line(`Holdpoint serves ${resident.state.root} on ${resident.socket}; Ctrl-C ends it.`);
    },
  );
  // Everything is closed. What still waits for a server that was let go of, an engine over a line that is closed, ends here.
  process.exit(0);
}
