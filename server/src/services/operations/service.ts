import type { Lever, LeverUse, Room, RoomSettings } from '@usher/contract/waiting-room.ts';
import type { Ids } from '../../platform/ids.ts';
import type { LeverAudit } from './store.ts';

/** Why a room was not changed. */
export type RoomRefused =
  | { outcome: 'not-found' }
  | { outcome: 'conflict'; rev: number }
  | { outcome: 'refused'; detail: string };
type RoomChanged = { outcome: 'created' | 'changed'; room: Room };

/** What the levers need from the waiting rooms. Repeating a `changeId` changes nothing twice. */
export type Rooms = {
  list(): Promise<Room[]>;
  read(showId: string): Promise<Room | null>;
  put(
    showId: string,
    wanted: { changeId: string; ifRev: number | null; settings: RoomSettings },
  ): Promise<RoomChanged | RoomRefused>;
  pull(
    showId: string,
    wanted: { changeId: string; ifRev: number; lever: Lever },
  ): Promise<RoomChanged | RoomRefused>;
};

/**
 * Who wants it, why, and the key that identifies a repeat of the call; null: it cannot be repeated.
 */
export type Wish = {
  readonly showId: string;
  /** Null: the program itself. */
  readonly accountId: string | null;
  readonly reason: string | null;
  readonly requestId: string;
  readonly key: string | null;
};

const listedMax = 200;

const explainRefusal = (refused: RoomRefused): string => {
  switch (refused.outcome) {
    case 'not-found':
      return 'There is no such show, or it has no room.';
    case 'conflict':
      return `The room had changed since: it was at rev ${refused.rev}.`;
    case 'refused':
      return refused.detail;
  }
};

/**
 * The operator's levers and their audit. The room's state and the audit are in two stores, so the
 * audit is written first, with the intended change. Even if the program dies after that, every
 * change has its row; if it is not known whether a change was made, it is listed as such, and a
 * repeat of the call, whose id is derived from its key and its content, completes the row.
 */
export const makeLevers = (deps: { audit: LeverAudit; rooms: Rooms; ids: Ids }) => {
  const { audit, rooms, ids } = deps;

  const audited = async (
    { showId, accountId, reason, requestId, key }: Wish,
    ifRev: number | null,
    action: Readonly<Record<string, unknown>>,
    change: (changeId: string) => Promise<RoomChanged | RoomRefused>,
  ): Promise<RoomChanged | RoomRefused> => {
    // Another request under the same key is another change and gets its own row.
    const words = JSON.stringify([ifRev, action, reason]);
    const id =
      key === null
        ? ids.make('lever')
        : ids.fromParts('lever', accountId ?? '', showId, key, words);
    const isFirst = await audit.intend({ id, showId, accountId, action, reason, ifRev, requestId });
    const result = await change(id);
    if ('room' in result)
      await audit.complete(id, { outcome: 'done', rev: result.room.rev, detail: null });
    // An earlier attempt of the same call may have made the change, so its repeat cannot deny it.
    else if (isFirst) {
      const rev = result.outcome === 'conflict' ? result.rev : ifRev;
      await audit.complete(id, { outcome: 'refused', rev, detail: explainRefusal(result) });
    }
    return result;
  };

  return {
    list: () => rooms.list(),
    read: (showId: string) => rooms.read(showId),
    put: (wish: Wish, ifRev: number | null, settings: RoomSettings) =>
      audited(wish, ifRev, { lever: 'settings', settings }, (changeId) =>
        rooms.put(wish.showId, { changeId, ifRev, settings }),
      ),
    pull: (wish: Wish, ifRev: number, lever: Lever) =>
      audited(wish, ifRev, lever, (changeId) =>
        rooms.pull(wish.showId, { changeId, ifRev, lever }),
      ),
    /** Null if there is no room. */
    uses: async (showId: string): Promise<LeverUse[] | null> =>
      (await rooms.read(showId)) === null ? null : audit.newest(showId, listedMax),
  };
};
export type Levers = ReturnType<typeof makeLevers>;
