import type { Lever, LeverUse, Room, RoomSettings } from '@usher/contract/waiting-room.ts';
import type { Ids } from '../../platform/ids.ts';
import type { LeverAudit } from './store.ts';

/** What keeps a room from being changed; nothing was changed then. */
export type RoomRefused =
  | { outcome: 'not-found' }
  | { outcome: 'conflict'; rev: number }
  | { outcome: 'refused'; detail: string };
type RoomChanged = { outcome: 'created' | 'changed'; room: Room };

/** What the levers ask of the waiting rooms. The same `changeId` again changes nothing twice. */
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

/** Who wants it, why, and what names the call when it is repeated; null: it cannot be. */
export type Wish = {
  readonly showId: string;
  /** Null: the program itself. */
  readonly accountId: string | null;
  readonly reason: string | null;
  readonly requestId: string;
  readonly key: string | null;
};

const listedMax = 200;

const detailOf = (refused: RoomRefused): string => {
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
 * The operator's levers and their audit. The room's state and the audit lie in two stores, so one
 * of them is written first: the audit, with what is intended. Whatever ends the program after that,
 * no change is without its row; one of which nobody knows whether it was made is listed so, and a
 * repeat of the call, whose id is made from its key and its words, completes the row.
 */
export const makeLevers = (deps: { audit: LeverAudit; rooms: Rooms; ids: Ids }) => {
  const { audit, rooms, ids } = deps;

  const audited = async (
    { showId, accountId, reason, requestId, key }: Wish,
    ifRev: number | null,
    action: Readonly<Record<string, unknown>>,
    change: (changeId: string) => Promise<RoomChanged | RoomRefused>,
  ): Promise<RoomChanged | RoomRefused> => {
    // Other words under the same key are another change and get a row of their own.
    const words = JSON.stringify([ifRev, action, reason]);
    const id =
      key === null
        ? ids.make('lever')
        : ids.fromParts('lever', accountId ?? '', showId, key, words);
    const isFirst = await audit.intend({ id, showId, accountId, action, reason, ifRev, requestId });
    const result = await change(id);
    if ('room' in result)
      await audit.complete(id, { outcome: 'done', rev: result.room.rev, detail: null });
    // An earlier try of the same call may have made the change: its repeat cannot say it did not.
    else if (isFirst) {
      const rev = result.outcome === 'conflict' ? result.rev : ifRev;
      await audit.complete(id, { outcome: 'refused', rev, detail: detailOf(result) });
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
    /** Null where there is no room. */
    uses: async (showId: string): Promise<LeverUse[] | null> =>
      (await rooms.read(showId)) === null ? null : audit.newest(showId, listedMax),
  };
};
export type Levers = ReturnType<typeof makeLevers>;
