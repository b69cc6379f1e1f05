import type { RoomCommand } from '@usher/domain/room/types.ts';
import { beforeAll, describe, expect, test } from 'vitest';
import { afterThisFile } from '../../support/after-file.ts';
import { type Booking, openBooking } from '../../support/booking.ts';
import { makeTestDatabase } from '../../support/postgres.ts';
import { openTestRedis } from '../../support/redis.ts';
import type { RedisServer } from '../../support/redis-servers.ts';
import { describeNeeding } from '../../support/stack.ts';
import { endHold } from '../../support/time.ts';
import { type Counter, type Line, makeOldCounter, makeOldLine } from './old-design.ts';
import { openRedisOf } from './redis-of.ts';
import { makeRoomLine, openRoom, personOf } from './room-line.ts';
import type { TestTime } from './stage.ts';
import { arrayJournal, memoryStage, type RedisServers, redisStage } from './stages.ts';

const slots = 100;
const waiting = 2000;
const crowd = Array.from({ length: slots + waiting }, (_, who) => who);
const startMs = 1_800_000_000_000;

/** Everybody has joined; the first hundred are inside, and two thousand wait. */
const fill = async (line: Line): Promise<Line> => {
  await line.arrive(crowd);
  await line.turn();
  expect(await line.atWork()).toBe(slots);
  return line;
};
const oldLine = (): Promise<Line> => fill(makeOldLine({ slots, slotMs: 600_000 }));

/** Each: what goes wrong in the old design, as a person would see it. */
const scenarios = {
  refreshing: async (line: Line) => {
    const who = slots + 292;
    const before = await line.placeOf(who);
    await line.arrive([who]);
    return { before, after: await line.placeOf(who) };
  },
  newcomer: async (line: Line) => {
    const [first, newcomer] = [slots, crowd.length];
    await line.finish(5);
    await line.arrive([newcomer]);
    await line.turn();
    return { first: await line.isAtWork(first), newcomer: await line.isAtWork(newcomer) };
  },
  overAdmission: async (line: Line) => {
    for (const who of [1, 2, 3, 4]) await line.finish(who);
    const newcomers = [1, 2, 3, 4, 5, 6, 7, 8].map((at) => line.arrive([crowd.length + at]));
    await Promise.all([line.turn(), ...newcomers, line.turn()]);
    await line.turn();
    return { atWork: await line.atWork() };
  },
  away: async (line: Line) => {
    await line.beAway(700_000);
    const left = await line.atWork();
    // Forty seconds: waiting people have sent another heartbeat by then.
    for (let turns = 0; turns < 160; turns++) await line.turn();
    return { left, atWork: await line.atWork() };
  },
};

const ours = (open: (showId: string) => Promise<Line>): void => {
  test('keeps a place when its page is refreshed (defect 1)', async () => {
    expect(await scenarios.refreshing(await fill(await open('show_refresh')))).toEqual({
      before: 293,
      after: 293,
    });
  });

  test('gives a free slot to the first in line, not to the next to arrive (defect 2)', async () => {
    expect(await scenarios.newcomer(await fill(await open('show_newcomer')))).toEqual({
      first: true,
      newcomer: false,
    });
  });

  test('never has more people inside than slots, also when slots end (defect 3)', async () => {
    expect(await scenarios.overAdmission(await fill(await open('show_over')))).toEqual({
      atWork: slots,
    });
  });

  test('frees slots that ended while the program was down (defect 4)', async () => {
    const { atWork } = await scenarios.away(await fill(await open('show_away')));
    expect(atWork).toBe(slots);
  });
};

describe('the old design of the line', () => {
  test('gives a person who refreshes the last place (defect 1)', async () => {
    expect(await scenarios.refreshing(await oldLine())).toEqual({ before: 293, after: 2000 });
  });

  test('lets a newcomer pass two thousand people (defect 2)', async () => {
    expect(await scenarios.newcomer(await oldLine())).toEqual({ first: false, newcomer: true });
  });

  test('has more people inside than slots when slots end meanwhile (defect 3)', async () => {
    const { atWork } = await scenarios.overAdmission(await oldLine());
    expect(atWork).toBeGreaterThan(slots);
  });

  test('stops for good after a downtime (defect 4)', async () => {
    expect(await scenarios.away(await oldLine())).toEqual({ left: 0, atWork: 0 });
  });
});

