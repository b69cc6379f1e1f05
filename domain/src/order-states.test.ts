import { describe, expect, test } from 'vitest';
import { attemptMoves, canMove, orderMoves, seatMoves } from './order-states.ts';

/** The whole table as text, so that a move added or lost anywhere shows. */
function allMoves<State extends string>(moves: Readonly<Record<State, readonly State[]>>) {
  const states = Object.keys(moves) as State[];
  return states.flatMap((from) =>
    states.flatMap((to) => (canMove(moves, from, to) ? [`${from} ${to}`] : [])),
  );
}

describe('only these moves exist', () => {
  test('for a seat: a sold seat is never held, a paying one never lapses', () => {
    expect(allMoves(seatMoves)).toEqual([
      'FREE HELD',
      'FREE BLOCKED',
      'HELD FREE',
      'HELD PAYING',
      'PAYING FREE',
      'PAYING HELD',
      'PAYING SOLD',
      'SOLD FREE',
      'BLOCKED FREE',
    ]);
  });

  test('for an order: what ended definitely never moves, unknown money never expires', () => {
    expect(allMoves(orderMoves)).toEqual([
      'PENDING PAYING',
      'PENDING EXPIRED',
      'PENDING CANCELLED',
      'PAYING PAID',
      'PAYING UNKNOWN',
      'PAYING FAILED',
      'PAID PARTLY_REFUNDED',
      'PAID REFUNDED',
      'UNKNOWN PAID',
      'UNKNOWN STUCK',
      'UNKNOWN FAILED',
      'UNKNOWN REFUNDED',
      'STUCK PAID',
      'STUCK FAILED',
      'STUCK REFUNDED',
      'PARTLY_REFUNDED REFUNDED',
    ]);
  });

  test('for a payment attempt: what was sent is settled only by an answer', () => {
    expect(allMoves(attemptMoves)).toEqual([
      'CREATED SEATS_LOCKED',
      'CREATED SETTLED',
      'SEATS_LOCKED SENT',
      'SEATS_LOCKED SETTLED',
      'SENT ANSWERED',
      'ANSWERED SETTLED',
    ]);
  });
});
