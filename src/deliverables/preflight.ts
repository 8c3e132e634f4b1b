import { heading, paragraph, prose, renderMarkdown } from './document.ts';
import { head } from './head.ts';
import type { Deliverable, DocumentSource } from './source.ts';
import { stepsOf } from './source.ts';
import { stepSection } from './step-section.ts';

/** What task A.1 found before anything was put into production. */
export function preflightReport(source: DocumentSource): Deliverable {
  const steps = stepsOf(source, 'A.1');
  const blocks = [
    ...head(source, prose('Pre-flight report: production'), ['A.1']),
    heading(2, prose('Checks')),
    ...(steps.length === 0 ? [paragraph(prose('None is built: nothing was checked before production.'))] : []),
    ...steps.flatMap((step) => stepSection(source, step)),
  ];
  return { path: 'PREFLIGHT_PRODUCTION.md', content: renderMarkdown(blocks) };
}
