/** What it is, but for what is given. A copy by prototype would not do: its methods use private members of the original. */
export const changed = <T extends object>(original: T, given: Partial<T>): T =>
  new Proxy(original, {
    get(target, name) {
      if (Object.hasOwn(given, name)) return Reflect.get(given, name);
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
