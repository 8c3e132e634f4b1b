import type { Service } from '../config/app.ts';
import type { Backend } from '../parts/caddy.ts';

/**
 * Where the requests of one slot go, people's and those of other services, as the app said when its instances were
 * started. What is live keeps its own while a release with other services or paths is tried beside it.
 */
export type Routing = readonly RoutedService[];

export type RoutedService = Backend & {
  readonly kind: Service['kind'];
  /** Ports of the load balancer behind which other services reach it; only a web service has one of its slot. */
  readonly doors: { readonly slot: number | undefined; readonly live: number };
};
