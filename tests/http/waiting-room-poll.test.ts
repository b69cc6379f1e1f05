import { readRoomNow, roomNow, watchRoom } from '@usher/contract/waiting-room.ts';
import { beforeAll, describe, expect, test } from 'vitest';
import { pathOf } from '../support/ask.ts';
import { watch } from '../support/event-stream.ts';
import { openProgram, type Program } from '../support/program.ts';
import { until } from '../support/until.ts';
import { makeRoomTools, type RoomTools } from '../support/waiting.ts';

let program: Program;
let room: RoomTools;
let origin: string;
beforeAll(async () => {
  program = await openProgram();
  room = makeRoomTools(program);
  origin = await program.listen();
});

const open = async () => {
  const { showId } = await program.newSale(program.organiser);
  await room.open(showId);
  const path = pathOf(readRoomNow, { params: { showId } });
  return { showId, path, poll: (init: RequestInit = {}) => fetch(`${origin}${path}`, init) };
};
const counted = async (status: number): Promise<number> => {
  const metrics = await (await fetch(`${origin}/metrics`)).text();
  const name = `usher_http_shortcuts_total{route="readRoomNow",status="${status}"} `;
  const line = metrics.split('\n').find((each) => each.startsWith(name));
  return Number(line?.slice(name.length) ?? 0);
};

describe('the document that everybody polls', () => {
  test('is identical from the buffer before the router and from the route', async () => {
    const { showId, path, poll } = await open();
    await room.pull(showId, { lever: 'pause' });
    const before = await counted(200);
    const polled = await poll();
    const { now: _, ...fromBuffer } = roomNow.parse(await polled.json());
    const routed = await program.app.http.inject({ method: 'GET', url: path });
    const { now: __, ...fromRoute } = roomNow.parse(routed.json());
    expect(fromBuffer).toEqual(fromRoute);
    for (const name of ['content-type', 'cache-control', 'etag'])
      expect([name, polled.headers.get(name)]).toEqual([name, routed.headers[name]]);
    expect(polled.headers.get('cache-control')).toBe('public, max-age=1');
    expect(polled.headers.has('set-cookie')).toBe(false);
    await until('it is counted', async () => (await counted(200)) > before);
  });

  test('is sent again only if it has changed', async () => {
    const { showId, poll } = await open();
    await room.pull(showId, { lever: 'pause' });
    const etag = (await poll()).headers.get('etag') ?? '';
    const headers = { 'if-none-match': etag };
    expect((await poll({ headers })).status).toBe(304);
    await room.pull(showId, { lever: 'message', message: { ko: '곧 시작합니다', en: 'Soon' } });
    const changed = await poll({ headers });
    expect(changed.status).toBe(200);
    expect(changed.headers.get('etag')).not.toBe(etag);
    // The route behind the buffer answers 304 as well.
    const given = { params: { showId }, headers: { 'if-none-match': changed.headers.get('etag') } };
    expect((await program.ask(readRoomNow, given as never)).status).toBe(304);
  });

  test('causes no database query, however often it is polled', async () => {
    const { poll } = await open();
    const commits = async () => {
      const [row] = await program.app.db.query<{ calls: number }>(
        `SELECT xact_commit + xact_rollback AS calls FROM pg_stat_database
         WHERE datname = current_database()`,
      );
      return row?.calls ?? 0;
    };
    const before = await commits();
    for (let i = 0; i < 2000; i++) await (await poll()).arrayBuffer();
    // What the program does by itself meanwhile is far less than one statement per poll.
    expect((await commits()) - before).toBeLessThan(1000);
  });
});

describe('the stream of the room', () => {
  test('begins with the current document and delivers every change', async () => {
    const { showId } = await open();
    const viewer = await watch(`${origin}${pathOf(watchRoom, { params: { showId } })}`);
    const first = await until('the first frame', () => viewer.frames[0]);
    expect(first.event).toBe('now');
    expect(roomNow.parse(JSON.parse(first.data))).toMatchObject({ phase: 'open', tail: 0 });
    await room.join(await program.newBuyer(), showId);
    await until('the newcomer is seen', () =>
      viewer.frames.some(({ data }) => roomNow.parse(JSON.parse(data)).tail === 1),
    );
    viewer.leave();
  });

  test('ends with the program, which waits for no viewer at shutdown', async () => {
    const other = await openProgram();
    const tools = makeRoomTools(other);
    const { showId } = await other.newSale(other.organiser);
    await tools.open(showId);
    const url = `${await other.listen()}${pathOf(watchRoom, { params: { showId } })}`;
    const viewer = await watch(url);
    await until('the first frame', () => viewer.frames.length > 0);
    await other.close();
    await until('the stream has ended', viewer.hasEnded);
  });
});

describe('a room', () => {
  test('is unchanged after a restart of the program', async () => {
    const first = await openProgram();
    const tools = makeRoomTools(first);
    const { showId, performanceId } = await first.newSale(first.organiser);
    await tools.open(showId, { activeMax: 2 });
    const people = await first.newBuyers(5);
    const [minji, called] = people;
    if (minji === undefined || called === undefined) throw new Error('five people');
    const { pass } = await tools.enter(minji, showId);
    for (const person of people.slice(1)) await tools.join(person, showId);
    await tools.untilRoom(showId, 'the second is called', ({ front }) => front >= 2);
    const numbers = await Promise.all(people.map((person) => tools.me(person, showId)));
    const before = await tools.read(showId);
    await first.close();

    const { databaseUrl, sandbox } = first;
    const again = await openProgram({ databaseUrl, sandbox });
    const after = makeRoomTools(again);
    const read = await after.read(showId);
    const kept = ['rev', 'epoch', 'front', 'tail', 'waiting', 'called', 'active', 'admitted'];
    expect(kept.map((name) => [name, read[name as 'rev']])).toEqual(
      kept.map((name) => [name, before[name as 'rev']]),
    );
    const numbersAgain = await Promise.all(people.map((person) => after.me(person, showId)));
    expect(numbersAgain.map(({ number, standing }) => [number, standing])).toEqual(
      numbers.map(({ number, standing }) => [number, standing]),
    );
    await after.hold(minji, pass, performanceId, [0]);
  });
});
