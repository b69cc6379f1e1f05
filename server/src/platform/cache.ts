// lru-cache holds the values: the most used cache on npm, with sizes, ages and shared loads.
import { LRUCache } from 'lru-cache';
import type { Clock } from './clock.ts';

/**
 * Values kept in memory by key; the least recently read ones are evicted first. Concurrent reads of
 * a key that is being loaded share that load. A fresh value is returned without a load; for a while
 * longer it is returned at once and refreshed in the background; after that the reader waits.
 * `null` is returned but not kept, so names that do not exist evict nothing.
 */
type Cache<V> = {
  get(key: string, load: () => Promise<V>): Promise<V>;
  /** Drops a key; a load in progress still answers its readers but is not kept. */
  drop(key: string): void;
  clear(): void;
  /** Values kept, and loads in progress. */
  readonly size: number;
};

/**
 * The `max` most recently used values, by key. Not a Map whose first key is evicted: that key is
 * found by passing over all that were deleted before it, 5 µs each with 50,000 values.
 */
type RecentMap<V> = { get(key: string): V | undefined; set(key: string, value: V): void };
export const makeRecentMap = <V extends object>(max: number): RecentMap<V> =>
  new LRUCache<string, V>({ max });

/** Wraps each value, because lru-cache would keep a stale value when a load finds nothing. */
type Kept<V> = { readonly value: V };
type Load<V> = { readonly load: () => Promise<V>; readonly isBehindAnswer: boolean };

export const makeCache = <V>(options: {
  clock: Clock;
  /** Whole milliseconds, or `Infinity`: fresh until it is dropped. */
  freshMs: number;
  /** How long after `freshMs` a value is still returned while it is refreshed. */
  staleMs: number;
  /** Sum of the weights kept, whole numbers; without `weigh` every value weighs 1. */
  weightMax: number;
  weigh?: (value: V) => number;
  /** Called with the error of a background refresh; the next read tries again. */
  onError: (error: unknown) => void;
}): Cache<V> => {
  const { clock, freshMs, staleMs, weightMax, weigh = () => 1, onError } = options;
  const entries = new LRUCache<string, Kept<V>, Load<V>>({
    // 0: never stale.
    ttl: freshMs === Infinity ? 0 : freshMs,
    maxSize: weightMax,
    // A value heavier than the whole cache is not kept, and the key's earlier value is dropped.
    sizeCalculation: ({ value }) => (value === null ? weightMax + 1 : Math.max(1, weigh(value))),
    // For lru-cache 0 means that the time is unknown, and our clocks may start there.
    perf: { now: () => clock.monotonicMs() + 1 },
    ttlResolution: 0,
    noDeleteOnStaleGet: true,
    noDeleteOnFetchRejection: true,
    // A dropped key aborts its load, but the readers that wait for it are still answered.
    ignoreFetchAbort: true,
    fetchMethod: async (_key, _stale, { context: { load, isBehindAnswer } }) => {
      try {
        return { value: await load() };
      } catch (error) {
        if (isBehindAnswer) onError(error);
        throw error;
      }
    },
  });

  return {
    get size() {
      return entries.size;
    },
    get: async (key, load) => {
      // The usual case first: `fetch` takes three times as long, and a hold reads eight values.
      const fresh = entries.get(key);
      if (fresh !== undefined) return fresh.value;
      const freshForMs = entries.getRemainingTTL(key);
      const isStale = freshForMs < 0 && freshForMs >= -staleMs;
      const kept = await entries.fetch(key, {
        allowStale: isStale,
        context: { load, isBehindAnswer: isStale },
      });
      if (kept === undefined) throw new Error(`nothing was loaded for ${key}`);
      return kept.value;
    },
    drop: (key) => {
      entries.delete(key);
    },
    clear: () => entries.clear(),
  };
};
