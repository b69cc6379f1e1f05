import { readLayout, readPerformance, readPoster } from '@usher/contract/catalogue.ts';
import { blockSeats } from '@usher/contract/organiser.ts';
import type { RouteSpec } from '@usher/contract/route.ts';
import { readSeats, releaseHold, watchSeats } from '@usher/contract/seats.ts';
import {
  applyDelta,
  decodeDelta,
  decodeSeatBits,
  seatChange,
  seatState,
} from '@usher/domain/seat-bits.ts';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Given, pathOf } from '../support/ask.ts';
import { type Viewer, watch } from '../support/event-stream.ts';
import { nowhere } from '../support/examples.ts';
import { openProgram, type Program } from '../support/program.ts';
import { until } from '../support/until.ts';

const { FREE, HELD, SOLD, BLOCKED } = seatState;

let program: Program;
beforeAll(async () => {
  program = await openProgram();
});

const onSale = async () => {
  const { performanceId } = await program.newSale(program.organiser);
  const { token: as } = await program.newBuyer();
  return { performanceId, as, params: { performanceId } };
};
const view = async (params: { performanceId: string }, office: Program = program) =>
  watch(`${await office.listen()}${pathOf(watchSeats, { params })}`);
const framed = (viewer: Viewer, count: number) =>
  until(`${count} frames`, () => (viewer.frames.length >= count ? viewer.frames : null));
const changesIn = (frame: { data: string } | undefined) => [
  ...decodeDelta(Buffer.from(frame?.data ?? '', 'base64')),
];

describe('the map of seats', () => {
  const states = async (params: { performanceId: string }): Promise<number[]> => {
    const { bytes, headers } = await program.ask(readSeats, { params });
    expect(headers['content-type']).toBe('application/octet-stream');
    return [...decodeSeatBits(bytes, 30)];
  };

  test('has two bits for each seat: free, held, sold or blocked', async () => {
    const { performanceId, as, params } = await onSale();
    expect(new Set(await states(params))).toEqual(new Set([FREE]));
    await program.must(blockSeats, { as: program.organiser, params, body: { block: [29] } });
    await program.buy(as, performanceId, [4, 5]);
    const { id: holdId } = await program.hold(as, performanceId, [7]);
    const now = await states(params);
    expect([now[4], now[5], now[7], now[29], now[8]]).toEqual([SOLD, SOLD, HELD, BLOCKED, FREE]);
    expect(now.filter((state) => state === FREE)).toHaveLength(26);
    await program.must(releaseHold, { as, params: { holdId } });
    expect((await states(params))[7]).toBe(FREE);
  });

  test('is sent again only if it has changed', async () => {
    const { performanceId, as, params } = await onSale();
    const first = await program.ask(readSeats, { params });
    const headers = { 'if-none-match': String(first.headers['etag']) };
    const same = await program.ask(readSeats, { params, headers });
    expect([same.status, same.bytes.length, same.headers['etag']]).toEqual([
      304,
      0,
      first.headers['etag'],
    ]);
    await program.hold(as, performanceId, [0]);
    const changed = await program.ask(readSeats, { params, headers });
    expect(changed.status).toBe(200);
    expect(changed.headers['etag']).not.toBe(first.headers['etag']);
  });

  test('has a layout and a poster that may be cached for ever, by version', async () => {
    const { performanceId, params } = await onSale();
    const { seatingPlanId, layoutVersion, showId } = await program.must(readPerformance, {
      params,
    });
    const poster = await program.ask(readPoster, { params: { showId } });
    const v = String(poster.headers['etag']).replaceAll('"', '');
    const kept: [RouteSpec, Given][] = [
      [readLayout, { params: { seatingPlanId, version: layoutVersion } }],
      [readPoster, { params: { showId }, query: { v } }],
    ];
    for (const [spec, given] of kept) {
      const first = await program.ask(spec, given);
      expect([first.status, first.headers['cache-control']]).toEqual([
        200,
        'public, max-age=31536000, immutable',
      ]);
      const headers = { 'if-none-match': String(first.headers['etag']) };
      expect((await program.ask(spec, { ...given, headers })).status).toBe(304);
    }
    expect(performanceId).toMatch(/^perf_/);
  });
});

