import { describe, expect, it } from 'vitest';
import { sampleApp } from '../../test/sample-app.ts';
import type { App, Service } from '../config/app.ts';
import { PORTS_PER_ENVIRONMENT } from '../config/schema/environments.ts';
import { PORTS_FOR_SERVICES, portsOf } from '../config/service-ports.ts';
import { portPlan } from './ports.ts';

const [web, agent] = sampleApp().services as readonly [Service, Service];
const SETTINGS = sampleApp().environments.production;
const withServices = (services: readonly Service[]): App => ({ ...sampleApp(), services });
const named = (service: Service, ...names: string[]) => names.map((name) => ({ ...service, name }));
const seven = named(web, 'a', 'b', 'c', 'd', 'e', 'f', 'g').map((s) => ({ ...s, instances: 4 }));

describe('the ports of an environment', () => {
  it.each([
    ['seven web services of four instances, and a worker', [...seven, ...named(agent, 'w')]],
    [
      'one web service of 32 instances, and an agent of 8',
      [
        { ...web, instances: 32 },
        { ...agent, instances: 8 },
      ],
    ],
    ['no service', []],
  ])('are all different and within the run: %s', (_title, services) => {
    expect(portsOf(services)).toBeLessThanOrEqual(PORTS_FOR_SERVICES);
    const ports = portPlan(withServices(services), SETTINGS)
      .all()
      .map(({ port }) => port);
    expect(new Set(ports).size).toBe(ports.length);
    const { firstPort, httpsPort } = SETTINGS;
    // The last one is the load balancer's in the environment of the pre-flight checks.
    const own = ports.filter((port) => port !== httpsPort);
    expect(own.filter((port) => port < firstPort || port > firstPort + PORTS_PER_ENVIRONMENT - 2)).toEqual([]);
  });

  it('of a service, and its doors, stay where they are as further services are named below it', () => {
    const before = portPlan(withServices([web, agent]), SETTINGS);
    const after = portPlan(withServices([web, agent, ...named(web, 'further')]), SETTINGS);
    const of = ({ name }: Service, plan: typeof before) => [
      plan.inward(name, 'live'),
      plan.service(name, name === web.name ? 'green' : undefined, 0),
    ];
    for (const service of [web, agent]) expect(of(service, after)).toEqual(of(service, before));
  });

  it('are the same for a slot whether it runs one instance or more', () => {
    const at = (instances: number) => portPlan(withServices([{ ...web, instances }, agent]), SETTINGS);
    expect(at(4).service(web.name, 'green', 0)).toBe(at(1).service(web.name, 'green', 0));
    expect(() => at(1).inward('nobody', 'live')).toThrow('nobody is no service');
  });
});
