import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** The metrics of one program. A service registers its own by name, in ticket terms. */
export type Metrics = {
  readonly registry: Registry;
  counter(name: string, help: string, labels?: readonly string[]): Counter;
  gauge(name: string, help: string, labels?: readonly string[]): Gauge;
  histogram(
    name: string,
    help: string,
    buckets: readonly number[],
    labels?: readonly string[],
  ): Histogram;
  /** Sizes of group-commit batches, labelled by batch name. */
  readonly batchSizes: Histogram;
  close(): void;
};

export const makeMetrics = (): Metrics => {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  return {
    registry,
    counter: (name, help, labels = []) =>
      new Counter({ name, help, labelNames: [...labels], registers }),
    gauge: (name, help, labels = []) =>
      new Gauge({ name, help, labelNames: [...labels], registers }),
    histogram: (name, help, buckets, labels = []) =>
      new Histogram({ name, help, buckets: [...buckets], labelNames: [...labels], registers }),
    batchSizes: new Histogram({
      name: 'usher_batch_size',
      help: 'Calls that were committed together',
      buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256],
      labelNames: ['batch'],
      registers,
    }),
    close: () => registry.clear(),
  };
};
