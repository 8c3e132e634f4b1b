import type { ServiceAddress } from './app.ts';

/** `pricing/v1`, as `addresses` has it: the service, and a path that is empty or begins with a slash. */
export function serviceAddress(to: string): Pick<ServiceAddress, 'service' | 'path'> {
  const [service = ''] = to.split('/', 1);
  return { service, path: to.slice(service.length) };
}
