import { listPerformances } from '@usher/contract/catalogue.ts';
import { readOrder } from '@usher/contract/orders.ts';
import { blockSeats } from '@usher/contract/organiser.ts';
import type { RouteSpec } from '@usher/contract/route.ts';
import {
  claimPass,
  joinRoom,
  leaveRoom,
  type Place,
  readChallenge,
  readCommitment,
  readDraw,
  readPlace,
  sendHeartbeat,
  waitingRoomRoutes,
} from '@usher/contract/waiting-room.ts';
import { checkDraw } from '@usher/domain/draw-check.ts';
import { beforeAll, describe, expect, test } from 'vitest';
import { sha256 } from '../../server/src/platform/hash.ts';
import { openProgram, type Program } from '../support/program.ts';
import { hoursFromNow, type Person } from '../support/sale.ts';
import { until } from '../support/until.ts';
import { makeRoomTools, type RoomTools } from '../support/waiting.ts';

let program: Program;
let room: RoomTools;
beforeAll(async () => {
  program = await openProgram();
  room = makeRoomTools(program);
});

/** A sale behind an open room, and people in front of it. */
const atRoom = async (people: number, given: Parameters<RoomTools['open']>[1] = {}) => {
  const { showId, performanceId } = await program.newSale(program.organiser);
  await room.open(showId, given);
  const persons = await program.newBuyers(people);
  return { showId, performanceId, persons, params: { showId } };
};
const first = ([person]: readonly Person[]): Person => {
  if (person === undefined) throw new Error('somebody was asked for');
  return person;
};

describe('the way through the room', () => {
  test('leads from joining to a call and a paid order, which frees the slot', async () => {
    const { showId, performanceId, persons, params } = await atRoom(1);
    const minji = first(persons);
    const { place, pass } = await room.enter(minji, showId);
    expect(place).toMatchObject({ standing: 'ACTIVE', number: 1, ahead: 0 });
    expect(await room.read(showId)).toMatchObject({ active: 1, called: 0, admitted: 1 });
    const { checkout } = await room.order(minji, pass, performanceId, [0, 1]);
    const paid = await program.pay(minji.token, checkout);
    expect(paid.status).toBe(200);
    await until('the slot is back', async () => (await room.read(showId)).active === 0);
    expect(await room.me(minji, showId)).toMatchObject({ standing: 'OVER', pass: null });
    const again = await program.refusal(claimPass, { as: minji.token, params, body: {} });
    expect(again.code).toBe('PASS_ENDED');
  });

  test('lets a person who has bought join again at the end of the line', async () => {
    const { showId, performanceId, persons, params } = await atRoom(2);
    const [minji, other] = persons as [Person, Person];
    const { place, pass } = await room.enter(minji, showId);
    const { checkout } = await room.order(minji, pass, performanceId, [0]);
    await program.pay(minji.token, checkout);
    await until('it is over', async () => (await room.me(minji, showId)).standing === 'OVER');
    await room.pull(showId, { lever: 'pause' });
    expect((await room.join(other, showId)).number).toBe(2);
    const again = await program.ask(joinRoom, { as: minji.token, params, body: {} });
    expect(again.status).toBe(201);
    expect(await room.me(minji, showId)).toMatchObject({
      standing: 'WAITING',
      number: 3,
      ahead: 1,
    });
    const old = { as: minji.token, params, body: { place: place.token } };
    expect((await program.refusal(sendHeartbeat, old)).code).toBe('PLACE_TOKEN_REFUSED');
  });

  test('ends for a person who leaves at any point, and another gets the slot', async () => {
    const { showId, persons, params } = await atRoom(3, { activeMax: 1 });
    const [minji, second, third] = persons as [Person, Person, Person];
    await room.enter(minji, showId);
    await room.join(second, showId);
    const last = await room.join(third, showId);
    const leave = (person: Person) => program.ask(leaveRoom, { as: person.token, params });
    expect((await leave(second)).status).toBe(204);
    expect((await program.refusal(readPlace, { as: second.token, params })).code).toBe('NO_PLACE');
    expect((await leave(second)).status).toBe(404);
    expect(await room.read(showId)).toMatchObject({ active: 1, waiting: 1 });
    expect((await leave(minji)).status).toBe(204);
    await room.called(showId, last);
    expect(await room.read(showId)).toMatchObject({ active: 0, called: 1 });
    // A new place, not the old one.
    expect((await room.join(second, showId)).number).toBe(4);
  });

  test('answers NOT_FOUND on every route of a show without a room', async () => {
    const { showId } = await program.newSale(program.organiser);
    const { token: as } = await program.newBuyer();
    const ofBuyers = (waitingRoomRoutes as readonly RouteSpec[]).filter(({ path }) =>
      path.includes('/queue'),
    );
    expect(ofBuyers).toHaveLength(10);
    for (const spec of ofBuyers) {
      const body = spec.body === undefined ? {} : { body: { place: 'place.of.nobody' } };
      const { code } = await program.refusal(spec, { as, params: { showId }, ...body });
      expect([spec.name, code]).toEqual([spec.name, 'NOT_FOUND']);
    }
  });
});

