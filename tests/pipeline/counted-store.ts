import type { Store } from '../../src/store/store.js';

/** The store with the calls that it got, as `port.method`. */
export function counted(store: Store): { store: Store; calls: string[] } {
  const calls: string[] = [];
  const port = (name: string, target: object) =>
    new Proxy(target, {
      get(_, method) {
        const value: unknown = Reflect.get(target, method, target);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => {
          calls.push(`${name}.${String(method)}`);
          return value.apply(target, args);
        };
      },
    });
  const ports = new Proxy(store, {
    get(_, name) {
      const value: unknown = Reflect.get(store, name, store);
      return typeof value === 'object' && value !== null ? port(String(name), value) : value;
    },
  });
  return { store: ports, calls };
}
