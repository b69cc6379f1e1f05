import { readyz } from '@usher/contract/operations.ts';
import { placeOrder } from '@usher/contract/orders.ts';
import { takeHold } from '@usher/contract/seats.ts';
import { claimPass, joinRoom, type Place, readPlace } from '@usher/contract/waiting-room.ts';
import { beforeAll, describe, expect, test } from 'vitest';
import { codeOf } from '../support/ask.ts';
import { openProgram, type Program } from '../support/program.ts';
import { openTestRedis } from '../support/redis.ts';
import type { RedisServer } from '../support/redis-servers.ts';
import type { Person } from '../support/sale.ts';
import { describeNeeding } from '../support/stack.ts';
import { until } from '../support/until.ts';
import { makeRoomTools, type RoomTools } from '../support/waiting.ts';

/** Two programs on one database, as behind a load balancer. */
const openTwo = async (settings: Readonly<Record<string, string>>) => {
  const one = await openProgram({ settings });
  const { databaseUrl, sandbox } = one;
  const other = await openProgram({ databaseUrl, sandbox, settings, isAlone: false });
  return { one, other };
};
const hold = (
  program: Program,
  person: Person,
  pass: string,
  performanceId: string,
  seat: number,
) =>
  program.ask(takeHold, {
    as: person.token,
    params: { performanceId },
    body: { seats: [seat] },
    headers: { 'usher-pass': pass },
  });

describeNeeding('redis', 'two processes with their rooms in Redis', () => {
  let redis: RedisServer;
  let one: Program;
  let other: Program;
  let atOne: RoomTools;
  let atOther: RoomTools;
  beforeAll(async () => {
    redis = await openTestRedis();
    ({ one, other } = await openTwo({ REDIS_URL: redis.url }));
    atOne = makeRoomTools(one);
    atOther = makeRoomTools(other);
  });
  const onSale = async () => {
    const { showId, performanceId } = await one.newSale(one.organiser);
    await atOne.open(showId);
    const { token: as } = await one.newBuyer();
    await until('the other has been notified', async () => {
      const reply = await other.ask(readPlace, { as, params: { showId } });
      return codeOf(reply) === 'NO_PLACE';
    });
    return { showId, performanceId, params: { showId } };
  };

  test('share a room: a place from one is called, claimed and used at the other', async () => {
    const { showId, performanceId, params } = await onSale();
    const minji = await one.newBuyer();
    const place = await atOne.join(minji, showId);
    expect((await atOther.join(minji, showId)).number).toBe(place.number);
    await atOther.called(showId, place);
    const claim = { as: minji.token, params, body: { place: place.token } };
    const { pass } = await other.must(claimPass, claim);
    const held = await hold(one, minji, pass?.token ?? '', performanceId, 0);
    expect(held.status).toBe(201);
    const { id: holdId } = JSON.parse(held.bytes.toString());
    const headers = { 'usher-pass': pass?.token ?? '' };
    const given = { as: minji.token, body: { holdId }, headers };
    const { checkout } = await other.must(placeOrder, given);
    expect((await one.pay(minji.token, checkout)).status).toBe(200);
    await until('the slot is back', async () => (await atOther.read(showId)).active === 0);
  });

  test('revoke passes at both at once, and refuse a lever based on an outdated room', async () => {
    const { showId, performanceId } = await onSale();
    const minji = await one.newBuyer();
    const { pass } = await atOther.enter(minji, showId);
    await atOne.pull(showId, { lever: 'revoke-passes' });
    await until('the other refuses it too', async () => {
      const reply = await hold(other, minji, pass, performanceId, 0);
      return reply.status === 403 && codeOf(reply) === 'PASS_ENDED';
    });
    await atOther.pull(showId, { lever: 'pause' });
    expect(await atOne.read(showId)).toMatchObject({ override: 'paused' });
  });

  test('tell newcomers after a restart of Redis how many people are really ahead', async () => {
    const { showId } = await onSale();
    await atOne.pull(showId, { lever: 'pause' });
    const waiting = await one.newBuyers(3);
    for (const person of waiting) await atOne.join(person, showId);
    await atOne.untilRoom(showId, 'they are seen', ({ tail }) => tail === 3);
    await atOther.untilRoom(showId, 'they are seen', ({ tail }) => tail === 3);
    await redis.signal('SIGKILL');
    await redis.start();
    const { epoch } = await atOne.untilRoom(showId, 'it is there again', (now) => now.epoch > 0);
    await atOther.untilRoom(showId, 'it is there again', (now) => now.epoch === epoch);
    for (const at of [atOne, atOther]) {
      const newcomer = await at.join(await one.newBuyer(), showId);
      expect(newcomer.number).toBeGreaterThan(1000);
      expect(newcomer.ahead).toBeLessThan(5);
      expect(newcomer.heartbeatEveryMs).not.toBeNull();
      const { front, near, perMinute } = await at.now(showId);
      expect((newcomer.number ?? Infinity) - front).toBeLessThanOrEqual(near);
      expect(perMinute).toBe(600);
    }
  });

  test('restore what Redis has lost from the tokens that people present', async () => {
    const { showId, performanceId, params } = await onSale();
    const [minji, waiting] = (await one.newBuyers(2)) as [Person, Person];
    const { place, pass } = await atOne.enter(minji, showId);
    await atOne.pull(showId, { lever: 'pause' });
    const second = await atOther.join(waiting, showId);
    // Every process has seen how far the numbers went, and PostgreSQL has recorded it.
    await atOne.untilRoom(showId, 'the place is seen', ({ tail }) => tail === 2);
    await until('it is kept', async () => {
      const [row] = await one.app.db.query<{ tail: number }>(
        'SELECT tail FROM waiting_room.rooms WHERE show_id = $1',
        [showId],
      );
      return row?.tail === 2;
    });
    await redis.cli('FLUSHALL');
    await atOne.untilRoom(showId, 'the room is there again', ({ epoch }) => epoch > 0);
    const bring = async (program: Program, person: Person, token: string): Promise<Place> =>
      program.must(joinRoom, { as: person.token, params, body: { place: token } });
    expect((await bring(other, waiting, second.token)).number).toBe(second.number);
    expect((await hold(other, minji, pass, performanceId, 0)).status).toBe(201);
    expect((await bring(one, minji, place.token)).standing).toBe('ACTIVE');
    const newcomer = await atOther.join(await one.newBuyer(), showId);
    expect(newcomer.number).toBeGreaterThan(second.number ?? Infinity);
  });
});

