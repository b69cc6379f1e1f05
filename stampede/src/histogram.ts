import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';

/**
 * Durations in Node's HDR histogram, in whole microseconds with three significant digits: every
 * quantile is accurate to 0.1 %, in at most 0.25 MB whatever the count. The maximum is exact.
 */
export type Histogram = {
  /** Milliseconds; less than a microsecond counts as one, more than 19 hours as 19 hours. */
  record(ms: number): void;
  readonly count: number;
  readonly maxMs: number;
  /**
   * The value that the share `q`, above 0 and at most 1, does not exceed, in milliseconds; 0 if
   * nothing was recorded.
   */
  quantileMs(q: number): number;
  add(other: Histogram): void;
  /** Node's histogram, in microseconds; for `add`. */
  readonly micros: RecordableHistogram;
};

const significantDigits = 3;
/** 19 hours. */
const highestMicros = 2 ** 36;

export const makeHistogram = (): Histogram => {
  const micros = createHistogram({
    lowest: 1,
    highest: highestMicros,
    figures: significantDigits,
  });
  let maxMs = 0;
  return {
    record: (ms) => {
      micros.record(Math.min(Math.max(1, Math.round(ms * 1000)), highestMicros));
      maxMs = Math.max(maxMs, ms);
    },
    get count() {
      return micros.count;
    },
    get maxMs() {
      return maxMs;
    },
    quantileMs: (q) => Math.min(micros.percentile(100 * q) / 1000, maxMs),
    add: (other) => {
      micros.add(other.micros);
      maxMs = Math.max(maxMs, other.maxMs);
    },
    micros,
  };
};

/** Quantiles as the report shows them, in milliseconds to two decimals. */
export type Latency = { count: number; p50: number; p99: number; p999: number; max: number };

export const latencyOf = (histogram: Histogram): Latency => ({
  count: histogram.count,
  p50: rounded(histogram.quantileMs(0.5)),
  p99: rounded(histogram.quantileMs(0.99)),
  p999: rounded(histogram.quantileMs(0.999)),
  max: rounded(histogram.maxMs),
});

const rounded = (ms: number): number => Math.round(ms * 100) / 100;
