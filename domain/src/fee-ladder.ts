import type { Category } from './categories.ts';
import { formatMoney, won } from './money.ts';
import type { Locale } from './text.ts';

/** `operator`: the ladder of Korean ticket sites; `consumer-standard`: 소비자분쟁해결기준. */
export const ladderNames = ['operator', 'consumer-standard'] as const;
export type LadderName = (typeof ladderNames)[number];

type Fee =
  | { kind: 'NONE' }
  /** Of the ticket's price. */
  | { kind: 'PERCENT'; percent: number }
  /** Won per ticket, but at most `capPercent` of its price. */
  | { kind: 'PER_TICKET'; amount: Readonly<Record<Category, number>>; capPercent: number }
  | { kind: 'NOT_POSSIBLE' };

/**
 * The cost of a cancellation, from the earliest tier to the latest: the first tier whose last day
 * has not passed applies. Days are calendar days before the day of the performance in the venue's
 * time zone; day 0 is that day itself, until the start.
 */
export type FeeLadder = {
  preset: LadderName;
  tiers: readonly { untilDaysBefore: number; fee: Fee }[];
  /** No fee within this time after booking, up to that many days before the performance. */
  freeAfterBooking: { length: number; unit: 'DAYS' | 'HOURS'; untilDaysBefore: number };
  /** Last moment to cancel, local time; null: until the start. */
  deadline: { daysBefore: number; at: string; atOnSaturday: string } | null;
  /** When the booking fee is refunded. */
  bookingFeeBack: 'ON_BOOKING_DAY' | 'WITHOUT_CANCELLATION_FEE';
};

const percent = (value: number): Fee => ({ kind: 'PERCENT', percent: value });

/**
 * What Korean ticket sites charge. A show that allows cancelling on the day replaces the last tier
 * with 90 %.
 */
const operatorLadder: FeeLadder = {
  preset: 'operator',
  tiers: [
    {
      untilDaysBefore: 10,
      fee: {
        kind: 'PER_TICKET',
        amount: { MUSICAL: 4000, CONCERT: 4000, CLASSIC: 4000, PLAY: 2000, EXHIBITION: 2000 },
        capPercent: 10,
      },
    },
    { untilDaysBefore: 7, fee: percent(10) },
    { untilDaysBefore: 3, fee: percent(20) },
    { untilDaysBefore: 1, fee: percent(30) },
    { untilDaysBefore: 0, fee: { kind: 'NOT_POSSIBLE' } },
  ],
  freeAfterBooking: { length: 7, unit: 'DAYS', untilDaysBefore: 10 },
  deadline: { daysBefore: 1, at: '17:00', atOnSaturday: '11:00' },
  bookingFeeBack: 'ON_BOOKING_DAY',
};

/** The Korean consumer dispute standard (소비자분쟁해결기준) for performances. */
const consumerStandardLadder: FeeLadder = {
  preset: 'consumer-standard',
  tiers: [
    { untilDaysBefore: 10, fee: { kind: 'NONE' } },
    { untilDaysBefore: 7, fee: percent(10) },
    { untilDaysBefore: 3, fee: percent(20) },
    { untilDaysBefore: 1, fee: percent(30) },
    { untilDaysBefore: 0, fee: percent(90) },
  ],
  freeAfterBooking: { length: 24, unit: 'HOURS', untilDaysBefore: 3 },
  deadline: null,
  bookingFeeBack: 'WITHOUT_CANCELLATION_FEE',
};

export const feeLadders: Readonly<Record<LadderName, FeeLadder>> = {
  operator: operatorLadder,
  'consumer-standard': consumerStandardLadder,
};

/** The ladder in words, one sentence per line, from the earliest tier to the latest. */
export const describeLadder = (ladder: FeeLadder, locale: Locale): string[] => {
  const words = locale === 'ko' ? korean : english;
  const lines = [words.afterBooking(ladder.freeAfterBooking)];
  let daysBefore: number | undefined;
  for (const { untilDaysBefore, fee } of ladder.tiers) {
    lines.push(`${words.days(daysBefore, untilDaysBefore)}: ${words.fee(fee)}`);
    daysBefore = untilDaysBefore - 1;
  }
  lines.push(words.deadline(ladder.deadline), words.bookingFee[ladder.bookingFeeBack]);
  return lines;
};

