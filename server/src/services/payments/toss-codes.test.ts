import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { meaningAtConfirm, meaningOfStatus } from './toss-codes.ts';

describe('an error code at confirm', () => {
  test.each(['REJECT_CARD_PAYMENT', 'EXCEED_MAX_AMOUNT', 'INVALID_PASSWORD', 'NOT_FOUND_PAYMENT'])(
    '%s declines the buyer’s payment definitely',
    (code) => {
      expect(meaningAtConfirm(code)).toBe('declined');
    },
  );

  test.each(['UNAUTHORIZED_KEY', 'INVALID_API_KEY', 'INVALID_REQUEST'])(
    '%s refuses our request definitely',
    (code) => {
      expect(meaningAtConfirm(code)).toBe('refused');
    },
  );

  test.each([
    'PROVIDER_ERROR',
    'FAILED_INTERNAL_SYSTEM_PROCESSING',
    'FAILED_PAYMENT_INTERNAL',
    'ALREADY_PROCESSED_PAYMENT',
    'IDEMPOTENT_REQUEST_PROCESSING',
    'UNKNOWN_PAYMENT_ERROR',
    '',
    'reject_card_payment',
    ' REJECT_CARD_PAYMENT',
    'constructor',
    '__proto__',
  ])('«%s» leaves open whether money moved', (code) => {
    expect(meaningAtConfirm(code)).toBe('unknown');
  });

  test('that is unknown is never treated as declined', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (code) => {
        expect(meaningAtConfirm(`NEW_${code}`)).toBe('unknown');
      }),
    );
  });
});

describe('the status of a payment', () => {
  test.each([
    ['DONE', 'approved'],
    ['ABORTED', 'declined'],
    ['EXPIRED', 'declined'],
    ['READY', 'pending'],
    ['IN_PROGRESS', 'pending'],
    ['CANCELED', 'unknown'],
    ['PARTIAL_CANCELED', 'unknown'],
    ['WAITING_FOR_DEPOSIT', 'unknown'],
    ['SOMETHING_NEW', 'unknown'],
  ] as const)('%s means %s', (status, meaning) => {
    expect(meaningOfStatus(status)).toBe(meaning);
  });
});
