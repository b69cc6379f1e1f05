import { makeLoop } from '../../platform/clock.ts';
import type { PlatformSettings } from '../../platform/config.ts';
import type { Context } from '../../platform/context.ts';
import { makeStreams } from '../../platform/http/sse.ts';
import type { Module } from '../../platform/module.ts';
import type { SeatsSettings } from './config.ts';
import { seatsRoutes } from './routes.ts';
import { makeSeats, type Seats, type SeatsCatalogue } from './service.ts';
import { makeSeatStore, type PerformanceDelta } from './store.ts';

/**
 * A lapsed hold's seats are on sale again within 1 s (product.md); the sweeper runs twice as often.
 */
const sweepMs = 500;
/**
 * A change whose notification was lost, or whose commit was not confirmed, is noticed after two of
 * these: as often as a client polls.
 */
const catchUpMs = 1000;

export const openSeats = (
  context: Pick<Context, 'db' | 'cycle' | 'clock' | 'ids' | 'log' | 'metrics' | 'listen'> & {
    config: SeatsSettings & Pick<PlatformSettings, 'BATCH_SIZE_MAX'>;
  },
  doors: {
    catalogue: SeatsCatalogue;
    /** No other process has seat maps of this database. */
    isAlone: boolean;
  },
): Module<Seats> => {
  const { db, cycle, clock, ids, log, metrics, config } = context;
  const streams = makeStreams(clock);
  const seats = makeSeats({
    store: makeSeatStore(db),
    cycle,
    ...doors,
    streams,
    clock,
    log,
    metrics,
    holdTtlMs: config.HOLD_TTL_MS,
    holdTotalMaxMs: config.HOLD_TOTAL_MAX_MS,
    batchSizeMax: config.BATCH_SIZE_MAX,
  });
  context.listen('seats_changed', (payload) => {
    if (payload !== '') return seats.apply(JSON.parse(payload) as PerformanceDelta);
    seats
      .reloadAll()
      .catch((error: unknown) => log.warn({ err: error }, 'reloading seat maps failed'));
  });
  return {
    service: seats,
    routes: seatsRoutes({ catalogue: doors.catalogue, seats, streams, clock, ids }),
    start: () => {
      const sweeping = makeLoop({
        clock,
        everyMs: sweepMs,
        run: async () => {
          await seats.sweep();
        },
        onError: (error) => log.warn({ err: error }, 'sweeping lapsed holds failed'),
      });
      const catchingUp = makeLoop({
        clock,
        everyMs: catchUpMs,
        run: seats.reloadOutdated,
        onError: (error) => log.warn({ err: error }, 'comparing seat map versions failed'),
      });
      return {
        stop: async (): Promise<void> => {
          await sweeping.stop();
          await catchingUp.stop();
        },
      };
    },
    close: seats.close,
  };
};
