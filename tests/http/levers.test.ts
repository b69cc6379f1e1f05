import {
  type Lever,
  type LeverUse,
  listLevers,
  listRooms,
  pullLever,
  putRoom,
  type Room,
  readRoom,
} from '@usher/contract/waiting-room.ts';
import { levers } from '@usher/domain/room/phases.ts';
import { beforeAll, describe, expect, test } from 'vitest';
import { freshKey, jsonOf, problemOf } from '../support/ask.ts';
import { nowhere } from '../support/examples.ts';
import { openProgram, type Program } from '../support/program.ts';
import { hoursFromNow } from '../support/sale.ts';
import { finish } from '../support/usher-process.ts';
import { makeRoomTools, type RoomTools } from '../support/waiting.ts';

let program: Program;
let room: RoomTools;
beforeAll(async () => {
  program = await openProgram();
  room = makeRoomTools(program);
});

/** A show whose sale opens in two hours, with a room that nobody can enter yet. */
const idleRoom = async (): Promise<string> => {
  const { showId } = await program.newSale(program.organiser);
  await room.put(showId, { opensAt: hoursFromNow(2) });
  await room.untilRoom(showId, 'the room is idle', ({ phase }) => phase === 'idle');
  return showId;
};
const openRoom = async (): Promise<string> => {
  const { showId } = await program.newSale(program.organiser);
  await room.open(showId);
  return showId;
};
const usesOf = async (showId: string): Promise<LeverUse[]> =>
  (await program.must(listLevers, { as: program.operator, params: { showId } })).items;
const ask = (showId: string, ifRev: number, action: Lever, more: object = {}) =>
  program.ask(pullLever, {
    as: program.operator,
    params: { showId },
    body: { ifRev, action },
    ...more,
  });