describe('one person has one place', () => {
  test('in any number of tabs, devices and retries, also all at once', async () => {
    const { showId, persons, params } = await atRoom(2);
    await room.pull(showId, { lever: 'pause' });
    const minji = first(persons);
    const phone = await program.enter(minji);
    const tabs = [minji.token, phone, minji.token, phone, minji.token, phone];
    const replies = await Promise.all(
      tabs.map((as) => program.ask(joinRoom, { as, params, body: {} })),
    );
    const places = replies.map(({ bytes }) => JSON.parse(bytes.toString()) as Place);
    expect(replies.map(({ status }) => status).sort()).toEqual([200, 200, 200, 200, 200, 201]);
    expect(new Set(places.map(({ number }) => number))).toEqual(new Set([1]));
    expect(await room.read(showId)).toMatchObject({ tail: 1, waiting: 1 });
    expect(await program.must(readPlace, { as: phone, params })).toMatchObject({ number: 1 });
  });

  test('and the second device takes over the pass of the first one', async () => {
    const { showId, performanceId, persons, params } = await atRoom(1);
    const minji = first(persons);
    const { pass } = await room.enter(minji, showId);
    const phone = { ...minji, token: await program.enter(minji) };
    const claimed = await program.must(claimPass, { as: phone.token, params, body: {} });
    expect(claimed).toMatchObject({ standing: 'ACTIVE', number: 1 });
    expect(await room.read(showId)).toMatchObject({ active: 1, admitted: 1 });
    await room.hold(phone, claimed.pass?.token ?? '', performanceId, [0]);
    await room.hold(minji, pass, performanceId, [1]);
  });
});

describe('the draw', () => {
  test('gives everybody in the lobby a number that the public record proves', async () => {
    const { showId } = await program.newSale(program.organiser);
    const params = { showId };
    await room.put(showId, { opensAt: hoursFromNow(0.1) });
    await room.untilRoom(showId, 'the lobby is open', ({ phase }) => phase === 'lobby');
    const people = await program.newBuyers(12);
    const before = await Promise.all(people.map((person) => room.join(person, showId)));
    expect(before.map(({ standing, number }) => [standing, number])).toEqual(
      people.map(() => ['LOBBY', null]),
    );
    const commitment = await program.must(readCommitment, { params });
    expect((await program.refusal(readDraw, { params })).code).toBe('NOT_FOUND');
    await room.pull(showId, { lever: 'open' });
    const late = await room.join(await program.newBuyer(), showId);
    expect(late.number).toBe(13);
    const places = await Promise.all(people.map((person) => room.me(person, showId)));
    const numbers = places.map(({ number }) => number ?? 0);
    expect([...numbers].sort((a, b) => a - b)).toEqual(people.map((_, i) => i + 1));
    const record = await program.must(readDraw, { params });
    expect(record).toMatchObject({ entries: 12, ...commitment });
    for (const { receipt, number } of places) {
      const given = { record, receipt: { ...receipt, number }, noted: [commitment] };
      const broken = checkDraw(sha256, given).filter(({ outcome }) => outcome !== 'holds');
      expect(broken).toEqual([]);
    }
    expect((await room.now(showId)).draw).toEqual({ entries: 12 });
    const etag = String((await program.ask(readDraw, { params })).headers['etag']);
    const unchanged = await program.ask(readDraw, { params, headers: { 'if-none-match': etag } });
    expect(unchanged.status).toBe(304);
  });

  test('runs by itself at the set time, without an operator', async () => {
    const { showId } = await program.newSale(program.organiser);
    await room.put(showId, { opensAt: hoursFromNow(1.5 / 3600) });
    const person = await program.newBuyer();
    await room.untilRoom(showId, 'the lobby is open', ({ phase }) => phase === 'lobby');
    await room.join(person, showId);
    const { draw } = await room.untilRoom(showId, 'drawn', ({ phase }) => phase === 'open');
    expect(draw).toEqual({ entries: 1 });
    expect(await room.me(person, showId)).toMatchObject({ number: 1 });
  });
});

