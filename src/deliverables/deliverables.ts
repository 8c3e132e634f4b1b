import { alertRules, monitoringDashboard } from './configuration.ts';
import { drillProcedures } from './drills.ts';
import { preflightReport } from './preflight.ts';
import { deploymentProcedures } from './procedures.ts';
import { serviceLevelAgreement } from './sla.ts';
import type { Deliverable, DocumentSource } from './source.ts';
import { validationReport } from './validation.ts';

/** Every document that the plan owes. */
const DELIVERABLES: readonly ((source: DocumentSource) => Deliverable)[] = [
  preflightReport,
  deploymentProcedures,
  monitoringDashboard,
  alertRules,
  serviceLevelAgreement,
  validationReport,
  drillProcedures,
];

/** Made of metrics of our own servers, none of which stands beside an app that is only observed. */
const OF_OUR_MONITORING: ReadonlySet<(source: DocumentSource) => Deliverable> = new Set([
  monitoringDashboard,
  alertRules,
]);

export const deliverables = (source: DocumentSource): Deliverable[] =>
  DELIVERABLES.filter((render) => source.app.observe === undefined || !OF_OUR_MONITORING.has(render)).map((render) =>
    render(source),
  );
