import type { RoomState } from '@usher/domain/room/types.ts';
import { openControl, startMs } from '@usher/tests/contracts/room/stage.ts';
import { expect, test } from 'vitest';
import { manualClock } from '../../platform/clock.ts';
import { silentLog } from '../../platform/log.ts';
import { makeRooms } from './live.ts';

const showId = 'show_1';
const stateAt = (given: Partial<RoomState>): RoomState => ({
  ...openControl,
  seed: 'ab'.repeat(32),
  nowMs: startMs,
  tail: 4,
  front: 0,
  waiting: 4,
  called: 0,
  late: 0,
  active: 0,
  admitted: 0,
  heldUntilMs: 0,
  lastChangeId: '',
  ...given,
});

/** A room that this process reads every half second. */
const openRoom = () => {
  const rooms = makeRooms({
    store: {} as Parameters<typeof makeRooms>[0]['store'],
    rows: { all: async () => [], save: async () => undefined },
    readStock: async () => null,
    publish: () => undefined,
    clock: manualClock(startMs),
    log: silentLog,
  });
  const settings = {
    ratePerMinute: 600,
    activeMax: 500,
    opensAt: new Date(startMs).toISOString(),
    lobbyMinutes: 30,
    whenCrowded: 'warn' as const,
    challengeCost: 0,
  };
  const row = { showId, control: openControl, settings, serverSeed: '', commitment: '' };
  const room = rooms.learn({ ...row, enabledAtMs: startMs, tail: 0, front: 0 });
  return { rooms, room };
};

test('the front that passes numbers which a recovery skipped is no rate', async () => {
  const { rooms, room } = openRoom();
  await rooms.note(room, stateAt({}));
  const epoch = openControl.epoch + 1;
  // The first of the skipped thousand goes by within a second, then two people in each second.
  for (let half = 1; half <= 60; half++) {
    const front = Math.min(4, half) + (half > 4 ? 1000 : 0) + Math.max(0, half - 5);
    const nowMs = startMs + 500 * half;
    await rooms.note(room, stateAt({ epoch, nowMs, tail: half === 1 ? 1004 : 1100, front }));
  }
  expect(room.skipped).toEqual({ from: 4, to: 1004 });
  const { perMinute } = room.fronts.observed(600);
  expect(perMinute).toBeGreaterThan(100);
  expect(perMinute).toBeLessThan(140);
});

test('revoking passes skips no numbers', async () => {
  const { rooms, room } = openRoom();
  await rooms.note(room, stateAt({}));
  const epoch = openControl.epoch + 1;
  await rooms.note(room, stateAt({ epoch, passEpoch: epoch, nowMs: startMs + 500, tail: 90 }));
  expect(room.skipped).toEqual({ from: 0, to: 0 });
});
