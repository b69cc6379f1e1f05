/**
 * Durations in buckets that grow with the value: 128 buckets for each doubling, so that every
 * quantile is right to 0.8 %, in 16 kB whatever the count.
 */
export type Histogram = {
  /** Milliseconds; below a microsecond counts as one. */
  record(ms: number): void;
  readonly count: number;
  readonly maxMs: number;
  /** The value that the share `q` does not exceed, in milliseconds; 0 when nothing was recorded. */
  quantileMs(q: number): number;
  add(other: Histogram): void;
  /** Bucket by bucket, for `add`. */
  readonly buckets: Readonly<Uint32Array>;
};

const subBuckets = 128;
/** Microseconds up to 2^36: 19 hours. */
const doublings = 29;

export const makeHistogram = (): Histogram => {
  const buckets = new Uint32Array(subBuckets * (doublings + 2));
  let count = 0;
  let maxMs = 0;
  return {
    record: (ms) => {
      const at = Math.min(bucketOf(Math.max(1, Math.round(ms * 1000))), buckets.length - 1);
      buckets[at] = (buckets[at] ?? 0) + 1;
      count += 1;
      if (ms > maxMs) maxMs = ms;
    },
    get count() {
      return count;
    },
    get maxMs() {
      return maxMs;
    },
    quantileMs: (q) => {
      let left = Math.max(1, Math.ceil(q * count));
      for (let at = 0; at < buckets.length; at++) {
        left -= buckets[at] ?? 0;
        if (left <= 0) return Math.min(upperEdgeMicros(at) / 1000, maxMs);
      }
      return maxMs;
    },
    add: (other) => {
      for (let at = 0; at < buckets.length; at++)
        buckets[at] = (buckets[at] ?? 0) + (other.buckets[at] ?? 0);
      count += other.count;
      maxMs = Math.max(maxMs, other.maxMs);
    },
    buckets,
  };
};

/** Below 256 µs a bucket a microsecond; above, the value's eight leading bits name its bucket. */
function bucketOf(micros: number): number {
  let doubled = 0;
  let leading = micros;
  while (leading >= 2 * subBuckets) {
    leading = Math.floor(leading / 2);
    doubled += 1;
  }
  return doubled * subBuckets + leading;
}

function upperEdgeMicros(bucket: number): number {
  if (bucket < 2 * subBuckets) return bucket;
  const doubled = Math.floor(bucket / subBuckets) - 1;
  const leading = bucket - doubled * subBuckets;
  return (leading + 1) * 2 ** doubled - 1;
}

/** Quantiles as a report shows them, in milliseconds to two decimals. */
export type Latency = { count: number; p50: number; p99: number; p999: number; max: number };

export const latencyOf = (histogram: Histogram): Latency => ({
  count: histogram.count,
  p50: rounded(histogram.quantileMs(0.5)),
  p99: rounded(histogram.quantileMs(0.99)),
  p999: rounded(histogram.quantileMs(0.999)),
  max: rounded(histogram.maxMs),
});

const rounded = (ms: number): number => Math.round(ms * 100) / 100;