describe('the seats of the show', () => {
  test('close the room when none is left, and reopen it when one is released', async () => {
    const house = { rows: 2, seatsInRow: 1 };
    const { showId, performanceId } = await program.newSale(program.organiser, house);
    await room.open(showId);
    const [minji, second, third] = (await program.newBuyers(3)) as [Person, Person, Person];
    const { pass } = await room.enter(minji, showId);
    expect((await room.now(showId)).left).toEqual({ VIP: 1, R: 1 });
    const { checkout } = await room.order(minji, pass, performanceId, [0]);
    await program.pay(minji.token, checkout);
    const seats = (change: { block?: number[]; unblock?: number[] }) =>
      program.must(blockSeats, {
        as: program.organiser,
        params: { performanceId },
        body: { block: [], unblock: [], ...change },
      });
    await seats({ block: [1] });
    await room.untilRoom(showId, 'the room says sold out', ({ soldOut }) => soldOut === true);
    const refused = { as: second.token, params: { showId }, body: {} };
    expect((await program.refusal(joinRoom, refused)).code).toBe('SHOW_SOLD_OUT');
    await seats({ unblock: [1] });
    await room.untilRoom(
      showId,
      'a seat is back',
      ({ soldOut, left }) => !soldOut && left['R'] === 1,
    );
    await room.enter(second, showId);
    // One seat, one slot: nobody else is called for it.
    const last = await room.join(third, showId);
    expect(await room.read(showId)).toMatchObject({ active: 1, called: 0, waiting: 1 });
    expect(last.standing).toBe('WAITING');
  });
});

test('the stock of a show with several performances is told for each of them', async () => {
  const house = { rows: 2, seatsInRow: 2, performances: 3 };
  const { showId, performanceIds } = await program.newSale(program.organiser, house);
  await room.open(showId);
  const [, second = ''] = performanceIds;
  await program.must(blockSeats, {
    as: program.organiser,
    params: { performanceId: second },
    body: { block: [0, 1, 2, 3], unblock: [] },
  });
  const { left, soldOut } = await room.untilRoom(
    showId,
    'the second one is full',
    ({ performances }) => performances?.join() === '4,0,4',
  );
  expect([left, soldOut]).toEqual([{ VIP: 4, R: 4 }, undefined]);
  const { items } = await program.must(listPerformances, { params: { showId }, query: {} });
  expect(items.map(({ id }) => id)).toEqual(performanceIds);
});

