import type { RoomCommand, RoomControl, RoomState } from '@usher/domain/room/types.ts';
import { openControl, personOf, promisedTerms } from '@usher/tests/contracts/room/stage.ts';
import { silentLog } from '@usher/tests/support/log.ts';
import { openTestCluster, openTestRedis } from '@usher/tests/support/redis.ts';
import type { RedisServer } from '@usher/tests/support/redis-servers.ts';
import { describeNeeding } from '@usher/tests/support/stack.ts';
import { afterAll, describe, expect, test } from 'vitest';
import { makeMetrics } from '../../platform/metrics.ts';
import { openRedis, type Redis } from '../../platform/redis/redis.ts';
import { roomStoreContract } from './store.contract.ts';
import { openRedisRooms, type RememberedRoom } from './store.redis.ts';

const lobby: RoomControl = {
  ...openControl,
  phase: 'lobby',
  drawnAtMs: 0,
  seed: '',
  root: '',
  epoch: 0,
  passEpoch: 0,
};
const joinOf = (who: number, more: object = {}): RoomCommand => ({
  kind: 'join',
  person: personOf(who),
  presented: null,
  replaces: null,
  mayEnter: true,
  ...more,
});
const placeOf = (who: number, entry: number) => ({
  person: personOf(who),
  entry,
  number: entry + 1,
});
const controlOf = (state: RoomState): RoomControl => {
  const { nowMs, tail, front, waiting, called, late, active, admitted, heldUntilMs, ...control } =
    state;
  return control;
};

