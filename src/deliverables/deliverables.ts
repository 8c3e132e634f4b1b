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

export const deliverables = (source: DocumentSource): Deliverable[] => DELIVERABLES.map((render) => render(source));
