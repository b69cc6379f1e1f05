import { encodeDelta } from '@usher/domain/seat-bits.ts';
import { makeSeatMap, type SeatMap } from '@usher/domain/seat-map.ts';
import type { Clock } from '../../platform/clock.ts';
import { frameOf, type Streams } from '../../platform/http/sse.ts';
import type { Log } from '../../platform/log.ts';
import type { Deltas, PerformanceDelta, SeatStore } from './store.ts';

/** Maps kept in memory; one of 20,000 seats takes 0.4 MB. */
const mapsMax = 500;
/** How long to wait for a missing delta before the seats are read again. */
const gapMs = 200;

/**
 * The seat maps that this process keeps: read once, updated by the deltas of all processes, and
 * pushed to open streams. They refuse lost races early and never decide who has a seat.
 */
export const makeSeatMaps = (deps: {
  store: Pick<SeatStore, 'snapshot' | 'versions'>;
  streams: Streams;
  clock: Clock;
  log: Log;
}) => {
  const { store, streams, clock, log } = deps;
  const maps = new Map<string, SeatMap>();
  const loading = new Map<string, Promise<SeatMap | null>>();
  let earlierVersions = new Map<string, number>();

  const keep = (performanceId: string, map: SeatMap): void => {
    if (maps.size >= mapsMax && !maps.has(performanceId)) {
      const oldest = maps.keys().next().value;
      if (oldest !== undefined) maps.delete(oldest);
    }
    maps.set(performanceId, map);
  };
  const load = async (performanceId: string): Promise<SeatMap | null> => {
    const snapshot = await store.snapshot(performanceId);
    if (snapshot === null) return null;
    const known = maps.get(performanceId);
    // A delta may have updated the map while the snapshot was being read.
    if (known !== undefined && !known.hasGap && known.version >= snapshot.version) return known;
    const map = makeSeatMap(snapshot.seatCount, snapshot);
    keep(performanceId, map);
    streams.send(performanceId, frameOf('state', String(map.version), ''));
    return map;
  };
  /** Reads from the database; concurrent callers share the read. */
  const reload = (performanceId: string): Promise<SeatMap | null> => {
    const running = loading.get(performanceId);
    if (running !== undefined) return running;
    const promise = load(performanceId).finally(() => loading.delete(performanceId));
    loading.set(performanceId, promise);
    return promise;
  };

  const noteReload = (error: unknown): void => log.warn({ err: error }, 'seat map reload failed');
  const waitForGap = async (performanceId: string): Promise<void> => {
    await clock.sleep(gapMs);
    if (maps.get(performanceId)?.hasGap) await reload(performanceId);
  };
  const push = (delta: PerformanceDelta, changes: readonly number[], map: SeatMap): void => {
    const data = Buffer.from(encodeDelta(changes)).toString('base64');
    // Deltas that waited for this one are sent as a fresh state instead of one frame each.
    if (map.version === delta.version)
      streams.send(delta.performanceId, frameOf('delta', String(delta.version), data));
    else streams.send(delta.performanceId, frameOf('state', String(map.version), ''));
  };
  /** Updates a map; called for this process's own changes and for others'. */
  const apply = (delta: PerformanceDelta): void => {
    const map = maps.get(delta.performanceId);
    if (map === undefined) return;
    if (delta.changes === undefined) {
      if (delta.version > map.version) reload(delta.performanceId).catch(noteReload);
      return;
    }
    const hadGap = map.hasGap;
    const outcome = map.apply(delta);
    if (outcome === 'early' && !hadGap) waitForGap(delta.performanceId).catch(noteReload);
    if (outcome === 'applied') push(delta, delta.changes, map);
  };

  return {
    /**
     * The map in memory; undefined if nobody has asked this process for the performance. No I/O.
     */
    peek: (performanceId: string): SeatMap | undefined => maps.get(performanceId),
    /** Null for a performance that does not exist. */
    read: async (performanceId: string): Promise<SeatMap | null> =>
      maps.get(performanceId) ?? (await reload(performanceId)),
    reload,
    apply,
    /** The same for all changes of one statement, whichever service ran it. */
    applyAll: (deltas: Deltas): void => {
      for (const delta of deltas) apply(delta);
    },
    /**
     * Reloads the maps that have not reached the version that the database had at the last call:
     * the notification of a change was lost.
     */
    reloadOutdated: async (): Promise<void> => {
      if (maps.size === 0) return;
      for (const [performanceId, version] of earlierVersions)
        if ((maps.get(performanceId)?.version ?? version) < version) await reload(performanceId);
      earlierVersions = await store.versions([...maps.keys()]);
    },
    /** Changes of other processes may have been missed: reloads every map. */
    reloadAll: async (): Promise<void> => {
      for (const performanceId of [...maps.keys()]) await reload(performanceId);
    },
  };
};
export type SeatMaps = ReturnType<typeof makeSeatMaps>;