describeNeeding('redis', 'a Redis for rooms', () => {
  const closing: (() => Promise<void>)[] = [];
  const connect = async (url: string, metrics = makeMetrics()): Promise<Redis> => {
    const redis = await openRedis({ url, log: silentLog, metrics });
    closing.push(redis.close);
    return redis;
  };
  afterAll(async () => {
    for (const close of closing) await close();
  });

  describe('one server', async () => {
    let redis: Promise<Redis> | null = null;
    roomStoreContract('Redis', async ({ nowMs }) => {
      redis ??= openTestRedis().then(({ url }) => connect(url));
      return promised(await redis, nowMs);
    });
  });
  describe('a Cluster', async () => {
    let redis: Promise<Redis> | null = null;
    roomStoreContract('a Redis Cluster', async ({ nowMs }) => {
      redis ??= openTestCluster().then(({ url }) => connect(url));
      return promised(await redis, nowMs);
    });
  });
  const promised = (redis: Redis, startMs: number) => {
    let nowMs = startMs;
    const store = openRedisRooms({
      redis,
      log: silentLog,
      terms: promisedTerms,
      nowMs: () => nowMs,
      remembered: async () => null,
    });
    return {
      store,
      advance: async (ms: number) => {
        nowMs += ms;
      },
    };
  };

  /** A room whose service remembers the last state it received, as PostgreSQL does. */
  const openRoom = async (control: RoomControl, settings = {}) => {
    const server = await openTestRedis({ appendfsync: 'always', ...settings });
    const metrics = makeMetrics();
    const redis = await connect(server.url, metrics);
    const kept: { row: RememberedRoom | null } = { row: null };
    const showId = `show_${++shows}`;
    const open = () =>
      openRedisRooms({
        redis,
        log: silentLog,
        terms: promisedTerms,
        remembered: async () => kept.row,
      });
    const store = open();
    closing.unshift(store.close);
    const created = await store.create(showId, control);
    const remember = (state: RoomState): void => {
      kept.row = { control: controlOf(state), tail: state.tail, front: state.front };
    };
    remember(created);
    const read = async (): Promise<RoomState> => {
      const state = await store.read(showId);
      if (state === null) throw new Error('the room is gone');
      return state;
    };
    const play = (commands: readonly RoomCommand[]) => store.play(showId, commands);
    return { server, metrics, store, showId, kept, remember, read, play, open };
  };
  let shows = 0;

  test('a lobby that was wiped out gives everybody their place back', async () => {
    const { server, play, read, remember, store, showId } = await openRoom(lobby);
    await play(Array.from({ length: 40 }, (_, who) => joinOf(who)));
    remember(await read());
    // Ten more join before any other process sees them.
    await play(Array.from({ length: 10 }, (_, at) => joinOf(40 + at)));
    await server.cli('FLUSHALL');

    const [newcomer] = await play([joinOf(900)]);
    const back = await play(
      Array.from({ length: 50 }, (_, who) => joinOf(who, { presented: { entry: who, epoch: 0 } })),
    );
    expect(back).toEqual(
      Array.from({ length: 50 }, (_, entry) => ({ outcome: 'placed', entry, isNew: false })),
    );
    const state = await read();
    expect(newcomer).toMatchObject({ outcome: 'placed', isNew: true });
    expect(state).toMatchObject({ phase: 'lobby', epoch: 1, waiting: 51 });
    expect(newcomer).toHaveProperty('entry', state.tail - 1);
    expect(state.tail).toBeGreaterThan(1000);

    await store.change(showId, { changeId: 'seal', ifRev: state.rev, change: { seals: true } });
    const keys = Buffer.from(await store.entries(showId));
    expect(keys.length).toBe(8 * state.tail);
    for (let who = 0; who < 50; who++)
      expect(keys.subarray(8 * who, 8 * who + 8)).toEqual(Buffer.from(personOf(who)));
    expect(keys.subarray(8 * 50, 8 * 51)).toEqual(Buffer.alloc(8));
  });

  test('an open room that was wiped out restores lost passes first, then late people', async () => {
    const { server, play, read, remember, store, showId } = await openRoom(openControl);
    await play(Array.from({ length: 30 }, (_, who) => joinOf(who)));
    await store.tick(showId, 10);
    const [answer] = await play([{ kind: 'claim', ...placeOf(0, 0) }]);
    const pass = answer?.outcome === 'stands' ? answer.pass : null;
    expect(pass).toMatchObject({ number: 1 });
    const before = await read();
    expect(before).toMatchObject({ front: 10, active: 1, called: 9 });
    remember(before);
    await server.cli('FLUSHALL');

    const after = await store.tick(showId, 10);
    expect(after).toMatchObject({ front: 10, epoch: 4, active: 0, called: 0 });
    expect(after.heldUntilMs).toBeGreaterThanOrEqual(after.nowMs + 29_000);
    const shown = { number: 1, epoch: 3, endsByMs: pass?.endsByMs ?? 0 };
    expect(await play([{ kind: 'touch', person: personOf(0), presented: shown }])).toMatchObject([
      { outcome: 'live', pass: { number: 1 } },
    ]);
    // A person who was called and had not claimed is now late, and goes before all others.
    await play([joinOf(1, { presented: { entry: 1, epoch: 3 } })]);
    expect(await play([{ kind: 'claim', ...placeOf(1, 1) }])).toMatchObject([{ standing: 'late' }]);
    expect(await read()).toMatchObject({ active: 1, late: 1 });
  });

  test('a process that starts on an empty Redis does not recreate a used room', async () => {
    const { server, play, read, remember, kept, open, showId } = await openRoom(lobby);
    await play(Array.from({ length: 20 }, (_, who) => joinOf(who)));
    remember(await read());
    await server.cli('FLUSHALL');
    const other = open();
    closing.unshift(other.close);
    const state = await other.create(showId, kept.row?.control ?? lobby);
    expect(state).toMatchObject({ epoch: 1, phase: 'lobby' });
    expect(state.tail).toBeGreaterThanOrEqual(1020);
  });

  test('a process that starts on an empty Redis recreates a room that was never used', async () => {
    const idle: RoomControl = { ...lobby, phase: 'idle' };
    const { kept, store, read, server } = await openRoom(idle);
    expect(kept.row?.tail).toBe(0);
    await server.cli('FLUSHALL');
    expect(await store.create(`show_${shows}`, idle)).toMatchObject({ epoch: 0, tail: 0 });
    expect(await read()).toMatchObject({ heldUntilMs: 0 });
  });

  test('scripts that the server forgot are loaded again, and no call fails', async () => {
    const { server, play } = await openRoom(lobby);
    await play([joinOf(1)]);
    await server.cli('SCRIPT', 'FLUSH');
    const answers = await Promise.all([2, 3, 4].map((who) => play([joinOf(who)])));
    expect(answers.flat().map((answer) => answer.outcome)).toEqual(['placed', 'placed', 'placed']);
    expect(await play([joinOf(1)])).toEqual([{ outcome: 'placed', entry: 0, isNew: false }]);
  });

  test('a server that was killed and restarted keeps everybody, in one new epoch', async () => {
    const { server, play, read } = await openRoom(lobby);
    await play(Array.from({ length: 25 }, (_, who) => joinOf(who)));
    await server.signal('SIGKILL');
    const waiting = Promise.all([play([joinOf(3)]), play([joinOf(100)]), play([joinOf(101)])]);
    await server.start();
    const [[known] = [], [first] = [], [second] = []] = await waiting;
    expect(known).toEqual({ outcome: 'placed', entry: 3, isNew: false });
    const news = [first, second].map((it) => (it?.outcome === 'placed' ? it.entry : -1));
    expect(new Set(news).size).toBe(2);
    expect(Math.min(...news)).toBeGreaterThanOrEqual(1025);
    expect(await read()).toMatchObject({ epoch: 1, waiting: 27 });
  });

  /** Each way into a room, as the first one that meets a server that may have lost writes. */
  type Room = Awaited<ReturnType<typeof openRoom>>;
  const firstCalls: Record<string, (room: Room) => Promise<unknown>> = {
    play: ({ play }) => play([joinOf(1)]),
    tick: ({ store, showId }) => store.tick(showId, 10),
    read: ({ read }) => read(),
    change: ({ store, showId }) =>
      store.change(showId, { changeId: 'first', ifRev: 0, change: { ratePerMinute: 60 } }),
    create: ({ store, showId }) => store.create(showId, lobby),
    entries: ({ store, showId }) => store.entries(showId),
    decisions: ({ store, showId }) => store.decisions(showId),
  };
  test.each(Object.keys(firstCalls))('%s recovers the room of a restarted server', async (name) => {
    const room = await openRoom(lobby);
    await room.play([joinOf(1)]);
    room.remember(await room.read());
    await room.server.signal('SIGKILL');
    await room.server.start();
    await firstCalls[name]?.(room);
    const key = `{${room.showId}}:control`;
    expect(await room.server.cli('HGET', key, 'epoch')).toBe('1');
  });

  test('all commands of one turn of the event loop go to Redis in one round trip', async () => {
    const { play, metrics } = await openRoom(lobby);
    await play([joinOf(500)]);
    const trips = async (): Promise<number> => {
      const counter = metrics.registry.getSingleMetric('usher_redis_trips_total');
      const { values } = (await counter?.get()) ?? { values: [] };
      return values.find(({ labels }) => labels['script'] === 'room play')?.value ?? 0;
    };
    const before = await trips();
    const answers = await Promise.all(
      Array.from({ length: 300 }, (_, who) => play([joinOf(who), joinOf(who)])),
    );
    expect((await trips()) - before).toBe(1);
    expect(answers.map(([one]) => one)).toEqual(
      Array.from({ length: 300 }, (_, at) => ({ outcome: 'placed', entry: at + 1, isNew: true })),
    );
    expect(answers.every(([, two]) => two?.outcome === 'placed' && !two.isNew)).toBe(true);
  });

  test('all keys of a room are in one slot and have descriptive names', async () => {
    const { server, play, store, showId } = await openRoom(openControl);
    await play(Array.from({ length: 50 }, (_, who) => joinOf(who)));
    await store.tick(showId, 20);
    await play([{ kind: 'claim', ...placeOf(0, 0) }]);
    const keys = (await server.cli('KEYS', '*')).split('\n');
    expect(keys.length).toBeGreaterThan(40);
    for (const key of keys) expect(key).toMatch(new RegExp(`^\\{${showId}\\}:[a-z-]+(:\\d+)?$`));
  });

  test('places stay in listpacks when buckets are as full as with 10 million people', async () => {
    const { server, play, showId } = await openRoom(lobby);
    const inBucket = (at: number): Uint8Array => {
      const person = new Uint8Array(8).fill(7);
      new DataView(person.buffer).setUint32(4, at);
      return person;
    };
    await play(Array.from({ length: 305 }, (_, at) => ({ ...joinOf(at), person: inBucket(at) })));
    const key = `{${showId}}:places:${7 * 256 + 7}`;
    expect(await server.cli('HLEN', key)).toBe('305');
    expect(await server.cli('OBJECT', 'ENCODING', key)).toBe('listpack');
    expect(await encodingOf(server, `{${showId}}:entry-keys`)).toBe('raw');
  });

  test('the stream keeps about 10,000 decisions, and the newest are read', async () => {
    const { server, store, showId, play } = await openRoom(openControl);
    const key = `{${showId}}:decisions`;
    const line = "'MAXLEN', '~', 20000, '*', 'atMs', 1, 'front', 1, 'called', 1, 'active', 0";
    const fill = `for i = 1, 11000 do redis.call('XADD', KEYS[1], ${line}) end`;
    await server.cli('EVAL', fill, '1', key);
    await play([joinOf(1)]);
    await store.tick(showId, 5);
    expect(Number(await server.cli('XLEN', key))).toBeLessThan(10_200);
    const decisions = await store.decisions(showId);
    expect(decisions).toHaveLength(1000);
    expect(decisions.at(-1)).toMatchObject({ released: [1], recalled: [], front: 1, called: 1 });
  });
});

const encodingOf = (server: RedisServer, key: string): Promise<string> =>
  server.cli('OBJECT', 'ENCODING', key);
