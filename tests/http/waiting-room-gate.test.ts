import { cancelOrder, placeOrder } from '@usher/contract/orders.ts';
import { takeHold } from '@usher/contract/seats.ts';
import {
  claimPass,
  joinRoom,
  type Lever,
  leaveRoom,
  passHeader,
  sendHeartbeat,
} from '@usher/contract/waiting-room.ts';
import { passesGraceMs } from '@usher/domain/room/constants.ts';
import { beforeAll, describe, expect, test } from 'vitest';
import { codeOf } from '../support/ask.ts';
import { openProgram, type Program } from '../support/program.ts';
import type { Person } from '../support/sale.ts';
import { until } from '../support/until.ts';
import { makeRoomTools, type RoomTools } from '../support/waiting.ts';

let program: Program;
let room: RoomTools;
beforeAll(async () => {
  program = await openProgram();
  room = makeRoomTools(program);
});

const atRoom = async (people: number, given: Parameters<RoomTools['open']>[1] = {}) => {
  const { showId, performanceId } = await program.newSale(program.organiser);
  await room.open(showId, given);
  const persons = await program.newBuyers(people);
  return { showId, performanceId, persons, params: { showId } };
};

/** Until then a process that does not know the room yet may have taken a hold. */
const untilPassesAreWanted = async (showId: string): Promise<void> => {
  const fromMs = Date.parse((await room.read(showId)).enabledAt) + passesGraceMs;
  await room.untilRoom(showId, 'orders want a pass everywhere', ({ now }) => now > fromMs);
};
/** The outcome of a hold and of an order with this pass: `held`, `placed` or the problem code. */
const tryHold = async (
  person: Person,
  pass: string | null,
  performanceId: string,
  seat: number,
): Promise<string> => {
  const reply = await program.ask(takeHold, {
    as: person.token,
    params: { performanceId },
    body: { seats: [seat] },
    headers: pass === null ? {} : { [passHeader]: pass },
  });
  return reply.status === 201 ? 'held' : codeOf(reply);
};
const tryOrder = async (person: Person, pass: string | null, holdId: string): Promise<string> => {
  const reply = await program.ask(placeOrder, {
    as: person.token,
    body: { holdId },
    headers: pass === null ? {} : { [passHeader]: pass },
  });
  return reply.status === 201 ? 'placed' : codeOf(reply);
};
/** Changes a letter in the middle, so the signature no longer matches. */
const changed = (token: string): string => {
  const at = Math.floor(token.length / 2);
  return `${token.slice(0, at)}${token[at] === 'A' ? 'B' : 'A'}${token.slice(at + 1)}`;
};

describe('a pass is refused by holds and by orders alike', () => {
  let showId: string;
  let performanceId: string;
  let seatsGiven = 0;
  beforeAll(async () => {
    ({ showId, performanceId } = await atRoom(0));
    await untilPassesAreWanted(showId);
  });
  /** Somebody inside with a hold, whose pass is then made invalid. */
  const refusedWith = async (
    spoil: (given: {
      minji: Person;
      other: Person;
      pass: string;
      token: string;
    }) => Promise<string | null> | string | null,
  ) => {
    const [minji, other] = (await program.newBuyers(2)) as [Person, Person];
    const { place, pass } = await room.enter(minji, showId);
    const seat = seatsGiven;
    seatsGiven += 2;
    const { id: holdId } = await room.hold(minji, pass, performanceId, [seat]);
    const bad = await spoil({ minji, other, pass, token: place.token });
    return [await tryHold(minji, bad, performanceId, seat + 1), await tryOrder(minji, bad, holdId)];
  };
  const ended = ['PASS_ENDED', 'PASS_ENDED'];

  test('when it is missing', async () => {
    expect(await refusedWith(() => null)).toEqual(['PASS_REQUIRED', 'PASS_REQUIRED']);
  });
  test('when it is forged', async () => {
    expect(await refusedWith(({ pass }) => changed(pass))).toEqual(ended);
    expect(await refusedWith(() => 'x'.repeat(4097))).toEqual(ended);
    // A place token is not a pass, although the same key signed it.
    expect(await refusedWith(({ token }) => token)).toEqual(ended);
    expect(await refusedWith(({ token }) => token.replace(/^place\./, 'pass.'))).toEqual(ended);
  });
  test('when it is somebody else’s', async () => {
    const others = async ({ other }: { other: Person }) => (await room.enter(other, showId)).pass;
    expect(await refusedWith(others)).toEqual(ended);
  });
  test('when it is for another show', async () => {
    const elsewhere = await atRoom(0);
    const ofMinji = async ({ minji }: { minji: Person }) =>
      (await room.enter(minji, elsewhere.showId)).pass;
    expect(await refusedWith(ofMinji)).toEqual(ended);
  });
  test('when its owner has left', async () => {
    const left = async ({ minji, pass }: { minji: Person; pass: string }) => {
      await program.must(leaveRoom, { as: minji.token, params: { showId } });
      return pass;
    };
    expect(await refusedWith(left)).toEqual(ended);
  });
  test('when all passes are revoked, even for a whole wave at once', async () => {
    const revoked = async ({ pass }: { pass: string }) => {
      await room.pull(showId, { lever: 'revoke-passes' });
      return pass;
    };
    expect(await refusedWith(revoked)).toEqual(ended);
  });
});

