import type { RoomCommand, RoomControl } from '@usher/domain/room/types.ts';
import type { Line } from './old-design.ts';
import { roomTerms } from './room-terms.ts';
import type { Stage, TestTime } from './stage.ts';
import type { RoomToStage } from './stages.ts';

/** How many of the waiting people send heartbeats. */
const near = 300;

/** An open room with this many slots, and no other limit. */
export const openRoom = (showId: string, slots: number, startMs: number): RoomToStage => {
  const control: RoomControl = {
    rev: 1,
    epoch: 1,
    passEpoch: 1,
    phase: 'open',
    override: 'none',
    overrideUntilMs: 0,
    ratePerMinute: 600_000,
    activeMax: slots,
    lobbyAtMs: startMs,
    opensAtMs: startMs,
    message: null,
    pollMultiplier: 1,
    drawEntries: 0,
    seed: '',
    root: '',
    drawnAtMs: startMs,
  };
  return { showId, terms: roomTerms, control };
};

export const personOf = (who: number): Uint8Array => {
  const key = new Uint8Array(8);
  new DataView(key.buffer).setUint32(0, Math.imul(who + 1, 0x9e37_79b1) >>> 0);
  new DataView(key.buffer).setUint32(4, who);
  return key;
};

/** Ours: people read their standing at every turn, and claim the pass when they are called. */
export const makeRoomLine = async (
  { showId, control }: RoomToStage,
  stage: Stage,
  time: TestTime,
): Promise<Line> => {
  await stage.store().create(showId, control);
  const entries = new Map<number, number>();
  const waiting = new Set<number>();
  const place = (who: number) => {
    const entry = entries.get(who) ?? 0;
    return { person: personOf(who), entry, number: entry + 1 };
  };
  const standings = async (kind: 'appear' | 'claim', people: readonly number[]) => {
    const commands = people.map((who): RoomCommand => ({ kind, ...place(who) }));
    const answers = await stage.store().play(showId, commands);
    return answers.map((answer) => (answer.outcome === 'stands' ? answer.standing : 'none'));
  };
  const state = async () => {
    const now = await stage.store().read(showId);
    if (now === null) throw new Error('the room is gone');
    return now;
  };
  /**
   * People near the front send heartbeats; called people, also those called again, claim the pass.
   */
  const poll = async (): Promise<void> => {
    const people = [...waiting].slice(0, near);
    const said = await standings('appear', people);
    const wanted = people.filter((_, at) => said[at] === 'called' || said[at] === 'late');
    const got = await standings('claim', wanted);
    for (const [at, who] of wanted.entries()) if (got[at] === 'active') waiting.delete(who);
  };
  return {
    arrive: async (people) => {
      const commands = people.map(
        (who): RoomCommand => ({
          kind: 'join',
          person: personOf(who),
          presented: null,
          replaces: null,
          mayEnter: true,
        }),
      );
      for (const [at, answer] of (await stage.store().play(showId, commands)).entries()) {
        const who = people[at];
        if (who === undefined || answer.outcome !== 'placed') continue;
        if (answer.isNew) waiting.add(who);
        entries.set(who, answer.entry);
      }
    },
    turn: async () => {
      time.nowMs += 250;
      await stage.store().tick(showId, 1_000_000);
      await poll();
    },
    finish: async (who) => {
      await stage.store().play(showId, [{ kind: 'leave', ...place(who) }]);
    },
    placeOf: async (who) => place(who).number - (await state()).front,
    isAtWork: async (who) => (await standings('appear', [who]))[0] === 'active',
    atWork: async () => (await state()).active,
    beAway: async (ms) => {
      time.nowMs += ms;
      await stage.crash('kill', null);
    },
  };
};
