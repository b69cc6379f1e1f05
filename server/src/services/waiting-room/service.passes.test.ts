import type { RoomAnswer } from '@usher/domain/room/types.ts';
import { openControl, startMs } from '@usher/tests/contracts/room/stage.ts';
import { describe, expect, test } from 'vitest';
import { manualClock } from '../../platform/clock.ts';
import { Failure } from '../../platform/failure.ts';
import { silentLog } from '../../platform/log.ts';
import { makePasses } from './service.passes.ts';
import { makePersonKeys, makeTokens, writePerson } from './tokens.ts';

const showId = 'show_1';
const accountId = 'acc_1';
const secret = 'a secret of thirty-two characters';
const endsAtMs = startMs + 600_000;
const endsByMs = startMs + 1_800_000;

/** The check of passes over a store that can go away; the pass is live until `endsAtMs`. */
const openPasses = () => {
  const clock = manualClock(startMs);
  const tokens = makeTokens(secret);
  const derivePerson = makePersonKeys(secret);
  const told = { isAway: false, isLive: true, asked: 0 };
  const row = { control: openControl };
  const room = { isLost: false, state: openControl, row, skewMs: 0, passesFromMs: 0 };
  const store = {
    play: async (): Promise<RoomAnswer[]> => {
      told.asked++;
      if (told.isAway) throw new Failure('STORE_UNREACHABLE', 'away', { retryable: true });
      const pass = { number: 1, endsAtMs, endsByMs, orderId: '' };
      return [told.isLive ? { outcome: 'live', pass } : { outcome: 'none' }];
    },
  };
  const deps = { rooms: { get: () => room }, store, derivePerson, clock, log: silentLog };
  const person = writePerson(derivePerson(showId, accountId));
  const { epoch } = openControl;
  const pass = tokens.signPass({ show: showId, person, number: 1, epoch, endsByMs });
  /** Another process has its own memory. */
  const openProcess = () => {
    const { judge } = makePasses(deps, tokens);
    return async (): Promise<string> => {
      const judged = judge({ showId, heldAtMs: null, accountId, pass });
      if (judged === null) return 'no pass needed';
      const refused = 'refusal' in judged ? judged : await judged.askStore();
      return refused === null ? 'live' : refused.refusal;
    };
  };
  return { told, room, clock, openProcess };
};

describe('while the store of the rooms is away, a pass', () => {
  test('that this process has seen alive goes on buying until its end', async () => {
    const { told, clock, openProcess } = openPasses();
    const use = openProcess();
    expect(await use()).toBe('live');
    told.isAway = true;
    await clock.advance(60_000);
    expect(await use()).toBe('live');
    await clock.advance(539_999);
    expect(await use()).toBe('live');
    await clock.advance(1);
    await expect(use()).rejects.toThrow('away');
  });

  test('is not even asked for once the room is known to be lost', async () => {
    const { told, room, openProcess } = openPasses();
    const use = openProcess();
    await use();
    room.isLost = true;
    expect([await use(), told.asked]).toEqual(['live', 1]);
  });

  test('that this process never saw is not taken on trust', async () => {
    const { told, room, openProcess } = openPasses();
    await openProcess()();
    Object.assign(told, { isAway: true });
    room.isLost = true;
    await expect(openProcess()()).rejects.toThrow('away');
  });

  test('that was refused, or revoked, is refused', async () => {
    const { told, room, openProcess } = openPasses();
    const use = openProcess();
    await use();
    told.isLive = false;
    expect(await use()).toBe('PASS_ENDED');
    told.isAway = true;
    await expect(use()).rejects.toThrow('away');
    Object.assign(told, { isAway: false, isLive: true });
    await use();
    const revoked = { ...openControl, passEpoch: openControl.epoch + 1 };
    Object.assign(room, { state: revoked, isLost: true });
    expect(await use()).toBe('PASS_ENDED');
  });
});
