import { logIn, signUp } from '@usher/contract/identity.ts';
import { placeOrder } from '@usher/contract/orders.ts';
import { addPerformances, createShow, importVenue } from '@usher/contract/organiser.ts';
import { confirmPayment } from '@usher/contract/payments.ts';
import { takeHold } from '@usher/contract/seats.ts';
import { won } from '@usher/domain/money.ts';
import type { Ask, BodyOf } from './ask.ts';
import type { TestSandbox } from './sandbox.ts';

export type Person = { accountId: string; email: string; password: string; token: string };
export type Sale = { venueId: string; showId: string; performanceId: string; seatCount: number };
export type Checkout = BodyOf<typeof placeOrder>['checkout'];

const password = 'four words of a test';
let peopleMade = 0;

/** A house of straight rows, a unit between neighbours; the first row is VIP, the rest R. */
export const houseCsv = (rows: number, seatsInRow: number): string => {
  const lines = ['section,row,number,grade,x,y,section_en'];
  for (let row = 1; row <= rows; row++)
    for (let number = 1; number <= seatsInRow; number++)
      lines.push(`1층,${row},${number},${row === 1 ? 'VIP' : 'R'},${number},${row},Stalls`);
  return lines.join('\n');
};

export const hoursFromNow = (hours: number): string =>
  new Date(Date.now() + hours * 3_600_000).toISOString();

export const venueFields = (rows: number, seatsInRow: number) => ({
  name: { ko: '시험극장', en: 'Trial Theatre' },
  address: { ko: '서울', en: 'Seoul' },
  seatsCsv: houseCsv(rows, seatsInRow),
});
export const showFields = (venueId: string) => ({
  title: { ko: '시험공연', en: 'A trial show' },
  synopsis: { ko: '하룻밤', en: 'One night' },
  category: 'MUSICAL',
  venueId,
  runningTimeMinutes: 120,
  ageLimit: 8,
  ladder: 'operator',
  grades: [
    { code: 'VIP', name: { ko: 'VIP석', en: 'VIP' }, price: won(150_000) },
    { code: 'R', name: { ko: 'R석', en: 'R' }, price: won(100_000) },
  ],
  saleOpensAt: hoursFromNow(-1),
  saleClosesAt: hoursFromNow(24 * 7),
});

/** What people do in a sale, however the program is called. */
export const makeSaleTools = ({ ask, must }: Ask, sandbox: TestSandbox) => {
  const enter = async (person: { email: string; password: string }): Promise<string> => {
    const { email, password } = person;
    return (await must(logIn, { body: { email, password } })).accessToken;
  };

  const newBuyer = async (): Promise<Person> => {
    const email = `buyer-${process.pid}-${Date.now()}-${++peopleMade}@example.com`;
    const body = { email, password, name: '김민지' };
    const { account, accessToken } = await must(signUp, { body });
    return { accountId: account.id, email, password, token: accessToken };
  };
  const newBuyers = (count: number): Promise<Person[]> =>
    Promise.all(Array.from({ length: count }, newBuyer));

  /** A show in its own house, on sale now unless specified otherwise. */
  const newSale = async (
    organiser: string,
    given: {
      rows?: number;
      seatsInRow?: number;
      show?: object;
      performances?: number;
    } = {},
  ): Promise<Sale & { performanceIds: string[] }> => {
    const { rows = 3, seatsInRow = 10 } = given;
    const venue = await must(importVenue, {
      as: organiser,
      body: venueFields(rows, seatsInRow),
    });
    const show = await must(createShow, {
      as: organiser,
      body: { ...showFields(venue.id), ...given.show },
    });
    const startsAt = Array.from({ length: given.performances ?? 1 }, (_, i) =>
      hoursFromNow(24 * (14 + i)),
    );
    const added = await must(addPerformances, {
      as: organiser,
      params: { showId: show.id },
      body: { startsAt },
    });
    const performanceIds = added.items.map(({ id }) => id);
    const performanceId = performanceIds[0] ?? '';
    const seatCount = rows * seatsInRow;
    return { venueId: venue.id, showId: show.id, performanceId, performanceIds, seatCount };
  };

  const hold = (as: string, performanceId: string, seats: readonly number[]) =>
    must(takeHold, { as, params: { performanceId }, body: { seats } });
  /** Up to the payment window. */
  const order = async (as: string, performanceId: string, seats: readonly number[]) => {
    const held = await hold(as, performanceId, seats);
    return must(placeOrder, { as, body: { holdId: held.id } });
  };
  const pay = async (
    as: string,
    checkout: Checkout,
    outcome: 'approve' | 'decline' | 'timeout' | 'lost' = 'approve',
  ) => {
    const { attemptId, amount } = checkout;
    const paymentKey = await sandbox.authenticate(attemptId, amount.amount, outcome);
    return ask(confirmPayment, {
      as,
      params: { attemptId },
      body: { paymentKey, amount: amount.amount },
    });
  };
  /** A whole purchase; throws unless it ends with a paid order. */
  const buy = async (as: string, performanceId: string, seats: readonly number[]) => {
    const placed = await order(as, performanceId, seats);
    const paid = await pay(as, placed.checkout);
    if (paid.status !== 200) throw new Error(`not paid: ${paid.status} ${paid.bytes}`);
    return placed;
  };
  return { ask, must, enter, newBuyer, newBuyers, newSale, hold, order, pay, buy };
};
export type SaleTools = ReturnType<typeof makeSaleTools>;
