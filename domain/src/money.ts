import type { Category } from './categories.ts';
import type { Locale } from './text.ts';

/** The only currency in which tickets are sold. */
export const currency = 'KRW';

/** Whole minor units of the currency; the won has none, so 150000 is ₩150,000. */
export type Money = { amount: number; currency: typeof currency };

/** Throws RangeError for anything but a whole number: a fraction of a won is a bug. */
export const won = (amount: number): Money => {
  if (!Number.isSafeInteger(amount)) throw new RangeError(`${amount} is not a whole amount`);
  return { amount, currency: currency };
};

export const addMoney = (...amounts: readonly Money[]): Money =>
  won(amounts.reduce((sum, { amount }) => won(sum + won(amount).amount).amount, 0));

/** For people: 150,000원, ₩150,000. */
export const formatMoney = ({ amount }: Money, locale: Locale): string => {
  const digits = `${Math.abs(won(amount).amount)}`.replace(/\B(?=(\d{3})+$)/g, ',');
  const sign = amount < 0 ? '-' : '';
  return locale === 'ko' ? `${sign}${digits}원` : `${sign}₩${digits}`;
};

/** The booking fee per ticket: 1,000 won for a play, 2,000 won otherwise (the usual fees). */
export const bookingFee = (category: Category, tickets: number): Money => {
  const each = category === 'PLAY' ? 1000 : 2000;
  return won(each * won(tickets).amount);
};
