import { cancelOrder } from '@usher/contract/orders.ts';
import { listHolds, releaseHold, takeHold } from '@usher/contract/seats.ts';
import { beforeAll, describe, expect, test } from 'vitest';
import { freshKey } from '../support/ask.ts';
import { openProgram, type Program } from '../support/program.ts';

let program: Program;
beforeAll(async () => {
  program = await openProgram();
});
const inSale = async (given: Parameters<Program['newSale']>[1] = {}) => {
  const { performanceId, performanceIds } = await program.newSale(program.organiser, given);
  const { token: as } = await program.newBuyer();
  return { as, performanceId, performanceIds, params: { performanceId } };
};
const heldIds = async (as: string, query = {}) =>
  (await program.must(listHolds, { as, query })).items.map(({ id }) => id);

describe('the list of my holds', () => {
  test('has what I hold now with its orders, newest first', async () => {
    const { as, performanceIds } = await inSale({ performances: 2 });
    const [one = '', other = ''] = performanceIds;
    const first = await program.hold(as, one, [0, 1]);
    const { order } = await program.order(as, other, [4]);
    const { items } = await program.must(listHolds, { as });
    expect(items.map(({ id, orderId }) => [id, orderId])).toEqual([
      [order.holdId, order.id],
      [first.id, null],
    ]);
    expect(items[1]).toMatchObject({ state: 'ACTIVE', performanceId: one });
    expect(items[1]?.seats.map(({ seatNo }) => seatNo)).toEqual([0, 1]);
    expect(await heldIds(as, { performanceId: one })).toEqual([first.id]);
  });

  test('has nothing that was released, cancelled or paid, and nothing of others', async () => {
    const { as, performanceId } = await inSale();
    const { id: holdId } = await program.hold(as, performanceId, [0]);
    await program.must(releaseHold, { as, params: { holdId } });
    const { order } = await program.order(as, performanceId, [1]);
    await program.must(cancelOrder, { as, params: { orderId: order.id } });
    await program.buy(as, performanceId, [2]);
    await program.hold((await program.newBuyer()).token, performanceId, [3]);
    expect(await heldIds(as)).toEqual([]);
  });
});

describe('a conflict with oneself says so and names the hold:', () => {
  test('two clicks with two keys, one after the other and at once', async () => {
    const { as, params, performanceId } = await inSale();
    const { id: holdId } = await program.hold(as, performanceId, [0, 1]);
    const again = await program.refusal(takeHold, { as, params, body: { seats: [1] } });
    expect(again).toMatchObject({
      code: 'SEATS_ALREADY_YOURS',
      conflicts: [1],
      holdId,
      orderId: null,
    });

    const { token } = await program.newBuyer();
    const given = { as: token, params, body: { seats: [4, 5, 6, 7] } };
    const replies = await Promise.all([
      program.ask(takeHold, { ...given, key: freshKey() }),
      program.ask(takeHold, { ...given, key: freshKey() }),
    ]);
    const bodies = replies.map(({ bytes }) => JSON.parse(bytes.toString()));
    const held = bodies.find(({ state }) => state === 'ACTIVE');
    expect(replies.map(({ status }) => status).sort()).toEqual([201, 409]);
    expect(bodies.find(({ status }) => status === 409)).toMatchObject({
      code: 'SEATS_ALREADY_YOURS',
      conflicts: [4, 5, 6, 7],
      holdId: held.id,
    });
  });

  test('with its order, and for seats that were bought', async () => {
    const { as, params, performanceId } = await inSale();
    const { order } = await program.order(as, performanceId, [0]);
    const open = await program.refusal(takeHold, { as, params, body: { seats: [0] } });
    expect(open).toMatchObject({ code: 'SEATS_ALREADY_YOURS', orderId: order.id });
    const paid = await program.buy(as, performanceId, [2]);
    const bought = await program.refusal(takeHold, { as, params, body: { seats: [2] } });
    expect(bought).toMatchObject({ code: 'SEATS_ALREADY_YOURS', orderId: paid.order.id });
  });

  test('but seats of which somebody else has one are taken', async () => {
    const { as, params, performanceId } = await inSale();
    await program.hold(as, performanceId, [0]);
    await program.hold((await program.newBuyer()).token, performanceId, [1]);
    const problem = await program.refusal(takeHold, { as, params, body: { seats: [0, 1] } });
    expect(problem.code).toBe('SEATS_TAKEN');
  });
});

describe('a replay tells the present', () => {
  test('of a hold that was released', async () => {
    const { as, params } = await inSale();
    const given = { as, params, key: freshKey(), body: { seats: [0] } };
    const { id: holdId } = await program.must(takeHold, given);
    await program.must(releaseHold, { as, params: { holdId } });
    expect(await program.must(takeHold, given)).toMatchObject({ id: holdId, state: 'RELEASED' });
  });
});

describe('a refusal of the best seats', () => {
  const best = (count: number) => ({ bestAvailable: { grade: 'R', count } });

  test('says that none is free now, and how many may come back', async () => {
    const { as, params, performanceId } = await inSale({ rows: 2, seatsInRow: 2 });
    await program.hold((await program.newBuyer()).token, performanceId, [0, 1, 2, 3]);
    const problem = await program.refusal(takeHold, { as, params, body: best(1) });
    expect(problem).toMatchObject({ code: 'NO_SEATS_FREE', left: 2 });
  });

  test('says that none are together only where more than one was asked for', async () => {
    const { as, params, performanceId } = await inSale({ rows: 3, seatsInRow: 1 });
    await program.hold((await program.newBuyer()).token, performanceId, [1]);
    const problem = await program.refusal(takeHold, { as, params, body: best(2) });
    expect(problem.code).toBe('NO_ADJACENT_SEATS');
  });

  test('says that a grade is sold out, and that the house is', async () => {
    const { as, params, performanceId } = await inSale({ rows: 2, seatsInRow: 1 });
    const { token } = await program.newBuyer();
    await program.buy(token, performanceId, [1]);
    const grade = await program.refusal(takeHold, { as, params, body: best(1) });
    expect(grade).toMatchObject({ code: 'NO_SEATS_FREE', left: 0 });
    await program.buy(token, performanceId, [0]);
    const house = await program.refusal(takeHold, { as, params, body: best(1) });
    expect(house.code).toBe('SHOW_SOLD_OUT');
  });
});
