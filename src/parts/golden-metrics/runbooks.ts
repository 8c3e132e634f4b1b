/** What somebody who is called does first, by alert: the section that `runbook_url` leads to. */
export const RUNBOOKS: Readonly<Record<string, readonly string[]>> = {
  ErrorRateHigh: [
    'Look at the board and at the dashboard: did the errors begin with a release? Then go back to the release before.',
    'Read the logs of the web services, then of the database: which request fails, and since when?',
    'Check that the database answers and that connections are left.',
  ],
  LatencyHigh: [
    'Compare with the request rate and with CPU: more load, or slower work?',
    'Look for long statements and locks in the database.',
    'If it began with a release, go back to the release before.',
  ],
  CpuHigh: [
    'See on the dashboard which service or part uses it.',
    'With more requests than usual: add instances or cores. Without: look for a loop, and restart the unit if it is stuck.',
  ],
  MemoryHigh: [
    'See whether memory still rises: a leak ends with the unit being killed at its limit.',
    'Keep the logs, then restart the unit; other instances carry the traffic meanwhile.',
  ],
  DatabaseConnectionsHigh: [
    'See who holds them (pg_stat_activity, by application and state).',
    'End idle transactions; if instances were added, lower the pool of each.',
  ],
  CertificateExpiresSoon: [
    'Renew the certificate and load it; the alert ends when the probe sees the new one.',
    'Find out why it was not renewed by itself.',
  ],
  MonitoringBlind: [
    'Treat everything that depends on the missing series as unknown, not as healthy: look at the app itself first.',
    'See whether the exporter or Prometheus runs, and whether its certificate is valid.',
  ],
  ServiceDown: [
    'See whether the unit runs and read its last log lines.',
    'Start it; if it ends again, go back to the release before.',
  ],
  UnitRestarts: [
    'Read the last log lines before each end: out of memory, a failed dependency, an unhandled error?',
    'If it began with a release, go back to the release before.',
  ],
  ErrorBudgetBurn: [
    'Judge by the windows: an hour is an incident, three days are a trend.',
    'Find what spends the budget as for ErrorRateHigh and LatencyHigh.',
    'When the budget is spent, changes wait until it has grown again.',
  ],
};