describe('the line in memory', () => {
  ours(async (showId) => {
    const time: TestTime = { nowMs: startMs };
    const room = openRoom(showId, slots, startMs);
    const stage = await memoryStage(room, time, arrayJournal());
    afterThisFile(stage.close);
    return makeRoomLine(room, stage, time);
  });
});

describeNeeding('redis', 'the line in Redis', () => {
  let server: RedisServer;
  let servers: RedisServers;
  beforeAll(async () => {
    server = await openTestRedis();
    const redis = await openRedisOf(server.url);
    servers = { redis, primaryOf: async () => server, restart: null };
  });

  ours(async (showId) => {
    const time: TestTime = { nowMs: startMs };
    const room = openRoom(showId, slots, startMs);
    const stage = redisStage(room, time, servers);
    afterThisFile(stage.close);
    return makeRoomLine(room, stage, time);
  });

  const join = (who: number): RoomCommand => ({
    kind: 'join',
    person: personOf(who),
    presented: null,
    replaces: null,
    mayEnter: true,
  });

  test('lets people join when the store has lost its scripts (defect 5)', async () => {
    const room = openRoom('show_scripts', slots, startMs);
    const stage = redisStage(room, { nowMs: startMs }, servers);
    await stage.store().create(room.showId, room.control);
    await stage.store().play(room.showId, [join(0)]);
    await stage.crash('scripts', null);
    expect(await stage.store().play(room.showId, [join(0), join(1)])).toEqual([
      { outcome: 'placed', entry: 0, isNew: false },
      { outcome: 'placed', entry: 1, isNew: true },
    ]);
    await stage.close();
  });

  test('is unlike the old design, which loads its script only once (defect 5)', async () => {
    const digest = await server.cli('SCRIPT', 'LOAD', "return redis.call('INCR', KEYS[1])");
    expect(await server.cli('EVALSHA', digest, '1', 'old:line')).toBe('1');
    await server.cli('SCRIPT', 'FLUSH');
    expect(await server.cli('EVALSHA', digest, '1', 'old:line')).toMatch(/^NOSCRIPT/);
  });
});

const refilled = async (counter: Counter) => {
  const first = await counter.take('acc_first', 3);
  await counter.refill();
  return { first, second: await counter.take('acc_second', 3) };
};
const expired = async (counter: Counter) => {
  const first = await counter.take('acc_first', 7);
  await counter.letTimePass();
  return { first, second: await counter.take('acc_second', 7) };
};

describe('the old design of the seats', () => {
  test('sells a held seat to a second buyer when its cache is refilled (defect 6)', async () => {
    expect(await refilled(makeOldCounter())).toEqual({ first: 'held', second: 'held' });
  });

  test('keeps a seat held for ever when its expiry event is lost (defect 7)', async () => {
    expect(await expired(makeOldCounter())).toEqual({ first: 'held', second: 'taken' });
  });
});

describe('our seats', () => {
  let counter: Counter;
  beforeAll(async () => {
    const { url } = await makeTestDatabase();
    const first = await openBooking({ url });
    let now: Booking = first;
    const held: string[] = [];
    counter = {
      take: async (buyer, seatNo) => {
        const holdId = now.ids.make('hold');
        const { outcome } = await now.takeSeats(buyer, [seatNo], holdId);
        if (outcome === 'held') held.push(holdId);
        return outcome === 'held' ? 'held' : 'taken';
      },
      refill: async () => {
        await now.seats.reloadAll();
        // Another program on the same database knows only what it reads there.
        now = await openBooking({ url, sale: first });
      },
      letTimePass: async () => {
        for (const holdId of held) await endHold(now.db, holdId);
      },
    };
  });

  test('stay held when the memory of the process is refilled (defect 6)', async () => {
    expect(await refilled(counter)).toEqual({ first: 'held', second: 'taken' });
  });

  test('are released at the deadline, whatever events are lost (defect 7)', async () => {
    expect(await expired(counter)).toEqual({ first: 'held', second: 'held' });
  });
});