describe('an operator', () => {
  test('can pull every lever, and each has its effect', async () => {
    const showId = await idleRoom();
    const pulled = new Set<string>();
    const pull = async (action: Lever): Promise<Room> => {
      pulled.add(action.lever);
      return room.pull(showId, action);
    };
    expect(await pull({ lever: 'open-lobby' })).toMatchObject({ phase: 'lobby' });
    expect(await pull({ lever: 'pause' })).toMatchObject({ phase: 'lobby', override: 'paused' });
    await pull({ lever: 'open' });
    await room.untilRoom(showId, 'the room is open', ({ phase }) => phase === 'open');
    expect(await pull({ lever: 'resume' })).toMatchObject({ phase: 'open', override: 'none' });
    const message = { ko: '곧 시작합니다', en: 'Soon' };
    expect(await pull({ lever: 'message', message })).toMatchObject({ message });
    expect(await pull({ lever: 'message', message: null })).toMatchObject({ message: null });
    expect(await pull({ lever: 'poll', multiplier: 2.5 })).toMatchObject({ pollMultiplier: 2.5 });
    expect(await pull({ lever: 'limits', ratePerMinute: 100, meanStayMinutes: 4 })).toMatchObject({
      settings: { ratePerMinute: 100, activeMax: 400 },
    });
    const { epoch } = await room.read(showId);
    expect(await pull({ lever: 'revoke-passes' })).toMatchObject({ epoch: epoch + 1, active: 0 });
    expect(await pull({ lever: 'reject' })).toMatchObject({ override: 'reject' });
    const bypassed = await pull({ lever: 'bypass', minutes: 10 });
    expect(bypassed.override).toBe('bypass');
    const leftMs = Date.parse(bypassed.overrideUntil ?? '') - Date.now();
    expect(Math.abs(leftMs - 600_000)).toBeLessThan(60_000);
    await pull({ lever: 'resume' });
    expect(await pull({ lever: 'drain' })).toMatchObject({
      phase: expect.stringMatching(/^(?:draining|closed)$/),
    });
    await room.untilRoom(showId, 'nobody is in line', ({ phase }) => phase === 'closed');
    await pull({ lever: 'open' });
    expect(await pull({ lever: 'close' })).toMatchObject({ phase: 'closed' });
    expect([...pulled].sort()).toEqual([...levers].sort());
  });

  test('sees every use in the record: who, when, why, by which request, at which rev', async () => {
    const showId = await idleRoom();
    const before = Date.now();
    const { rev } = await room.read(showId);
    const action: Lever = { lever: 'limits', activeMax: 50 };
    const reply = await program.ask(pullLever, {
      as: program.operator,
      params: { showId },
      body: { ifRev: rev, reason: '결제가 느립니다', action },
      headers: { traceparent: `00-${'ab'.repeat(16)}-${'cd'.repeat(8)}-01` },
    });
    const changed = jsonOf(reply);
    const [use, first, ...older] = await usesOf(showId);
    expect(use).toMatchObject({
      action,
      reason: '결제가 느립니다',
      outcome: 'done',
      ifRev: rev,
      detail: null,
      rev: changed['rev'],
      requestId: 'ab'.repeat(16),
      accountId: expect.stringMatching(/^acc_/),
    });
    expect(Date.parse(use?.at ?? '')).toBeGreaterThan(before - 60_000);
    expect(first).toMatchObject({ action: { lever: 'settings' }, outcome: 'done', ifRev: null });
    expect(older).toEqual([]);
  });

  test('sees uses in the record in order, the refused ones among them', async () => {
    const showId = await idleRoom();
    await room.pull(showId, { lever: 'open-lobby' });
    const { rev } = await room.read(showId);
    const misfit = problemOf(await ask(showId, rev, { lever: 'open-lobby' }));
    expect(misfit).toMatchObject({ code: 'LEVER_REFUSED', detail: expect.stringMatching(/lobby/) });
    const stale = problemOf(await ask(showId, rev - 1, { lever: 'pause' }));
    expect(stale).toMatchObject({ code: 'ROOM_CHANGED_MEANWHILE', rev });
    await room.pull(showId, { lever: 'pause' });
    const uses = (await usesOf(showId)).map(({ action, outcome }) => [action['lever'], outcome]);
    expect(uses).toEqual([
      ['pause', 'done'],
      ['pause', 'refused'],
      ['open-lobby', 'refused'],
      ['open-lobby', 'done'],
      ['settings', 'done'],
    ]);
  });

  test('who pulls at the same moment as others: one succeeds, the rest get 409', async () => {
    const showId = await idleRoom();
    const { rev } = await room.read(showId);
    const replies = await Promise.all(
      Array.from({ length: 8 }, (_, i) => ask(showId, rev, { lever: 'poll', multiplier: i + 2 })),
    );
    const won = replies.filter(({ status }) => status === 200);
    expect(won).toHaveLength(1);
    for (const reply of replies.filter(({ status }) => status !== 200))
      expect(problemOf(reply).code).toBe('ROOM_CHANGED_MEANWHILE');
    const made = (await usesOf(showId)).filter(({ outcome }) => outcome === 'done');
    expect(made).toHaveLength(2);
    expect(made[0]?.action['multiplier']).toBe((await room.read(showId)).pollMultiplier);
  });

  test('who opens at the same moment as others: one succeeds, the rest get 409', async () => {
    const showId = await idleRoom();
    const { rev } = await room.read(showId);
    const opens = Array.from({ length: 4 }, () => ask(showId, rev, { lever: 'open' }));
    const replies = await Promise.all(opens);
    await room.untilRoom(showId, 'it is open', ({ phase }) => phase === 'open');
    replies.push(await ask(showId, rev, { lever: 'open' }));
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(1);
    const made = (await usesOf(showId)).filter(({ outcome }) => outcome === 'done');
    expect(made.map(({ action }) => action['lever'])).toEqual(['open', 'settings']);
  });

  test('who read the room before it opened cannot pause the open room by mistake', async () => {
    const showId = await idleRoom();
    const { rev } = await room.read(showId);
    await room.pull(showId, { lever: 'open' });
    const opened = await room.untilRoom(showId, 'it is open', ({ phase }) => phase === 'open');
    const stale = problemOf(await ask(showId, rev, { lever: 'pause' }));
    expect(stale).toMatchObject({ code: 'ROOM_CHANGED_MEANWHILE', rev: opened.rev });
    expect(await room.read(showId)).toMatchObject({ override: 'none', rev: opened.rev });
  });

  test('can change one setting of a room that was opened early and keep the others', async () => {
    const showId = await idleRoom();
    await room.pull(showId, { lever: 'open' });
    await room.untilRoom(showId, 'it is open', ({ phase }) => phase === 'open');
    const { rev, settings } = await room.read(showId);
    const wanted = { ...settings, whenCrowded: 'refuse' as const, ratePerMinute: 240 };
    const changed = await program.must(putRoom, {
      as: program.operator,
      params: { showId },
      body: { ifRev: rev, settings: wanted },
    });
    expect(changed).toMatchObject({ phase: 'open', settings: wanted });
  });

  test('whose call is repeated changes the room once and has one entry in the record', async () => {
    const showId = await idleRoom();
    const { rev } = await room.read(showId);
    const key = freshKey();
    const replies = [
      await ask(showId, rev, { lever: 'pause' }, { key }),
      await ask(showId, rev, { lever: 'pause' }, { key }),
    ];
    expect(replies.map(({ status }) => status)).toEqual([200, 200]);
    expect(replies[1]?.bytes).toEqual(replies[0]?.bytes);
    expect(await usesOf(showId)).toHaveLength(2);
    expect((await room.read(showId)).rev).toBe(rev + 1);
    const other = await ask(showId, rev, { lever: 'reject' }, { key });
    expect(problemOf(other).code).toBe('IDEMPOTENCY_KEY_REUSED');
  });

  test('gets an error if there is no room, and asking creates none', async () => {
    const { showId } = await program.newSale(program.organiser);
    const params = { showId };
    const as = program.operator;
    for (const reply of [
      await program.ask(readRoom, { as, params }),
      await program.ask(listLevers, { as, params }),
      await ask(showId, 1, { lever: 'pause' }),
      await program.ask(putRoom, {
        as,
        params: { showId: nowhere.showId },
        body: { ifRev: null, settings: { opensAt: hoursFromNow(1) } },
      }),
    ])
      expect(problemOf(reply).code).toBe('NOT_FOUND');
    const { items } = await program.must(listRooms, { as });
    expect(items.map((each) => each.showId)).not.toContain(showId);
  });
});

