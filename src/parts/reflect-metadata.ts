/**
 * The few functions of the Reflect Metadata proposal that @peculiar/x509's dependency injection asks for when it is
 * loaded. Import this file before it. Left alone where a full polyfill is there already.
 */
type Key = string | symbol | undefined;
const metadata = new WeakMap<object, Map<Key, Map<unknown, unknown>>>();

const own = (target: object, property: Key): Map<unknown, unknown> => {
  const properties = metadata.get(target) ?? new Map<Key, Map<unknown, unknown>>();
  metadata.set(target, properties);
  const values = properties.get(property) ?? new Map<unknown, unknown>();
  properties.set(property, values);
  return values;
};

function get(key: unknown, target: object, property?: Key): unknown {
  for (let at: object | null = target; at !== null; at = Object.getPrototypeOf(at)) {
    const value = metadata.get(at)?.get(property)?.get(key);
    if (value !== undefined) return value;
  }
  return undefined;
}

function define(key: unknown, value: unknown, target: object, property?: Key): void {
  own(target, property).set(key, value);
}

const polyfill = {
  defineMetadata: define,
  getMetadata: get,
  hasMetadata: (key: unknown, target: object, property?: Key) => get(key, target, property) !== undefined,
  getOwnMetadata: (key: unknown, target: object, property?: Key) => metadata.get(target)?.get(property)?.get(key),
  metadata: (key: unknown, value: unknown) => (target: object, property?: Key) => define(key, value, target, property),
};

if (!('getMetadata' in Reflect)) Object.assign(Reflect, polyfill);

export {};
