import type { Host } from '../hosts/host.ts';
import type { Step } from '../plan/step.ts';

/** Of a world: the machine that Holdpoint runs on, and what the environments are on. */
type Hosts = {
  readonly host: Host;
  readonly production: { readonly host: Host };
  readonly staging: { readonly host: Host } | undefined;
};

/** While a step runs, what its host has to say is told to whoever waits for the step. */
export const toldByHost = (step: Step, world: Hosts): Step => ({
  ...step,
  async run(attempt) {
    const silence = hostOf(step, world).onNotice((notice) => attempt.progress(notice));
    try {
      return await step.run(attempt);
    } finally {
      silence();
    }
  },
});

/** Throw-away environments are on production's host; builds and tests run where Holdpoint does. */
function hostOf({ task }: Step, { host, production, staging }: Hosts): Host {
  if (task.startsWith('A')) return production.host;
  return task.startsWith('B') && staging ? staging.host : host;
}
