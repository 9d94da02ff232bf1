/** Adds metrics to a registry. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

export function metricsIn(registry: Registry) {
  const registers = [registry];
  return {
    counter: <L extends string>(name: string, help: string, ...labelNames: L[]): Counter<L> =>
      new Counter({ name, help, labelNames, registers }),
    gauge: <L extends string>(name: string, help: string, ...labelNames: L[]): Gauge<L> =>
      new Gauge({ name, help, labelNames, registers }),
    histogram: <L extends string>(
      name: string,
      help: string,
      buckets: number[],
      ...labelNames: L[]
    ): Histogram<L> => new Histogram({ name, help, buckets, labelNames, registers }),
  };
}

export type AddMetrics = ReturnType<typeof metricsIn>;
