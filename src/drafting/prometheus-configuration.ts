import { parse } from 'yaml';
import { type Facts, textsLike } from './facts.ts';
import { type Guess, guess } from './guess.ts';

type Found = { readonly path: Guess<string> | undefined; readonly notes: readonly string[] };

type Json = Readonly<Record<string, unknown>>;
const isJson = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

/** What an existing prometheus.yml says of the app's metrics: its jobs, apart from Prometheus and exporters themselves. */
export function prometheusMetrics(facts: Facts): Found | undefined {
  const [file, text] = textsLike(facts, /(^|\/)prometheus\.ya?ml$/)[0] ?? [];
  if (file === undefined || text === undefined) return undefined;
  let read: unknown;
  try {
    read = parse(text, { logLevel: 'silent' });
  } catch {
    return undefined;
  }
  const jobs = isJson(read) && Array.isArray(read.scrape_configs) ? read.scrape_configs.filter(isJson) : [];
  const own = jobs.filter(
    ({ job_name: name }) => typeof name === 'string' && !/prometheus|exporter|node|postgres|cadvisor/.test(name),
  );
  const [job] = own;
  const path = typeof job?.metrics_path === 'string' ? job.metrics_path : '/metrics';
  return {
    path: job === undefined ? undefined : guess(path, `${file}: the job ${String(job.job_name)}`),
    notes: [`${file}: Holdpoint runs a Prometheus of its own; \`prometheus: https://…\` takes the one that you have.`],
  };
}
