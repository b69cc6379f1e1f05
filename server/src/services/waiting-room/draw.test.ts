import { makeDraw } from '@usher/domain/draw.ts';
import { makeRandom } from '@usher/domain/random.ts';
import { threadEntries } from '@usher/domain/room/constants.ts';
import type { RoomState } from '@usher/domain/room/types.ts';
import { openControl, startMs, undrawn } from '@usher/tests/contracts/room/stage.ts';
import { silentLog } from '@usher/tests/support/log.ts';
import { until } from '@usher/tests/support/until.ts';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../platform/clock.ts';
import { sha256 } from '../../platform/hash.ts';
import { type DrawnRoom, makeDraws } from './draw.ts';
import type { RoomStore } from './store.ts';

const serverSeed = '5e'.repeat(32);

const makeKeys = (entries: number): Uint8Array => {
  const { below } = makeRandom(entries);
  return Uint8Array.from({ length: entries * 8 }, () => below(256));
};

const stateOfRoom = (entries: number): RoomState => ({
  ...openControl,
  ...undrawn,
  phase: 'sealed',
  drawEntries: entries,
  nowMs: startMs,
  tail: entries,
  front: 0,
  waiting: entries,
  called: 0,
  late: 0,
  active: 0,
  admitted: 0,
  heldUntilMs: 0,
  lastChangeId: 'sealed',
});

/** A store with a sealed lobby; it takes the draw that it is given. */
const makeLobby = (keys: Uint8Array) => {
  const sealed = stateOfRoom(keys.length / 8);
  const store: Pick<RoomStore, 'entries' | 'change'> = {
    entries: async () => keys,
    change: async (_show, { change }) => ({ outcome: 'changed', state: { ...sealed, ...change } }),
  };
  const room: DrawnRoom = {
    showId: 'show_1',
    row: { serverSeed },
    permutation: null,
    drawing: null,
    skewMs: 0,
  };
  const draws = makeDraws({ store: store as RoomStore, clock: systemClock, log: silentLog });
  return { sealed, room, draws };
};

describe.each([
  ['in the process', 40],
  ['in a thread', threadEntries + 1],
])('a lobby that is drawn %s', (_where, entries) => {
  const keys = makeKeys(entries);
  const expected = makeDraw(sha256, { serverSeed, keys });

  test('gets the numbers, seed and root of the published algorithm', async () => {
    const { sealed, room, draws } = makeLobby(keys);
    const noted: RoomState[] = [];
    await draws.draw(room, sealed, async (state) => void noted.push(state));
    expect(room.permutation).toEqual(expected.permutation);
    expect(noted).toMatchObject([
      { phase: 'open', seed: expected.seed, root: expected.root, drawEntries: entries },
    ]);
  });

  test('has the same numbers after a restart, from the seed alone', async () => {
    const { sealed, room, draws } = makeLobby(keys);
    draws.recover(room, { ...sealed, seed: expected.seed });
    await until('the numbers are recomputed', () => room.permutation !== null);
    expect(room.permutation).toEqual(expected.permutation);
  });
});
