import type { Service } from './app.ts';

/** Whether people's requests reach it: those for its paths, or the rest. A web service without any is called by others alone. */
export const servesPeople = ({ kind, paths }: Pick<Service, 'kind' | 'paths'>): boolean =>
  kind === 'web' && (paths === 'rest' || paths.length > 0);
