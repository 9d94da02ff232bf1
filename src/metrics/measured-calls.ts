/** Measures the calls of a port: how long each operation takes, and which fail. */
import { InvalidInput } from '../domain/invalid-input.js';
import { Fault } from '../errors.js';
import type { Metrics } from '../metrics.js';
import type { CalledServer } from './definitions.js';

type Call = (...args: unknown[]) => unknown;
type Target = Record<PropertyKey, unknown>;

/** The same port, measured. Operations are few and named in the code, so the labels are bounded. */
export function measured<T extends object>(
  port: T,
  dependency: CalledServer,
  metrics: Metrics,
  prefix = '',
): T {
  const wrapped = new Map<PropertyKey, { of: unknown; as: unknown }>();
  return new Proxy(port, {
    get(target, name) {
      // Private fields are known to the port alone: it is `this` in its getters and methods.
      const value = (target as Target)[name];
      const known = wrapped.get(name);
      if (known !== undefined && known.of === value) return known.as;
      const as =
        typeof value === 'function'
          ? measuredCall(value.bind(target) as Call, dependency, `${prefix}${String(name)}`, metrics)
          : isPort(value)
            ? measured(value, dependency, metrics, `${String(name)}.`)
            : value;
      wrapped.set(name, { of: value, as });
      return as;
    },
  });
}

const isPort = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function measuredCall(call: Call, dependency: CalledServer, name: string, metrics: Metrics): Call {
  const durations = metrics.calls.labels({ dependency, call: name });
  return (...args) => {
    const startedAt = performance.now();
    const answer = call(...args);
    // A scan is read piece by piece, at the reader's pace.
    if (!(answer instanceof Promise)) return answer;
    return answer.then(
      (value: unknown) => {
        durations.observe((performance.now() - startedAt) / 1000);
        return value;
      },
      (error: unknown) => {
        durations.observe((performance.now() - startedAt) / 1000);
        countError(metrics, dependency, error);
        throw error;
      },
    );
  };
}

function countError(metrics: Metrics, dependency: CalledServer, error: unknown): void {
  // The caller's mistake says nothing about the server.
  if (error instanceof InvalidInput) return;
  metrics.callErrors.inc({ dependency, reason: error instanceof Fault ? error.code : 'internal' });
}