describe('a place token', () => {
  test('that is forged, another person’s, or of another room takes no place', async () => {
    const { showId, persons, params } = await atRoom(2);
    const elsewhere = await atRoom(0);
    const [minji, other] = persons as [Person, Person];
    const mine = await room.join(minji, showId);
    const bad = [
      changed(mine.token),
      (await room.join(other, showId)).token,
      (await room.join(minji, elsewhere.showId)).token,
      'place.e30.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
    ];
    for (const place of bad)
      for (const spec of [sendHeartbeat, claimPass]) {
        const { code } = await program.refusal(spec, { as: minji.token, params, body: { place } });
        expect([spec.name, code]).toEqual([spec.name, 'PLACE_TOKEN_REFUSED']);
      }
    // Joining with such a token gives only the place that the person already has.
    for (const place of bad) {
      const joined = await program.must(joinRoom, { as: minji.token, params, body: { place } });
      expect(joined.number).toBe(mine.number);
    }
    expect(await room.read(showId)).toMatchObject({ tail: 2 });
  });

  test('that is valid counts as a heartbeat of its owner', async () => {
    const { showId, persons, params } = await atRoom(1);
    const [minji] = persons as [Person];
    const { token: place } = await room.join(minji, showId);
    const beat = await program.ask(sendHeartbeat, { as: minji.token, params, body: { place } });
    expect(beat.status).toBe(204);
  });
});

describe('a show', () => {
  test('that gets a room during its sale requires a pass for new purchases only', async () => {
    const { showId, performanceId } = await program.newSale(program.organiser);
    const [minji, second, third] = (await program.newBuyers(3)) as [Person, Person, Person];
    const held = await program.hold(minji.token, performanceId, [0, 1]);
    const { checkout } = await program.order(second.token, performanceId, [2]);
    await room.open(showId);
    expect(await tryHold(third, null, performanceId, 3)).toBe('PASS_REQUIRED');
    expect(await tryOrder(minji, null, held.id)).toBe('placed');
    expect((await program.pay(second.token, checkout)).status).toBe(200);
    const { pass } = await room.enter(third, showId);
    expect(await tryHold(third, pass, performanceId, 3)).toBe('held');
  });

  test('without a room needs no pass, and ignores one', async () => {
    const { performanceId } = await program.newSale(program.organiser);
    const minji = await program.newBuyer();
    expect(await tryHold(minji, null, performanceId, 0)).toBe('held');
    expect(await tryHold(minji, 'pass.of.nowhere', performanceId, 1)).toBe('held');
  });
});

