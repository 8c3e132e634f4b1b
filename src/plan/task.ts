import type { Milliseconds } from '../evidence/units.ts';
import { hours } from '../evidence/units.ts';

export type TrackId = 'A' | 'B' | 'C';

export type Track = { readonly id: TrackId; readonly title: string };

export const TRACKS: readonly Track[] = [
  { id: 'A', title: 'Production' },
  { id: 'B', title: 'Staging' },
  { id: 'C', title: 'Enhancements' },
];

export type TaskId = 'A.1' | 'A.2' | 'A.3' | 'A.4' | 'B.1' | 'B.2' | 'B.3' | 'C.1' | 'C.2' | 'C.3' | 'C.4';

export type Task = {
  readonly id: TaskId;
  readonly track: TrackId;
  readonly title: string;
  /** What the written plan allows for it, worked by hand. */
  readonly estimate: readonly [low: Milliseconds, high: Milliseconds];
};

const task = (id: TaskId, title: string, low: number, high: number): Task => ({
  id,
  track: id[0] as TrackId,
  title,
  estimate: [hours(low), hours(high)],
});

/** The whole plan. A task that has no steps yet is "not built": it counts as nothing, and never as done. */
export const TASKS: readonly Task[] = [
  task('A.1', 'pre-production validation', 1, 2),
  task('A.2', 'production deployment', 3, 4),
  task('A.3', 'monitoring and SLA', 2, 3),
  task('A.4', 'post-deployment validation', 2, 3),
  task('B.1', 'staging environment', 1, 2),
  task('B.2', 'disaster-recovery drills', 1, 2),
  task('B.3', 'deployment automation', 1, 2),
  task('C.1', 'CI/CD pipeline', 2, 3),
  task('C.2', 'code quality', 2, 2.5),
  task('C.3', 'performance', 1.5, 2),
  task('C.4', 'documentation', 1, 1.5),
];
