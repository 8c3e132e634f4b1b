import type { UnitUser } from '../unit.ts';

export type ImageUser = { readonly name: string; readonly uid: number };

/**
 * Who plays a role in the images. The ids are fixed and the users are made before any package is installed: left to
 * Debian's packages they drift between images (100 in one, 102 in the next), and files in a shared store change hands.
 * Each user has a group of its own with the same id. Packages expect system users, so ids below 1000; the app's is above.
 */
export const IMAGE_USERS: Readonly<Record<UnitUser, ImageUser>> = {
  app: { name: 'holdpoint-app', uid: 10_001 },
  postgres: { name: 'postgres', uid: 999 },
  proxy: { name: 'caddy', uid: 998 },
  monitoring: { name: 'prometheus', uid: 997 },
  cache: { name: 'redis', uid: 996 },
};
