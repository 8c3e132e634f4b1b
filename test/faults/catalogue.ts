import type { Fault } from './fault.ts';
import { addressesToNobody } from './planted/addresses-to-nobody.ts';
import { alertUndelivered } from './planted/alert-undelivered.ts';
import { backupDiffers } from './planted/backup-differs.ts';
import { backupEscrow } from './planted/backup-escrow.ts';
import { buildFails } from './planted/build-fails.ts';
import { cacheOpen } from './planted/cache-open.ts';
import { cacheRefuses } from './planted/cache-refuses.ts';
import { cacheUnbounded } from './planted/cache-unbounded.ts';
import { candidateCallsNobody } from './planted/candidate-calls-nobody.ts';
import { candidateNeverReady } from './planted/candidate-never-ready.ts';
import { certificateForeign } from './planted/certificate-foreign.ts';
import { crashLostWrites } from './planted/crash-lost-writes.ts';
import { crashRefusedButWritten } from './planted/crash-refused-but-written.ts';
import { dashboardEmpty } from './planted/dashboard-empty.ts';
import { databaseSetting } from './planted/database-setting.ts';
import { headersMissing } from './planted/headers-missing.ts';
import { healthFailing } from './planted/health-failing.ts';
import { healthUndiscerning } from './planted/health-undiscerning.ts';
import { hostPortTaken } from './planted/host-port-taken.ts';
import { keysDamagedTail } from './planted/keys-damaged-tail.ts';
import { keysOtherCopy } from './planted/keys-other-copy.ts';
import { latencyErrors } from './planted/latency-errors.ts';
import { latencyPageGone } from './planted/latency-page-gone.ts';
import { latencySlow } from './planted/latency-slow.ts';
import { metricsFailing } from './planted/metrics-failing.ts';
import { migrationDownFails } from './planted/migration-down-fails.ts';
import { migrationNoWayBack } from './planted/migration-no-way-back.ts';
import { migrationUpFails } from './planted/migration-up-fails.ts';
import { ownCheckBeyond } from './planted/own-check-beyond.ts';
import { ownCheckNoNumber } from './planted/own-check-no-number.ts';
import { readinessBlind } from './planted/readiness-blind.ts';
import { readinessStuck } from './planted/readiness-stuck.ts';
import { releaseAltered } from './planted/release-altered.ts';
import { restoreDamaged } from './planted/restore-damaged.ts';
import { restoreDiffers } from './planted/restore-differs.ts';
import { rulesBlindPromtool } from './planted/rules-blind-promtool.ts';
import { rulesUnfitThreshold } from './planted/rules-unfit-threshold.ts';
import { secretInFile } from './planted/secret-in-file.ts';
import { secretInHistory } from './planted/secret-in-history.ts';
import { smokeAnotherPage } from './planted/smoke-another-page.ts';
import { smokeBroken } from './planted/smoke-broken.ts';
import { switchErrors } from './planted/switch-errors.ts';
import { switchPageGone } from './planted/switch-page-gone.ts';
import { testsCoverage } from './planted/tests-coverage.ts';
import { testsFailing } from './planted/tests-failing.ts';
import { testsNoReport } from './planted/tests-no-report.ts';
import { tlsForeignCertificate } from './planted/tls-foreign-certificate.ts';
import { tlsObsolete } from './planted/tls-obsolete.ts';
import { twinOtherRelease } from './planted/twin-other-release.ts';
import { twinSharedKey } from './planted/twin-shared-key.ts';
import { webhookRefuses } from './planted/webhook-refuses.ts';
import { windowGap } from './planted/window-gap.ts';
import { windowNoBucket } from './planted/window-no-bucket.ts';
import { windowOwnErrors } from './planted/window-own-errors.ts';
import { windowPageGone } from './planted/window-page-gone.ts';
import { windowTargetDown } from './planted/window-target-down.ts';

/** Every fault, in the order in which they are planted: those that need less standing come first. */
export const FAULTS: readonly Fault[] = [
  addressesToNobody,
  alertUndelivered,
  backupDiffers,
  backupEscrow,
  buildFails,
  cacheOpen,
  cacheRefuses,
  cacheUnbounded,
  candidateCallsNobody,
  candidateNeverReady,
  certificateForeign,
  crashLostWrites,
  crashRefusedButWritten,
  dashboardEmpty,
  databaseSetting,
  headersMissing,
  healthFailing,
  healthUndiscerning,
  hostPortTaken,
  keysDamagedTail,
  keysOtherCopy,
  latencyErrors,
  latencyPageGone,
  latencySlow,
  metricsFailing,
  migrationDownFails,
  migrationNoWayBack,
  migrationUpFails,
  ownCheckBeyond,
  ownCheckNoNumber,
  readinessBlind,
  readinessStuck,
  releaseAltered,
  restoreDamaged,
  restoreDiffers,
  rulesBlindPromtool,
  rulesUnfitThreshold,
  secretInFile,
  secretInHistory,
  smokeAnotherPage,
  smokeBroken,
  switchErrors,
  switchPageGone,
  testsCoverage,
  testsFailing,
  testsNoReport,
  tlsForeignCertificate,
  tlsObsolete,
  twinOtherRelease,
  twinSharedKey,
  webhookRefuses,
  windowGap,
  windowNoBucket,
  windowOwnErrors,
  windowPageGone,
  windowTargetDown,
];
