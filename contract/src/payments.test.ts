import { makeAttemptId } from '@usher/domain/ids.ts';
import { expect, test } from 'vitest';
import { checkout, confirmPayment, openAttempt, readAttempt } from './payments.ts';

const orderId = `ord_${'0'.repeat(26)}`;

test.each([confirmPayment, readAttempt])('$name takes ids of attempts, and no others', (route) => {
  const takes = (attemptId: string): boolean => route.params.safeParse({ attemptId }).success;
  for (const id of [makeAttemptId(orderId, 1), makeAttemptId(orderId, 23)])
    expect(takes(id), id).toBe(true);
  // Of an earlier version: its buyer may still ask about it.
  expect(takes(`att_${'0'.repeat(26)}`)).toBe(true);
  for (const id of [orderId, `${makeAttemptId(orderId, 1)}0000000000`, makeAttemptId(orderId, 0)])
    expect(takes(id), id).toBe(false);
});

test('a checkout names an attempt by such an id', () => {
  const { attemptId } = checkout.shape;
  expect(attemptId.safeParse(makeAttemptId(orderId, 2)).success).toBe(true);
  expect(attemptId.safeParse(orderId).success).toBe(false);
});

test('a repeat of opening an attempt gets the first response, not another attempt', () => {
  expect(openAttempt.idempotency).toBe('required');
});
