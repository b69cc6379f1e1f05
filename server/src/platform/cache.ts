import type { Clock } from './clock.ts';

/**
 * Values kept in memory by key, the least recently read ones forgotten first. Reads of one key that
 * come while it is being loaded share that load. A value is given without asking anybody while it
 * is fresh; for a while longer it is given at once and loaded anew behind the answer; after that
 * the reader waits. `null` is given but not kept, so that names that do not exist push nothing out.
 */
export type Cache<V> = {
  get(key: string, load: () => Promise<V>): Promise<V>;
  /** Forgets a key; a load that is under way still answers those who wait, but is not kept. */
  drop(key: string): void;
  clear(): void;
  readonly size: number;
};

type Entry<V> = { readonly value: V; readonly weight: number; readonly loadedAtMs: number };

export const makeCache = <V>(options: {
  clock: Clock;
  freshMs: number;
  /** How long after `freshMs` a value is still given while it is loaded anew. */
  staleMs: number;
  /** Sum of the weights kept; without `weigh` every value weighs 1. */
  weightMax: number;
  weigh?: (value: V) => number;
  /** Hears of a load behind an answer that failed; the next read tries again. */
  onError: (error: unknown) => void;
}): Cache<V> => {
  const { clock, freshMs, staleMs, weightMax, weigh = () => 1, onError } = options;
  const entries = new Map<string, Entry<V>>();
  const loads = new Map<string, Promise<V>>();
  let weightSum = 0;

  const forget = (key: string): void => {
    weightSum -= entries.get(key)?.weight ?? 0;
    entries.delete(key);
  };
  const keep = (key: string, value: V): void => {
    forget(key);
    const weight = weigh(value);
    if (value === null || weight > weightMax) return;
    entries.set(key, { value, weight, loadedAtMs: clock.monotonicMs() });
    weightSum += weight;
    for (const oldest of entries.keys()) {
      if (weightSum <= weightMax) break;
      forget(oldest);
    }
  };
  const loadOnce = (key: string, load: () => Promise<V>): Promise<V> => {
    const underWay = loads.get(key);
    if (underWay !== undefined) return underWay;
    const started = load();
    loads.set(key, started);
    const isWanted = (): boolean => loads.get(key) === started && loads.delete(key);
    // Runs before whoever waits goes on; the error is theirs.
    started.then(
      (value) => {
        if (isWanted()) keep(key, value);
      },
      () => isWanted(),
    );
    return started;
  };

  return {
    get size() {
      return entries.size;
    },
    get: async (key, load) => {
      const entry = entries.get(key);
      const ageMs = entry === undefined ? Infinity : clock.monotonicMs() - entry.loadedAtMs;
      if (entry === undefined || ageMs > freshMs + staleMs) return loadOnce(key, load);
      entries.delete(key);
      entries.set(key, entry);
      if (ageMs > freshMs) loadOnce(key, load).catch(onError);
      return entry.value;
    },
    drop: (key) => {
      forget(key);
      loads.delete(key);
    },
    clear: () => {
      entries.clear();
      loads.clear();
      weightSum = 0;
    },
  };
};
