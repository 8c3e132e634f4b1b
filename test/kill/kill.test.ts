import { afterAll, beforeAll, expect, test } from 'vitest';
import { remove, temporaryDirectory } from '../temporary-state.ts';
import { BOUNDARIES, killMatrix } from './kill-matrix.ts';

let root: string;
beforeAll(() => {
  root = temporaryDirectory();
});
afterAll(() => remove(root));

test('20 SIGKILLs, at each boundary of an attempt and at random: one leaf per key, nothing run twice, nothing left', {
  timeout: 180_000,
}, async () => {
  const report = await killMatrix(root, 20, () => undefined);
  expect(report.faults).toEqual([]);
  expect(Object.keys(report.byBoundary).sort()).toEqual([...BOUNDARIES].sort());
  expect(report.launches).toBeGreaterThan(0);
});