describe('a viewer of the seats', () => {
  test('receives the state first, then each change as it happens', async () => {
    const { performanceId, as, params } = await onSale();
    const viewer = await view(params);
    expect(viewer.response.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
    });
    const [state] = await framed(viewer, 1);
    const { headers, bytes } = await program.ask(readSeats, { params });
    expect(state).toEqual({ event: 'state', id: String(headers['etag']).slice(1, -1), data: '' });
    const { id: holdId } = await program.hold(as, performanceId, [3, 9]);
    await program.must(releaseHold, { as, params: { holdId } });
    const [, taken, freed] = await framed(viewer, 3);
    expect([taken?.event, freed?.event]).toEqual(['delta', 'delta']);
    expect(changesIn(taken)).toEqual([seatChange(3, HELD), seatChange(9, HELD)]);
    expect(changesIn(freed)).toEqual([seatChange(3, FREE), seatChange(9, FREE)]);
    // A client that applies the deltas has the same map as one that reads it again.
    applyDelta(bytes, changesIn(taken));
    expect([...decodeSeatBits(bytes, 30)].flatMap((s, no) => (s === HELD ? [no] : []))).toEqual([
      3, 9,
    ]);
    applyDelta(bytes, changesIn(freed));
    expect(bytes).toEqual((await program.ask(readSeats, { params })).bytes);
    // No gap: the state plus all deltas gives the map.
    const ids = viewer.frames.map(({ id }) => Number(id));
    expect(ids).toEqual([ids[0], Number(ids[0]) + 1, Number(ids[0]) + 2]);
    viewer.leave();
  });

  test('of another process receives the change, too', async () => {
    const { databaseUrl, sandbox } = program;
    const [seller, other] = [
      await openProgram({ databaseUrl, sandbox, isAlone: false }),
      await openProgram({ databaseUrl, sandbox, isAlone: false }),
    ];
    const { performanceId, as, params } = await onSale();
    const viewer = await view(params, other);
    await framed(viewer, 1);
    await seller.hold(as, performanceId, [11]);
    const [, taken] = await framed(viewer, 2);
    expect(changesIn(taken)).toEqual([seatChange(11, HELD)]);
    viewer.leave();
    await seller.close();
    await other.close();
  });

  test('receives the whole state again after a lost change', async () => {
    const { performanceId, as, params } = await onSale();
    const viewer = await view(params);
    const [state] = await framed(viewer, 1);
    // A version whose message never arrives.
    await program.app.db.query(
      'UPDATE seats.stock SET version = version + 1 WHERE performance_id = $1',
      [performanceId],
    );
    await program.hold(as, performanceId, [12]);
    const [, reloaded] = await framed(viewer, 2);
    expect(reloaded).toMatchObject({ event: 'state', id: String(Number(state?.id) + 2) });
    const { bytes } = await program.ask(readSeats, { params });
    expect(decodeSeatBits(bytes, 30)[12]).toBe(HELD);
    viewer.leave();
  });

  test('of another process receives the whole state if no change ever arrives', async () => {
    const { databaseUrl, sandbox } = program;
    const other = await openProgram({ databaseUrl, sandbox, isAlone: false });
    const { performanceId, params } = await onSale();
    const viewer = await view(params, other);
    const [state] = await framed(viewer, 1);
    // As after the crash of a process that had not yet notified the others of its last change.
    await program.app.db.query(
      'UPDATE seats.stock SET version = version + 1 WHERE performance_id = $1',
      [performanceId],
    );
    const [, reloaded] = await framed(viewer, 2);
    expect(reloaded).toMatchObject({ event: 'state', id: String(Number(state?.id) + 1) });
    viewer.leave();
    await other.close();
  });

  test('of an unknown performance gets NOT_FOUND', async () => {
    const { performanceId } = nowhere;
    expect((await program.refusal(watchSeats, { params: { performanceId } })).code).toBe(
      'NOT_FOUND',
    );
  });
});
