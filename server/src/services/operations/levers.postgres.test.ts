import type { Lever, Room, RoomSettings } from '@usher/contract/waiting-room.ts';
import { afterThisFile } from '@usher/tests/support/after-file.ts';
import { makeTestDatabase } from '@usher/tests/support/postgres.ts';
import { beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../platform/clock.ts';
import { Failure } from '../../platform/failure.ts';
import { makeIds } from '../../platform/ids.ts';
import { silentLog } from '../../platform/log.ts';
import { type Database, openDatabase } from '../../platform/postgres/sql.ts';
import { makeLevers, type Rooms, type Wish } from './service.ts';
import { makeLeverAudit } from './store.ts';

const ids = makeIds(systemClock);
let db: Database;
beforeAll(async () => {
  const { url } = await makeTestDatabase();
  db = openDatabase({ url, name: 'test', log: silentLog, poolMax: 4 });
  afterThisFile(db.close);
});

const settings: RoomSettings = {
  ratePerMinute: 600,
  activeMax: 500,
  opensAt: '2026-12-24T10:30:00.000Z',
  lobbyMinutes: 30,
  whenCrowded: 'warn',
  challengeCost: 0,
};
type Step = 'before' | 'after' | null;

/**
 * Rooms that keep the port's promises: a change is made if the rev is still the one seen, and a
 * repeat of the last change gets the same answer. `diesOnce`: fails once, before or after the
 * change.
 */
const roomsOf = () => {
  const state = { rev: 0, lastChangeId: '', made: [] as string[], diesOnce: null as Step };
  const room = (showId: string): Room => ({
    showId,
    rev: state.rev,
    epoch: 1,
    phase: 'open',
    override: 'none',
    settings,
    overrideUntil: null,
    message: null,
    pollMultiplier: 1,
    front: 0,
    tail: 0,
    waiting: 0,
    called: 0,
    late: 0,
    active: 0,
    admitted: 0,
    perMinute: 0,
    meanStayMs: null,
    left: {},
    commitment: '',
    draw: null,
    enabledAt: settings.opensAt,
  });
  const fail = (step: Step): void => {
    if (state.diesOnce !== step) return;
    state.diesOnce = null;
    throw new Failure('STORE_UNREACHABLE', 'gone', { retryable: true });
  };
  const change = (showId: string, changeId: string, ifRev: number | null, what: string) => {
    fail('before');
    if (state.lastChangeId === changeId) return { outcome: 'changed' as const, room: room(showId) };
    if ((ifRev ?? 0) !== state.rev) return { outcome: 'conflict' as const, rev: state.rev };
    if (what === 'resume')
      return { outcome: 'refused' as const, detail: 'The room is not paused.' };
    state.rev++;
    state.lastChangeId = changeId;
    state.made.push(what);
    fail('after');
    return {
      outcome: ifRev === null ? ('created' as const) : ('changed' as const),
      room: room(showId),
    };
  };
  const rooms: Rooms = {
    list: async () => [],
    read: async (showId) => (state.rev === 0 ? null : room(showId)),
    put: async (showId, { changeId, ifRev }) => change(showId, changeId, ifRev, 'settings'),
    pull: async (showId, { changeId, ifRev, lever }) =>
      change(showId, changeId, ifRev, lever.lever),
  };
  return { rooms, state };
};

const open = async () => {
  const { rooms, state } = roomsOf();
  const levers = makeLevers({ audit: makeLeverAudit(db), rooms, ids });
  const showId = ids.make('show');
  const accountId = ids.make('account');
  const wish = (key: string | null, reason: string | null = null): Wish => ({
    showId,
    accountId,
    reason,
    requestId: 'request-1',
    key,
  });
  await levers.put(wish('key-of-the-room'), null, settings);
  const pull = (name: 'pause' | 'resume' | 'drain', ifRev: number, key: string | null = null) =>
    levers.pull(wish(key), ifRev, { lever: name });
  const listed = async () =>
    (await levers.uses(showId))?.map(({ action, outcome, rev }) => [action['lever'], outcome, rev]);
  return { levers, state, wish, pull, listed, showId, accountId };
};

describe('the audit of the levers', () => {
  test('records for every use who, what, why, which room and the outcome', async () => {
    const { levers, wish, accountId, showId } = await open();
    const limits: Lever = { lever: 'limits', ratePerMinute: 300 };
    await levers.pull(wish(null, '예매 서버가 느립니다'), 1, limits);
    const [use] = (await levers.uses(showId)) ?? [];
    expect(use).toEqual({
      id: expect.stringMatching(/^lev_/),
      at: expect.any(String),
      accountId,
      action: limits,
      reason: '예매 서버가 느립니다',
      ifRev: 1,
      requestId: 'request-1',
      outcome: 'done',
      rev: 2,
      detail: null,
    });
  });

  test('has a row for a room that was created, and for a lever that was refused', async () => {
    const { pull, listed, levers, showId } = await open();
    expect(await pull('resume', 1)).toMatchObject({ outcome: 'refused' });
    expect(await pull('pause', 7)).toEqual({ outcome: 'conflict', rev: 1 });
    expect(await listed()).toEqual([
      ['pause', 'refused', 1],
      ['resume', 'refused', 1],
      ['settings', 'done', 1],
    ]);
    const uses = (await levers.uses(showId)) ?? [];
    expect(uses.map(({ detail }) => detail)).toEqual([
      'The room had changed since: it was at rev 1.',
      'The room is not paused.',
      null,
    ]);
  });

  test('lists effects in the order of the changes, not of the first calls', async () => {
    const { levers, wish, pull, listed, state } = await open();
    // Sent for a future rev; succeeds when the room has reached it.
    await expect(
      levers.pull(wish('key-of-the-drain'), 2, { lever: 'drain' }),
    ).resolves.toMatchObject({ outcome: 'conflict' });
    await pull('pause', 1);
    await levers.pull(wish('key-of-the-drain'), 2, { lever: 'drain' });
    expect(state.made).toEqual(['settings', 'pause', 'drain']);
    expect(await listed()).toEqual([
      ['drain', 'done', 3],
      ['pause', 'done', 2],
      ['settings', 'done', 1],
    ]);
  });

  test('has its row before the change, so no change is unlisted if the call dies', async () => {
    const { state, pull, listed } = await open();
    state.diesOnce = 'after';
    await expect(pull('pause', 1, 'key-of-the-pause')).rejects.toThrow('gone');
    expect(state.made).toEqual(['settings', 'pause']);
    expect(await listed()).toEqual([
      ['pause', 'unknown', null],
      ['settings', 'done', 1],
    ]);
  });

  test('is completed by a repeat of the call, which does not change anything twice', async () => {
    const { state, pull, listed } = await open();
    state.diesOnce = 'after';
    await expect(pull('pause', 1, 'key-of-the-pause')).rejects.toThrow('gone');
    expect(await pull('pause', 1, 'key-of-the-pause')).toMatchObject({ outcome: 'changed' });
    expect(state.made).toEqual(['settings', 'pause']);
    expect(await listed()).toEqual([
      ['pause', 'done', 2],
      ['settings', 'done', 1],
    ]);
  });

  test('does not list as refused what an earlier attempt of the call may have done', async () => {
    const { state, pull, listed } = await open();
    state.diesOnce = 'after';
    await expect(pull('pause', 1, 'key-of-the-pause')).rejects.toThrow('gone');
    await pull('drain', 2);
    expect(await pull('pause', 1, 'key-of-the-pause')).toEqual({ outcome: 'conflict', rev: 3 });
    expect(await listed()).toContainEqual(['pause', 'unknown', null]);
  });

  test('treats another request under the same key as another use', async () => {
    const { pull, listed } = await open();
    await pull('pause', 1, 'the-same-key');
    await pull('drain', 2, 'the-same-key');
    expect(await listed()).toHaveLength(3);
  });

  test('cannot be rewritten, not even by the program itself', async () => {
    const { showId } = await open();
    const hands = [
      ["UPDATE operations.levers SET reason = 'another' WHERE show_id = $1", [showId]],
      ['DELETE FROM operations.levers WHERE show_id = $1', [showId]],
      ["UPDATE operations.lever_outcomes SET outcome = 'refused' WHERE rev = 1", []],
      ['DELETE FROM operations.lever_outcomes', []],
      ['TRUNCATE operations.levers CASCADE', []],
    ] as const;
    for (const [sql, params] of hands)
      await expect(db.query(sql, params)).rejects.toThrow('append-only');
  });
});
