import type { RoomAnswer, RoomCommand, RoomState, RoomTerms } from '@usher/domain/room/types.ts';
import { openControl, personOf } from '@usher/tests/contracts/room/stage.ts';
import { afterThisFile } from '@usher/tests/support/after-file.ts';
import { silentLog } from '@usher/tests/support/log.ts';
import { openTestCluster } from '@usher/tests/support/redis.ts';
import { describeNeeding } from '@usher/tests/support/stack.ts';
import { until } from '@usher/tests/support/until.ts';
import { expect, test } from 'vitest';
import { Failure } from '../../platform/failure.ts';
import { makeMetrics } from '../../platform/metrics.ts';
import { openRedis } from '../../platform/redis/redis.ts';
import { openRedisRooms } from './store.redis.ts';
import type { RoomStore } from './store.ts';

const showId = 'show_failover';
const activeMax = 40;
const claimWindowMs = 2000;
const terms: RoomTerms = {
  tickMs: 50,
  claimWindowMs,
  passTtlMs: 60_000,
  passMaxMs: 120_000,
  presenceMs: 20_000,
  windowNumbers: 4096,
  lateOneIn: 4,
};
const control = { ...openControl, epoch: 0, passEpoch: 0, activeMax, ratePerMinute: 60_000 };

/** What one person holds: tokens as the service would have signed them. */
type Holder = {
  who: number;
  place: { entry: number; epoch: number } | null;
  pass: { number: number; epoch: number; endsByMs: number } | null;
};

/** Two processes on one Cluster, a crowd that uses both, and every answer it received. */
const openRooms = async () => {
  const cluster = await openTestCluster();
  const seen = { epoch: 0, states: [] as RoomState[] };
  const openStore = async (): Promise<RoomStore> => {
    const redis = await openRedis({ url: cluster.url, log: silentLog, metrics: makeMetrics() });
    const store = openRedisRooms({ redis, log: silentLog, terms, remembered: async () => null });
    afterThisFile(async () => {
      await store.close();
      await redis.close();
    });
    return store;
  };
  const stores = [await openStore(), await openStore()] as const;
  await stores[0].create(showId, control);
  const see = (state: RoomState): RoomState => {
    // The cap holds in every state that anybody saw.
    expect(state.active + state.called).toBeLessThanOrEqual(activeMax);
    seen.epoch = Math.max(seen.epoch, state.epoch);
    seen.states.push(state);
    return state;
  };
  const tick = async (store: RoomStore = stores[0]) => see(await store.tick(showId, 1_000_000));
  return { cluster, stores, seen, tick };
};
type Rooms = Awaited<ReturnType<typeof openRooms>>;

/** The answers; null if the outcome is unknown, which must not lose anything. */
const tryTo = async <T>(call: Promise<T>): Promise<T | null> => {
  try {
    return await call;
  } catch (error) {
    if (error instanceof Failure && error.code === 'STORE_UNREACHABLE') return null;
    throw error;
  }
};

const joinOf = ({ who, place }: Holder): RoomCommand => ({
  kind: 'join',
  person: personOf(who),
  presented: place,
  replaces: null,
  mayEnter: true,
});
const placeOf = ({ who, place }: Holder) => ({
  person: personOf(who),
  entry: place?.entry ?? 0,
  number: (place?.entry ?? 0) + 1,
});
const learn = (holder: Holder, answer: RoomAnswer, epoch: number): void => {
  if (answer.outcome === 'placed') {
    // A person who presents a token always gets the place that it names.
    if (holder.place !== null) expect(answer.entry).toBe(holder.place.entry);
    holder.place = { entry: answer.entry, epoch };
  }
  if ('pass' in answer && answer.pass !== null)
    holder.pass = { number: answer.pass.number, endsByMs: answer.pass.endsByMs, epoch };
};
/** Everybody in this part of the crowd sends their next command to one of the two processes. */
const round = async (rooms: Rooms, part: readonly Holder[], kind: 'join' | 'claim') => {
  const { epoch } = rooms.seen;
  await Promise.all(
    rooms.stores.map(async (store, at) => {
      const mine = part.filter(({ who }) => who % 2 === at);
      if (mine.length === 0) return;
      const commands = mine.map((holder): RoomCommand => {
        if (kind === 'join' || holder.place === null) return joinOf(holder);
        return { kind: 'claim', ...placeOf(holder) };
      });
      const answers = await tryTo(store.play(showId, commands));
      for (const [index, answer] of (answers ?? []).entries()) {
        const holder = mine[index];
        if (holder !== undefined) learn(holder, answer, epoch);
      }
    }),
  );
};
const crowdOf = (from: number, count: number): Holder[] =>
  Array.from({ length: count }, (_, at) => ({ who: from + at, place: null, pass: null }));