describe('the operator’s levers', () => {
  test('pause: nobody is called and places stay as they are until resume', async () => {
    const { showId, persons } = await atRoom(3);
    await room.pull(showId, { lever: 'pause' });
    const places = [];
    for (const person of persons) places.push(await room.join(person, showId));
    const before = await room.read(showId);
    // Several ticks; each one could have called all three.
    const { now } = await room.now(showId);
    await room.untilRoom(showId, 'a second has passed', (seen) => seen.now > now + 1000);
    expect(await room.read(showId)).toMatchObject({ front: before.front, called: 0, waiting: 3 });
    for (const [i, person] of persons.entries())
      expect((await room.me(person, showId)).number).toBe(places[i]?.number);
    await room.pull(showId, { lever: 'resume' });
    await room.untilRoom(showId, 'all are called', ({ front }) => front === 3);
  });

  test('bypass: all may buy without a pass, and order their holds after it ends', async () => {
    const { showId, performanceId, persons } = await atRoom(1);
    const [minji] = persons as [Person];
    await untilPassesAreWanted(showId);
    await room.pull(showId, { lever: 'bypass', minutes: 1 });
    const held = await program.hold(minji.token, performanceId, [0]);
    await room.pull(showId, { lever: 'resume' });
    expect(await tryHold(minji, null, performanceId, 1)).toBe('PASS_REQUIRED');
    expect(await tryOrder(minji, null, held.id)).toBe('placed');
  });

  test('limits: fewer people are called from now on, and nobody inside is removed', async () => {
    const { showId, persons } = await atRoom(4);
    const [a, b, c, d] = persons as [Person, Person, Person, Person];
    await room.enter(a, showId);
    await room.enter(b, showId);
    const lowered = await room.pull(showId, { lever: 'limits', activeMax: 1 });
    expect(lowered).toMatchObject({ active: 2, settings: { activeMax: 1 } });
    await room.join(c, showId);
    await program.must(leaveRoom, { as: a.token, params: { showId } });
    await room.join(d, showId);
    expect(await room.read(showId)).toMatchObject({ active: 1, called: 0, waiting: 2 });
    await program.must(leaveRoom, { as: b.token, params: { showId } });
    await room.untilRoom(showId, 'one is called', ({ front }) => front === 3);
    expect(await room.read(showId)).toMatchObject({ active: 0, called: 1 });
  });

  const joins = async (person: Person, showId: string): Promise<string | number> => {
    const given = { as: person.token, params: { showId }, body: {} };
    const reply = await program.ask(joinRoom, given);
    return reply.status < 300 ? reply.status : codeOf(reply);
  };
  test.each<Lever['lever']>(['drain', 'close', 'reject'])(
    '%s: nobody new can join, and people in line keep their places',
    async (lever) => {
      const { showId, persons } = await atRoom(2);
      const [minji, late] = persons as [Person, Person];
      await room.pull(showId, { lever: 'pause' });
      await room.join(minji, showId);
      if (lever !== 'reject') await room.pull(showId, { lever: 'resume' });
      await room.pull(showId, { lever } as Lever);
      expect(await joins(late, showId)).toBe('ROOM_CLOSED');
      expect(await joins(minji, showId)).toBe(200);
    },
  );

  test('message and poll: everybody gets them with the next poll', async () => {
    const { showId } = await atRoom(0);
    const message = { ko: '잠시만 기다려 주세요', en: 'A moment, please' };
    await room.pull(showId, { lever: 'message', message });
    await room.pull(showId, { lever: 'poll', multiplier: 2 });
    expect(await room.now(showId)).toMatchObject({ message, poll: { m: 2 } });
  });
});

describe('an order that is not paid', () => {
  test('leaves the pass valid, so its owner may buy again', async () => {
    const { showId, performanceId, persons } = await atRoom(1);
    const [minji] = persons as [Person];
    const { pass } = await room.enter(minji, showId);
    const pinned = await room.order(minji, pass, performanceId, [0]);
    const params = { orderId: pinned.order.id };
    await program.must(cancelOrder, { as: minji.token, params });
    const declined = await room.order(minji, pass, performanceId, [1]);
    expect((await program.pay(minji.token, declined.checkout, 'decline')).status).toBe(402);
    const { rows } = await heard();
    expect(rows).toBe(0);
    const paid = await room.order(minji, pass, performanceId, [2]);
    expect((await program.pay(minji.token, paid.checkout)).status).toBe(200);
    await until('the slot is back', async () => (await room.read(showId)).active === 0);
    expect(await room.read(showId)).toMatchObject({ admitted: 1, called: 0 });
    expect(await tryHold(minji, pass, performanceId, 3)).toBe('PASS_ENDED');
  });

  /** Waits until every ended order has been recorded and applied to the room. */
  const heard = () =>
    until('all ended orders have been applied', async () => {
      const [row] = await program.app.db.query<{ rows: number; events: number }>(
        `SELECT (SELECT count(*)::int FROM waiting_room.order_ends) AS rows,
           (SELECT count(*)::int FROM platform.waiting_events) AS events`,
      );
      return row?.rows === 0 && row.events === 0 ? row : null;
    });
});