describe('two processes with their rooms in the memory of one of them', () => {
  test('only the one that can serve the room is ready; both are while there is none', async () => {
    const { one, other } = await openTwo({});
    for (const program of [one, other]) expect((await program.ask(readyz, {})).status).toBe(200);
    const { showId } = await one.newSale(one.organiser);
    await makeRoomTools(one).open(showId);
    const unready = await until('the other is not ready', async () => {
      const reply = await other.ask(readyz, {});
      return reply.status === 503 ? reply : null;
    });
    const { missing } = JSON.parse(unready.bytes.toString());
    expect(missing).toEqual(['waiting rooms (another process keeps them)']);
    expect((await one.ask(readyz, {})).status).toBe(200);
    // A room that is closed keeps nobody from being ready.
    await makeRoomTools(one).pull(showId, { lever: 'close' });
    await until('it is ready again', async () => (await other.ask(readyz, {})).status === 200);
  });

  test('both learn about the end of an order, whichever process relays its event', async () => {
    const { one, other } = await openTwo({});
    const atOne = makeRoomTools(one);
    const { showId, performanceId } = await one.newSale(one.organiser);
    await atOne.open(showId);
    const minji = await one.newBuyer();
    const { pass } = await atOne.enter(minji, showId);
    const { checkout } = await atOne.order(minji, pass, performanceId, [0]);
    // The process with the rooms no longer relays events, and the other one has no rooms.
    await one.app.stopRelay();
    expect((await one.pay(minji.token, checkout)).status).toBe(200);
    await until('the slot is back', async () => (await atOne.read(showId)).active === 0);
    const refused = await other.ask(joinRoom, { as: minji.token, params: { showId }, body: {} });
    expect(codeOf(refused)).toBe('UNAVAILABLE');
  });
});