describeNeeding('redis', 'a room whose primary is killed', () => {
  test('loses nobody’s place, gives no number twice and never exceeds its cap', async () => {
    const rooms = await openRooms();
    const people: Holder[] = [];
    let killed: Promise<unknown> | null = null;
    for (let turn = 0; turn < 60; turn++) {
      const news = crowdOf(20 * turn, 20);
      people.push(...news);
      await round(rooms, news, 'join');
      await tryTo(rooms.tick(rooms.stores[turn % 2 === 0 ? 0 : 1]));
      await round(rooms, people.slice(0, 200), 'claim');
      // Some have paid and leave: their slots go to others.
      const done = people.filter(({ pass }) => pass !== null).slice(0, 5);
      const leaves = done.map((holder): RoomCommand => ({ kind: 'leave', ...placeOf(holder) }));
      if (turn % 10 === 9) {
        const left = await tryTo(rooms.stores[0].play(showId, leaves));
        if (left !== null) for (const holder of done) people.splice(people.indexOf(holder), 1);
      }
      if (turn === 25) killed = rooms.cluster.kill(`{${showId}}`);
    }
    await killed;
    const state = await rooms.tick();
    expect(state.epoch).toBe(1);
    await round(rooms, people, 'join');
    await round(rooms, people, 'join');
    expect(people.every(({ place }) => place !== null)).toBe(true);
    expect(new Set(people.map(({ place }) => place?.entry)).size).toBe(people.length);
    expect(rooms.seen.states.length).toBeGreaterThan(20);
    expect(state.admitted).toBeGreaterThan(activeMax / 2);
  });

  test('restores from people’s tokens what the promoted server never received', async () => {
    const rooms = await openRooms();
    const { cluster, stores, tick } = rooms;
    const known = crowdOf(0, 60);
    await round(rooms, known, 'join');
    const key = `{${showId}}`;
    const [primary, replica] = [await cluster.primaryOf(key), await cluster.replicaOf(key)];
    await until('the replica has it', async () =>
      (await primary.cli('INFO', 'replication')).includes(
        `offset=${/master_repl_offset:(\d+)/.exec(await primary.cli('INFO', 'replication'))?.[1]}`,
      ),
    );
    // From here on every write is acknowledged and lost, and only the first process sees it.
    await replica.signal('SIGSTOP');
    await primary.cli('CLIENT', 'KILL', 'TYPE', 'replica');
    const atFirst = ({ who }: Holder): boolean => who % 2 === 0;
    const lost = crowdOf(1000, 160).filter(atFirst);
    await round(rooms, lost, 'join');
    const before = await tick();
    expect(before.called).toBeGreaterThan(5);
    const admitted = known.filter(atFirst).slice(0, 5);
    await round(rooms, admitted, 'claim');
    expect(admitted.every(({ pass }) => pass !== null)).toBe(true);
    const front = before.front;
    await primary.signal('SIGKILL');
    await replica.signal('SIGCONT');
    await until('the replica was promoted', async () => (await cluster.primaryOf(key)) === replica);

    const after = await tick(stores[1]);
    expect(after).toMatchObject({ epoch: 1, active: 0, called: 0, front: 0 });
    const newcomers = crowdOf(5001, 100).filter((holder) => !atFirst(holder));
    await round(rooms, newcomers, 'join');
    // The first process sends the position of the front with its next tick.
    const told = await tick(stores[0]);
    expect(told.front).toBeGreaterThanOrEqual(front);
    await round(rooms, [...known, ...lost], 'join');
    const all = [...known, ...lost, ...newcomers].map(({ place }) => place?.entry);
    expect(new Set(all).size).toBe(190);
    const touches = admitted.map(
      ({ who, pass }): RoomCommand => ({ kind: 'touch', person: personOf(who), presented: pass }),
    );
    const touched = await stores[1].play(showId, touches);
    expect(touched.map(({ outcome }) => outcome)).toEqual(Array(5).fill('live'));

    // Nobody is called for one claim window; then calling continues, within the cap.
    const decided = await stores[0].decisions(showId);
    await until('somebody is called again', async () => {
      await round(rooms, [...known, ...lost], 'claim');
      const now = await tick();
      return now.nowMs >= told.heldUntilMs && now.active + now.called > 5;
    });
    expect(told.heldUntilMs).toBeGreaterThanOrEqual(before.nowMs + claimWindowMs);
    const since = (await stores[0].decisions(showId)).slice(decided.length);
    expect(since.length).toBeGreaterThan(0);
    for (const { atMs } of since) expect(atMs).toBeGreaterThanOrEqual(told.heldUntilMs);
  });
});
