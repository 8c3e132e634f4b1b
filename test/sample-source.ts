import type { App } from '../src/config/app.ts';
import type { DocumentSource } from '../src/deliverables/source.ts';
import { goldenSettings } from '../src/parts/golden-metrics/settings.ts';
import { state } from '../src/plan/state.ts';
import type { Plan } from '../src/plan/step.ts';
import { sampleApp } from './sample-app.ts';
import type { SampleLedger } from './sample-ledger.ts';
import { RELEASE } from './sample-ledger.ts';

/** What the documents of one launch of a sample ledger are rendered from. */
export function sampleSource(
  plan: Plan,
  ledger: SampleLedger,
  launch: string,
  changes: Partial<DocumentSource> = {},
  app: App = sampleApp(),
): DocumentSource {
  return {
    app,
    plan,
    launch: state(plan, launch, ledger.leaves, ledger.now),
    now: ledger.now,
    release: RELEASE,
    ledger: { size: ledger.leaves.length, checkpoint: undefined },
    golden: goldenSettings(app, 'production'),
    procedures: [],
    drills: [],
    ...changes,
  };
}
