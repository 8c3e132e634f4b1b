import { posix } from 'node:path';
import type { Path } from '../document.ts';
import { at, type ComposeFile, isMapping, itemsOf, type Mapping, type NotTakenOver, textOf } from './compose-file.ts';

export type Remark = Omit<NotTakenOver, 'line'> & { readonly path: Path };

/** What a service is made of, in the words of holdpoint.yaml; undefined where the file does not say it. */
export function sourceOf(compose: ComposeFile, service: Mapping): Mapping | undefined {
  const { build, image } = service;
  const inRoot = (path: string) => posix.join(compose.folder, path);
  if (typeof build === 'string')
    return { dockerfile: { file: inRoot(posix.join(build, 'Dockerfile')), context: inRoot(build) } };
  if (isMapping(build)) {
    const context = textOf(build.context) ?? '.';
    return {
      dockerfile: {
        file: inRoot(posix.join(context, textOf(build.dockerfile) ?? 'Dockerfile')),
        context: inRoot(context),
        ...(build.target === undefined ? {} : { target: build.target }),
        ...(build.args === undefined ? {} : { arguments: pairs(build.args) }),
      },
    };
  }
  return typeof image === 'string' ? { image } : undefined;
}

/** `KEY: value`, or a list of `KEY=value`. */
function pairs(given: unknown): Mapping {
  if (isMapping(given)) return given;
  return Object.fromEntries(
    itemsOf(given).map((item) => {
      const [name = '', ...value] = (textOf(item) ?? '').split('=');
      return [name, value.join('=')];
    }),
  );
}

export type Ports = { readonly container: number | undefined; readonly published: boolean };

/** The first port that is published, else the first that is exposed. */
export function portsOf(service: Mapping): Ports {
  const ports = itemsOf(service.ports).map((port) =>
    isMapping(port)
      ? textOf(port.target)
      : (textOf(port) ?? '')
          .replace(/\/\w+$/, '')
          .split(':')
          .at(-1),
  );
  const exposed = itemsOf(service.expose).map((port) => (textOf(port) ?? '').replace(/\/\w+$/, ''));
  const container = Number([...ports, ...exposed][0] ?? Number.NaN);
  return { container: Number.isInteger(container) ? container : undefined, published: ports.length > 0 };
}

/** Named volumes by the folder in which the service sees them; the rest of `volumes` as remarks. */
export function mountsOf(name: string, service: Mapping): { named: ReadonlyMap<string, string>; remarks: Remark[] } {
  const named = new Map<string, string>();
  const remarks: Remark[] = [];
  for (const [i, item] of itemsOf(service.volumes).entries()) {
    const { source, target, type } = mount(item);
    const path = ['services', name, 'volumes', i];
    if (type === 'volume' && source !== undefined && target !== undefined) named.set(source, target);
    else
      remarks.push({
        path,
        what: `services.${name}: the mount at ${target ?? 'an unknown place'}`,
        because:
          type === 'bind'
            ? 'files come with the image or the built tree; nothing of the host is mounted'
            : 'only named volumes are kept',
      });
  }
  return { named, remarks };
}

type Mount = { readonly source: string | undefined; readonly target: string | undefined; readonly type: string };

function mount(item: unknown): Mount {
  if (isMapping(item))
    return { source: textOf(item.source), target: textOf(item.target), type: textOf(item.type) ?? 'volume' };
  const [source, target] = (textOf(item) ?? '').split(':');
  if (target === undefined) return { source: undefined, target: source, type: 'anonymous' };
  return { source, target, type: /^[./~]/.test(source ?? '') ? 'bind' : 'volume' };
}

/** The path that a health check of Compose asks for, where it is a request to the service itself. */
export function healthPath(service: Mapping): string | undefined {
  const { healthcheck } = service;
  if (!isMapping(healthcheck)) return undefined;
  return healthPathIn(
    itemsOf(healthcheck.test)
      .map((word) => textOf(word) ?? '')
      .join(' '),
  );
}

/** `curl -f http://localhost:8000/healthz` asks for `/healthz`; undefined for what asks nothing of the service itself. */
export function healthPathIn(command: string): string | undefined {
  if (!/\b(curl|wget|http|fetch|urlopen|urllib|requests)\b/.test(command)) return undefined;
  const found = /https?:\/\/(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\])(?::[\w${}]+)?(\/[^\s"'`)|;]*)?/.exec(command);
  return found === null ? undefined : (found[1] ?? '/');
}

/** Compose's `512m`, `1gb`, `1073741824`: powers of 1024, whatever the letter case. */
export function memoryOf(service: Mapping): string | undefined {
  const given = textOf(at(service, ['deploy', 'resources', 'limits', 'memory'])) ?? textOf(service.mem_limit);
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?)\s*([bkmg]?)b?$/i.exec(given ?? '') ?? [];
  if (number === undefined) return given;
  const factor = { '': 1, b: 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 }[unit.toLowerCase()] ?? 1;
  return `${Math.round(Number(number) * factor)} B`;
}

export function stopOf(service: Mapping): Mapping | undefined {
  const signal = textOf(service.stop_signal);
  const drain = textOf(service.stop_grace_period);
  if (signal === undefined && drain === undefined) return undefined;
  return {
    ...(signal === undefined ? {} : { signal: signal.startsWith('SIG') ? signal : `SIG${signal}` }),
    ...(drain === undefined ? {} : { drain }),
  };
}

export const instancesOf = (service: Mapping): unknown => {
  const given = at(service, ['deploy', 'replicas']) ?? service.scale;
  const text = textOf(given);
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : given;
};

/** Text without words stands for "nothing in its place". */
export function commandOf(given: unknown): unknown {
  if (given === null || given === '') return undefined;
  return Array.isArray(given) ? given.map((word) => textOf(word) ?? word) : given;
}
