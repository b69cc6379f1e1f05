import { type RoomNow, readRoomNow } from '@usher/contract/waiting-room.ts';
import { frameEveryMs } from '@usher/domain/room/constants.ts';
import { makeNow } from '@usher/domain/room/now.ts';
import { pollPolicy } from '@usher/domain/room/poll-policy.ts';
import type { RoomState } from '@usher/domain/room/types.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Shortcuts } from '../../platform/http/shortcut.ts';
import { frameOf, type Streams } from '../../platform/http/sse.ts';
import type { Metrics } from '../../platform/metrics.ts';
import type { LiveRoom } from './live.ts';

const pathOf = (showId: string): string => readRoomNow.path.replace('{showId}', showId);
export const nowHeaders = {
  'cache-control': 'public, max-age=1',
} as const;

/** Publishes the store's state: builds the document once for all requests. */
export const makePublish = (deps: {
  shortcuts: Shortcuts;
  streams: Streams;
  clock: Clock;
  metrics: Metrics;
}) => {
  const { shortcuts, streams, clock, metrics } = deps;
  const people = metrics.gauge('usher_room_people', 'People in a waiting room, by where they are', [
    'show',
    'where',
  ]);
  const admitted = metrics.gauge('usher_room_admitted', 'Passes given by a room', ['show']);
  let versions = 0;
  const headers = { ...nowHeaders, 'content-type': 'application/json; charset=utf-8' };
  return (room: LiveRoom, state: RoomState | null): void => {
    const { showId, left, performances, fronts, skipped } = room;
    if (state === null) {
      Object.assign(room, { now: null, ready: null, said: '' });
      shortcuts.drop(pathOf(showId));
      return;
    }
    for (const where of ['waiting', 'called', 'late', 'active'] as const)
      people.set({ show: showId, where }, state[where]);
    admitted.set({ show: showId }, state.admitted);
    const isDrawn = state.drawnAtMs > 0 && room.permutation !== null;
    const rate = fronts.observed(state.ratePerMinute);
    const now: RoomNow = makeNow(state, {
      left,
      performances,
      rate,
      poll: pollPolicy,
      isDrawn,
      skipped,
    });
    const said = JSON.stringify({ ...now, now: 0 });
    const isNews = said !== room.said;
    // Document versions differ between processes: a client that switches process reloads it.
    if (isNews) versions++;
    const etag = isNews || room.ready === null ? `"${state.rev}-${versions}"` : room.ready.etag;
    const body = Buffer.from(JSON.stringify(now));
    Object.assign(room, { now, said, ready: { body, etag } });
    shortcuts.put(pathOf(showId), { route: readRoomNow.name, body, etag, headers });
    const atMs = clock.monotonicMs();
    if (said === room.framed || atMs - room.framedAtMs < frameEveryMs) return;
    Object.assign(room, { framed: said, framedAtMs: atMs });
    streams.send(showId, frameOf('now', etag.slice(1, -1), body.toString()));
  };
};