describe('nobody but an operator', () => {
  test('can read or control a room: not its organiser, not a buyer, not a stranger', async () => {
    const showId = await openRoom();
    const { rev } = await room.read(showId);
    const params = { showId };
    const settings = { opensAt: hoursFromNow(1) };
    const calls = [
      [listRooms, {}],
      [readRoom, { params }],
      [putRoom, { params, body: { ifRev: rev, settings } }],
      [pullLever, { params, body: { ifRev: rev, action: { lever: 'close' } } }],
      [listLevers, { params }],
    ] as const;
    const { token: buyer } = await program.newBuyer();
    const before = await usesOf(showId);
    for (const [spec, given] of calls) {
      for (const as of [program.organiser, buyer])
        expect(problemOf(await program.ask(spec, { ...given, as })).code).toBe('FORBIDDEN');
      expect(problemOf(await program.ask(spec, given)).code).toBe('UNAUTHENTICATED');
    }
    expect((await room.read(showId)).rev).toBe(rev);
    expect(await usesOf(showId)).toEqual(before);
  });
});

describe('usher room', () => {
  const run = async (words: readonly string[], input: string | null = null) => {
    const url = await program.listen();
    const env = input === null ? { USHER_TOKEN: program.operator } : {};
    return finish(['room', ...words, '--url', url], env, input);
  };

  test('creates a room, controls it and prints its state', async () => {
    const { showId } = await program.newSale(program.organiser);
    const made = await run(['put', showId, '--opens-at', hoursFromNow(2), '--rate', '120']);
    expect([made.code, made.said]).toEqual([0, expect.stringContaining('120 a minute')]);
    const paused = await run(['pause', showId, '--reason', '점검', '--json']);
    expect(paused.code).toBe(0);
    expect(JSON.parse(paused.said)).toMatchObject({ showId, override: 'paused' });
    const kept = await run(['put', showId, '--active', '77']);
    expect([kept.code, kept.said]).toEqual([0, expect.stringContaining('120 a minute')]);
    expect((await room.read(showId)).settings).toMatchObject({ ratePerMinute: 120, activeMax: 77 });
    const listed = await run(['list']);
    expect(listed.said).toMatch(new RegExp(`${showId} .*paused .*시험공연 / A trial show`));
    const uses = await run(['levers', showId]);
    expect(uses.said).toMatch(/ pause\n {2}done, rev \d+\n {2}by acc_\w+, .*\n {2}because: 점검/);
    expect(await usesOf(showId)).toHaveLength(3);
  });

  test('exits with one code for a changed room and another one for a refused lever', async () => {
    const showId = await idleRoom();
    const { rev } = await room.read(showId);
    const stale = await run(['pause', showId, '--if-rev', String(rev + 5)]);
    expect([stale.code, stale.said]).toEqual([4, expect.stringContaining('changed')]);
    const misfit = await run(['resume', showId]);
    expect([misfit.code, misfit.said]).toEqual([5, expect.stringContaining('neither paused')]);
    expect((await room.read(showId)).rev).toBe(rev);
  });

  test('reads a password from its input and ends the session that it started', async () => {
    const showId = await idleRoom();
    const { email, password, token } = await program.newBuyer();
    const who = ['--email', email, '--password-stdin'];
    const refused = await run(['close', showId, ...who], `${password}\n`);
    expect([refused.code, refused.said]).toEqual([
      1,
      expect.stringMatching(/may not|allowed|role/),
    ]);
    const wrong = await run(['close', showId, ...who], 'not the password\n');
    expect(wrong.code).toBe(1);
    const open = await program.app.db.query<{ left: number }>(
      `SELECT count(*) AS left FROM identity.sessions s
       JOIN identity.accounts a ON a.id = s.account_id WHERE a.email = $1 AND s.ended_at IS NULL`,
      [email],
    );
    // Only the session from the sign-up is left.
    expect([open[0]?.left, token.length > 0]).toEqual([1, true]);
  });

  test('reports an unreachable server and usage errors', async () => {
    const away = await finish(['room', 'list', '--url', 'http://127.0.0.1:9'], {
      USHER_TOKEN: 'x',
    });
    expect([away.code, away.said]).toEqual([1, expect.stringContaining('does not answer')]);
    const words = await finish(['room', 'bypass', 'the-musical'], {});
    expect([words.code, words.said]).toEqual([2, expect.stringContaining('--minutes')]);
  });
});
