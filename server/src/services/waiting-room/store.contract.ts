import { roomPromises } from '@usher/tests/contracts/room/all.ts';
import { openControl, startMs, type TestedRoom } from '@usher/tests/contracts/room/stage.ts';
import { afterAll, describe, expect, test } from 'vitest';
import type { RoomStore } from './store.ts';

/** A store opened with `promisedTerms`, and the clock by which it decides; `ms` may be negative. */
type OpenedStore = { store: RoomStore; advance(ms: number): Promise<void> };
export type OpenStore = (options: { nowMs: number }) => Promise<OpenedStore>;

let rooms = 0;
/** One room of a store, as the promises see it; each call returns a new room. */
export const testedRoom = ({ store, advance }: OpenedStore): TestedRoom => {
  rooms++;
  const showId = `show_promise${rooms}`;
  return {
    play: (commands) => store.play(showId, commands),
    tick: (seatsLeft) => store.tick(showId, seatsLeft),
    read: () => store.read(showId),
    change: (wanted) => store.change(showId, wanted),
    create: (control) => store.create(showId, control),
    entries: () => store.entries(showId),
    decisions: () => store.decisions(showId),
    advance,
  };
};

/** The promises of the port, which every adapter must keep; each is tested on a fresh store. */
export const roomStoreContract = (name: string, open: OpenStore): void => {
  const opened: OpenedStore[] = [];
  const openOne = async (): Promise<OpenedStore> => {
    const one = await open({ nowMs: startMs });
    opened.push(one);
    return one;
  };
  describe(`rooms in ${name}`, () => {
    afterAll(async () => {
      for (const { store } of opened) await store.close();
    });
    for (const [subject, promises] of Object.entries(roomPromises))
      describe(subject, () => {
        for (const { title, keeps } of promises)
          test(title, async () => keeps(testedRoom(await openOne())));
      });

    test('a show without a room is distinguished from one with an empty room', async () => {
      const { store } = await openOne();
      const unknown = { code: 'ROOM_UNKNOWN' };
      await expect(store.read('show_none')).resolves.toBeNull();
      await expect(store.play('show_none', [])).rejects.toMatchObject(unknown);
      await expect(store.tick('show_none', 1)).rejects.toMatchObject(unknown);
      await expect(store.entries('show_none')).rejects.toMatchObject(unknown);
      await expect(store.decisions('show_none')).rejects.toMatchObject(unknown);
      const change = store.change('show_none', { changeId: 'a', ifRev: 1, change: {} });
      await expect(change).rejects.toMatchObject(unknown);
    });
    test('rooms of two shows do not affect each other', async () => {
      const both = await openOne();
      const [one, other] = [testedRoom(both), testedRoom(both)];
      await one.create(openControl);
      await other.create({ ...openControl, rev: 5 });
      const person = new Uint8Array(8).fill(7);
      const join = { kind: 'join', person, presented: null, replaces: null } as const;
      await one.play([{ ...join, mayEnter: true }]);
      expect(await one.read()).toMatchObject({ rev: 1, tail: 1 });
      expect(await other.read()).toMatchObject({ rev: 5, tail: 0 });
    });
  });
};