type Words = {
  afterBooking: (free: FeeLadder['freeAfterBooking']) => string;
  /** `from` is undefined for the first tier, which has no earliest day. */
  days: (from: number | undefined, to: number) => string;
  fee: (fee: Fee) => string;
  deadline: (deadline: FeeLadder['deadline']) => string;
  bookingFee: Record<FeeLadder['bookingFeeBack'], string>;
};

const korean: Words = {
  afterBooking: ({ length, unit, untilDaysBefore }) =>
    `예매 후 ${length}${unit === 'DAYS' ? '일' : '시간'} 이내: 취소수수료 없음` +
    ` (관람일 ${untilDaysBefore}일 전까지)`,
  days: (from, to) => {
    if (to === 0) return '관람 당일';
    if (from === undefined) return `관람일 ${to}일 전까지`;
    return from === to ? `관람일 ${to}일 전` : `관람일 ${from}일 전~${to}일 전`;
  },
  fee: (fee) => {
    if (fee.kind === 'NONE') return '취소수수료 없음';
    if (fee.kind === 'NOT_POSSIBLE') return '취소 불가';
    if (fee.kind === 'PERCENT') return `티켓 금액의 ${fee.percent}%`;
    const names = {
      MUSICAL: '뮤지컬',
      CONCERT: '콘서트',
      CLASSIC: '클래식',
      PLAY: '연극',
      EXHIBITION: '전시',
    };
    const amounts = byAmount(fee.amount).map(
      ([amount, categories]) =>
        `${categories.map((category) => names[category]).join('·')}` +
        ` 장당 ${formatMoney(won(amount), 'ko')}`,
    );
    return `${amounts.join(', ')} (티켓 금액의 ${fee.capPercent}% 이내)`;
  },
  deadline: (deadline) =>
    deadline
      ? `취소 마감: 관람일 ${deadline.daysBefore}일 전 ${deadline.at}` +
        ` (그날이 토요일이면 ${deadline.atOnSaturday})`
      : '취소 마감: 공연 시작 전까지',
  bookingFee: {
    ON_BOOKING_DAY: '예매수수료: 예매한 날 자정 전에 취소할 때만 환불',
    WITHOUT_CANCELLATION_FEE: '예매수수료: 취소수수료가 없을 때 함께 환불',
  },
};

const english: Words = {
  afterBooking: ({ length, unit, untilDaysBefore }) =>
    `Within ${length} ${unit === 'DAYS' ? 'days' : 'hours'} of booking: no fee` +
    ` (up to ${untilDaysBefore} days before the performance)`,
  days: (from, to) => {
    if (to === 0) return 'On the day of the performance';
    if (from === undefined) return `Up to ${to} days before the performance`;
    return from === to
      ? `${to} ${to === 1 ? 'day' : 'days'} before`
      : `${from} to ${to} ${to === 1 ? 'day' : 'days'} before`;
  },
  fee: (fee) => {
    if (fee.kind === 'NONE') return 'no fee';
    if (fee.kind === 'NOT_POSSIBLE') return 'cancelling is not possible';
    if (fee.kind === 'PERCENT') return `${fee.percent}% of the ticket price`;
    const names = {
      MUSICAL: 'musical',
      CONCERT: 'concert',
      CLASSIC: 'classical music',
      PLAY: 'play',
      EXHIBITION: 'exhibition',
    };
    const amounts = byAmount(fee.amount).map(
      ([amount, categories]) =>
        `${formatMoney(won(amount), 'en')} a ticket` +
        ` (${categories.map((category) => names[category]).join(', ')})`,
    );
    return `${amounts.join(', ')}, at most ${fee.capPercent}% of the ticket price`;
  },
  deadline: (deadline) => {
    if (!deadline) return 'Cancel until the performance starts';
    const { daysBefore, at, atOnSaturday } = deadline;
    const day = daysBefore === 1 ? 'the day' : `${daysBefore} days`;
    return `Cancel by ${at} ${day} before the performance (by ${atOnSaturday} if a Saturday)`;
  },
  bookingFee: {
    ON_BOOKING_DAY: 'The booking fee is refunded only until midnight of the day of booking',
    WITHOUT_CANCELLATION_FEE: 'The booking fee is refunded when there is no cancellation fee',
  },
};

/** Groups of categories with the same fee, the most expensive first. */
const byAmount = (amounts: Readonly<Record<Category, number>>): [number, Category[]][] => {
  const groups = new Map<number, Category[]>();
  for (const [category, amount] of Object.entries(amounts) as [Category, number][]) {
    groups.set(amount, [...(groups.get(amount) ?? []), category]);
  }
  return [...groups].sort(([a], [b]) => b - a);
};
