import type { Service } from './app.ts';

/** What a description means by the `paths` that it gives, or does not give. */
export const pathsOf = ({ kind, paths }: { kind: Service['kind']; paths?: string[] | undefined }): Service['paths'] =>
  kind === 'agent' ? [] : (paths ?? 'rest');

/** Whether people's requests reach it: those for its paths, or the rest. A web service without any is called by others alone. */
export const servesPeople = ({ kind, paths }: Pick<Service, 'kind' | 'paths'>): boolean =>
  kind === 'web' && (paths === 'rest' || paths.length > 0);

/** A path that one of the services answers, where nothing else is known: `/`, unless none has the rest of all requests. */
export const frontPath = (services: readonly Pick<Service, 'kind' | 'paths'>[]): string => {
  const paths = services.filter(servesPeople).map((service) => service.paths);
  return paths.includes('rest') ? '/' : (paths.flatMap((own) => (own === 'rest' ? [] : own))[0] ?? '/');
};