describe('a person who was called', () => {
  let quick: Program;
  let tools: RoomTools;
  beforeAll(async () => {
    quick = await openProgram({
      settings: { ROOM_CLAIM_WINDOW_MS: '400', ROOM_PASS_TTL_MS: '1200', HOLD_TTL_MS: '20000' },
    });
    tools = makeRoomTools(quick);
  });

  test('but did not claim keeps the number, and is called first on return', async () => {
    const { showId } = await quick.newSale(quick.organiser);
    await tools.open(showId, { activeMax: 1 });
    const [gone, other] = (await quick.newBuyers(2)) as [Person, Person];
    const place = await tools.join(gone, showId);
    await tools.called(showId, place);
    await until('the call is over', async () => (await tools.read(showId)).called === 0);
    const { place: second } = await tools.enter(other, showId);
    expect(second.number).toBe(2);
    const claim = () =>
      quick.ask(claimPass, { as: gone.token, params: { showId }, body: { place: place.token } });
    const late = await claim();
    expect(late.status).toBe(202);
    expect(JSON.parse(late.bytes.toString())).toMatchObject({ standing: 'LATE', number: 1 });
    await quick.ask(leaveRoom, { as: other.token, params: { showId } });
    await until('the late one has a pass', async () => (await claim()).status === 200);
    expect((await tools.me(gone, showId)).number).toBe(1);
  });

  test('loses a pass that is not used, but not while its order is being paid', async () => {
    const { showId, performanceId } = await quick.newSale(quick.organiser);
    await tools.open(showId);
    const [idle, buyer] = (await quick.newBuyers(2)) as [Person, Person];
    const { pass } = await tools.enter(buyer, showId);
    const { order, checkout } = await tools.order(buyer, pass, performanceId, [0]);
    await tools.enter(idle, showId);
    await until('the idle pass has lapsed', async () => (await tools.read(showId)).active === 1);
    expect((await tools.me(idle, showId)).standing).toBe('OVER');
    const kept = await tools.me(buyer, showId);
    expect(kept.standing).toBe('ACTIVE');
    expect(Date.parse(kept.pass?.endsAt ?? '')).toBeGreaterThanOrEqual(Date.parse(order.deadline));
    await quick.pay(buyer.token, checkout);
    await until('the slot is back', async () => (await tools.read(showId)).active === 0);
    const params = { orderId: order.id };
    expect((await quick.must(readOrder, { as: buyer.token, params })).state).toBe('PAID');
    expect((await tools.read(showId)).admitted).toBe(2);
  });
});

describe('the places of one address', () => {
  test('are bounded over the whole life of a room, and who has a place keeps it', async () => {
    const strict = await openProgram({
      settings: { ROOM_PLACES_PER_ADDRESS: '2', RATE_LIMITS: 'true' },
    });
    const tools = makeRoomTools(strict);
    const { showId } = await strict.newSale(strict.organiser);
    await tools.open(showId);
    await tools.pull(showId, { lever: 'pause' });
    const [minji, other, third] = (await strict.newBuyers(3)) as [Person, Person, Person];
    for (const [person, number] of [
      [minji, 1],
      [minji, 1],
      [other, 2],
    ] as const)
      expect((await tools.join(person, showId)).number).toBe(number);
    const params = { showId };
    const refused = async (person: Person) =>
      (await strict.refusal(joinRoom, { as: person.token, params, body: {} })).code;
    expect(await refused(third)).toBe('ADDRESS_PLACES_TAKEN');
    expect((await tools.join(minji, showId)).number).toBe(1);
    // Giving a place up does not give the address another one.
    await strict.ask(leaveRoom, { as: other.token, params });
    expect(await refused(other)).toBe('ADDRESS_PLACES_TAKEN');
    // Another room counts for itself.
    const { showId: second } = await strict.newSale(strict.organiser);
    await tools.open(second);
    expect((await tools.join(third, second)).number).toBe(1);
  });
});

describe('the challenge of a room', () => {
  test('is required of newcomers only, and is null if none is configured', async () => {
    const { showId, persons, params } = await atRoom(2);
    const [minji, other] = persons as [Person, Person];
    const none = await program.must(readChallenge, { as: minji.token, params });
    expect(none).toEqual({ challenge: null });
    await room.join(minji, showId);
    const { rev } = await room.read(showId);
    await room.set(showId, rev, { challengeCost: 100 });
    expect((await room.join(minji, showId)).number).toBe(1);
    const refused = { as: other.token, params, body: {} };
    expect((await program.refusal(joinRoom, refused)).code).toBe('CHALLENGE_REQUIRED');
    const { challenge } = await program.must(readChallenge, { as: other.token, params });
    expect(challenge).toMatchObject({ signature: expect.any(String) });
  });
});
