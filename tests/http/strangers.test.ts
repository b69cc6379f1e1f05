import { beforeAll, describe, expect, test } from 'vitest';
import { openProgram, type Program } from '../support/program.ts';

let program: Program;
beforeAll(async () => {
  program = await openProgram();
});

/** One call in ten is one that the database refuses; the edge is not asked. */
const crowd = <Result>(honest: (i: number) => Promise<Result>, poison: () => Promise<unknown>) =>
  Promise.allSettled(
    Array.from({ length: 20 }, (_, i) => (i % 10 === 4 ? poison() : honest(i))),
  ).then((results) => results.map(({ status }) => status));
const onlyPoisonFails = Array.from({ length: 20 }, (_, i) =>
  i % 10 === 4 ? 'rejected' : 'fulfilled',
);

describe('a call that the database refuses spoils nobody else’s:', () => {
  test('reading a hold', async () => {
    const { hold } = program.app.services.seats;
    const { performanceId } = await program.newSale(program.organiser);
    const { token, accountId } = await program.newBuyer();
    const { id } = await program.hold(token, performanceId, [0]);
    const statuses = await crowd(
      async () => expect((await hold(id, accountId))?.id).toBe(id),
      () => hold('hold\0', accountId),
    );
    expect(statuses).toEqual(onlyPoisonFails);
  });

  test('reading an order', async () => {
    const { readBuyer } = program.app.services.orders;
    const { performanceId } = await program.newSale(program.organiser);
    const { token, accountId } = await program.newBuyer();
    const { order } = await program.order(token, performanceId, [0]);
    const statuses = await crowd(
      async () => expect(await readBuyer(order.id)).toBe(accountId),
      () => readBuyer('ord\0'),
    );
    expect(statuses).toEqual(onlyPoisonFails);
  });

  test('the provider’s report of a payment', async () => {
    const { hint } = program.app.services.payments;
    const statuses = await crowd(
      (i) => hint(`unheard of ${i}`),
      () => hint('a\0b'),
    );
    expect(statuses).toEqual(onlyPoisonFails);
  });
});

describe('a payment that broke before it was begun', () => {
  test('is retryable, is logged as a bug, and nobody else’s payment notices', async () => {
    const { performanceId } = await program.newSale(program.organiser);
    const { confirm } = program.app.services.payments;
    const buyers = await program.newBuyers(6);
    const carts = await Promise.all(
      buyers.map(async ({ token, accountId }, i) => {
        const { checkout } = await program.order(token, performanceId, [i]);
        return { token, accountId, checkout };
      }),
    );
    const before = program.errors.length;
    const results = await Promise.allSettled(
      carts.map(async ({ accountId, checkout }, i) => {
        const paymentKey =
          i === 2
            ? 'a\0b'
            : await program.sandbox.authenticate(checkout.attemptId, checkout.amount.amount);
        return confirm({
          attemptId: checkout.attemptId,
          buyerId: accountId,
          paymentKey,
          amountMinor: checkout.amount.amount,
          requestId: 'r'.repeat(32),
        });
      }),
    );
    expect(results.map(({ status }) => status)).toEqual(
      carts.map((_, i) => (i === 2 ? 'rejected' : 'fulfilled')),
    );
    expect(results[2]).toMatchObject({ reason: { code: 'PAYMENT_NOT_BEGUN', retryable: true } });
    expect(program.errors.slice(before).join()).toContain('a payment could not be begun');
  });
});
