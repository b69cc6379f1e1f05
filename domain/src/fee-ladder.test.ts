import { describe, expect, test } from 'vitest';
import { describeLadder, feeLadders } from './fee-ladder.ts';

describe('the fee ladder in words', () => {
  test('says what Korean ticket sites charge, in Korean', () => {
    expect(describeLadder(feeLadders.operator, 'ko')).toEqual([
      '예매 후 7일 이내: 취소수수료 없음 (관람일 10일 전까지)',
      '관람일 10일 전까지: 뮤지컬·콘서트·클래식 장당 4,000원,' +
        ' 연극·전시 장당 2,000원 (티켓 금액의 10% 이내)',
      '관람일 9일 전~7일 전: 티켓 금액의 10%',
      '관람일 6일 전~3일 전: 티켓 금액의 20%',
      '관람일 2일 전~1일 전: 티켓 금액의 30%',
      '관람 당일: 취소 불가',
      '취소 마감: 관람일 1일 전 17:00 (그날이 토요일이면 11:00)',
      '예매수수료: 예매한 날 자정 전에 취소할 때만 환불',
    ]);
  });

  test('says the same in English', () => {
    expect(describeLadder(feeLadders.operator, 'en')).toEqual([
      'Within 7 days of booking: no fee (up to 10 days before the performance)',
      'Up to 10 days before the performance: ₩4,000 a ticket (musical, concert, classical music),' +
        ' ₩2,000 a ticket (play, exhibition), at most 10% of the ticket price',
      '9 to 7 days before: 10% of the ticket price',
      '6 to 3 days before: 20% of the ticket price',
      '2 to 1 day before: 30% of the ticket price',
      'On the day of the performance: cancelling is not possible',
      'Cancel by 17:00 the day before the performance (by 11:00 if a Saturday)',
      'The booking fee is refunded only until midnight of the day of booking',
    ]);
  });

  test('says what the consumer standard charges, in both languages', () => {
    expect(describeLadder(feeLadders['consumer-standard'], 'ko')).toEqual([
      '예매 후 24시간 이내: 취소수수료 없음 (관람일 3일 전까지)',
      '관람일 10일 전까지: 취소수수료 없음',
      '관람일 9일 전~7일 전: 티켓 금액의 10%',
      '관람일 6일 전~3일 전: 티켓 금액의 20%',
      '관람일 2일 전~1일 전: 티켓 금액의 30%',
      '관람 당일: 티켓 금액의 90%',
      '취소 마감: 공연 시작 전까지',
      '예매수수료: 취소수수료가 없을 때 함께 환불',
    ]);
    expect(describeLadder(feeLadders['consumer-standard'], 'en')).toEqual([
      'Within 24 hours of booking: no fee (up to 3 days before the performance)',
      'Up to 10 days before the performance: no fee',
      '9 to 7 days before: 10% of the ticket price',
      '6 to 3 days before: 20% of the ticket price',
      '2 to 1 day before: 30% of the ticket price',
      'On the day of the performance: 90% of the ticket price',
      'Cancel until the performance starts',
      'The booking fee is refunded when there is no cancellation fee',
    ]);
  });
});

test('each preset covers every day up to the performance, from the farthest to the nearest', () => {
  for (const { tiers } of Object.values(feeLadders)) {
    const days = tiers.map(({ untilDaysBefore }) => untilDaysBefore);
    expect(days).toEqual([10, 7, 3, 1, 0]);
  }
});

describe('a ladder of the operator’s own', () => {
  const free = { kind: 'NONE' } as const;
  const ladder = {
    ...feeLadders.operator,
    tiers: [3, 2, 1, 0].map((untilDaysBefore) => ({ untilDaysBefore, fee: free })),
    deadline: { daysBefore: 2, at: '17:00', atOnSaturday: '11:00' },
  };

  test('names a single day as one, in Korean', () => {
    expect(describeLadder(ladder, 'ko').slice(1, 6)).toEqual([
      '관람일 3일 전까지: 취소수수료 없음',
      '관람일 2일 전: 취소수수료 없음',
      '관람일 1일 전: 취소수수료 없음',
      '관람 당일: 취소수수료 없음',
      '취소 마감: 관람일 2일 전 17:00 (그날이 토요일이면 11:00)',
    ]);
  });

  test('names a single day as one, in English', () => {
    expect(describeLadder(ladder, 'en').slice(1, 6)).toEqual([
      'Up to 3 days before the performance: no fee',
      '2 days before: no fee',
      '1 day before: no fee',
      'On the day of the performance: no fee',
      'Cancel by 17:00 2 days before the performance (by 11:00 if a Saturday)',
    ]);
  });
});
