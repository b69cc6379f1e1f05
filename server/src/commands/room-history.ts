import { makeRestoringMachine } from '@usher/domain/room/machine.ts';
import type { RoomTerms } from '@usher/domain/room/types.ts';
import type { RoomHistory } from '@usher/stampede/decision-audit.ts';
import type { Log } from '../platform/log.ts';
import { makeMetrics } from '../platform/metrics.ts';
import type { Database } from '../platform/postgres/sql.ts';
import { openRedis } from '../platform/redis/redis.ts';
import { makeRoomJournal, makeRoomRows, openRedisRooms } from '../services/waiting-room/index.ts';

/**
 * The decisions of a room, from where they are kept: the journal of the process that keeps the room
 * in memory, replayed commit by commit, or the stream in Redis. null if neither has the room.
 */
export const readRoomHistory = async (deps: {
  db: Database;
  redisUrl: string | null;
  terms: RoomTerms;
  log: Log;
  showId: string;
}): Promise<RoomHistory | null> => {
  const { db, redisUrl, terms, log, showId } = deps;
  if (redisUrl === null) return playJournal(db, terms, showId);
  const metrics = makeMetrics();
  const redis = await openRedis({ url: redisUrl, log, metrics });
  try {
    const remembered = makeRoomRows(db).find;
    const rooms = openRedisRooms({ redis, log, terms, remembered });
    return { decisions: await rooms.decisions(showId), mostInside: null };
  } finally {
    await redis.close();
    metrics.close();
  }
};

const playJournal = async (
  db: Database,
  terms: RoomTerms,
  showId: string,
): Promise<RoomHistory | null> => {
  const journal = makeRoomJournal(db);
  const machine = makeRestoringMachine(terms);
  let seq = -1;
  let mostInside: number | null = null;
  for (;;) {
    const page = (await journal.readAfter(showId, seq)).filter((each) => each.showId === showId);
    for (const chunk of page) {
      machine.restore(chunk.records);
      seq = chunk.seq;
      const { called, active } = machine.state(0);
      mostInside = Math.max(mostInside ?? 0, called + active);
    }
    if (page.length === 0) break;
  }
  return mostInside === null ? null : { decisions: machine.decisions(), mostInside };
};
