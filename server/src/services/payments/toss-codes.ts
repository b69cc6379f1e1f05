/**
 * What an error code of Toss Payments means for the money, by call; from its documentation
 * (reference of error codes, 2026). A code that is not listed means that the outcome is unknown,
 * never that the payment failed.
 *
 * declined: definitely declined for this buyer · refused: our request was definitely refused (keys,
 * set-up) · unknown: the money may have moved, ask again.
 */
type CodeMeaning = 'declined' | 'refused' | 'unknown';

const declinedAtConfirm = new Set([
  'EXCEED_MAX_CARD_INSTALLMENT_PLAN',
  'NOT_ALLOWED_POINT_USE',
  'INVALID_REJECT_CARD',
  'BELOW_MINIMUM_AMOUNT',
  'INVALID_CARD_EXPIRATION',
  'INVALID_STOPPED_CARD',
  'EXCEED_MAX_DAILY_PAYMENT_COUNT',
  'NOT_SUPPORTED_INSTALLMENT_PLAN_CARD_OR_MERCHANT',
  'INVALID_CARD_INSTALLMENT_PLAN',
  'NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN',
  'EXCEED_MAX_PAYMENT_AMOUNT',
  'EXCEED_MAX_MONTHLY_PAYMENT_AMOUNT',
  'INVALID_CARD_LOST_OR_STOLEN',
  'RESTRICTED_TRANSFER_ACCOUNT',
  'INVALID_CARD_NUMBER',
  'EXCEED_MAX_ONE_DAY_WITHDRAW_AMOUNT',
  'EXCEED_MAX_ONE_TIME_WITHDRAW_AMOUNT',
  'EXCEED_MAX_AMOUNT',
  'INVALID_ACCOUNT_INFO_RE_REGISTER',
  'REJECT_ACCOUNT_PAYMENT',
  'REJECT_CARD_PAYMENT',
  'REJECT_CARD_COMPANY',
  'REJECT_TOSSPAY_INVALID_ACCOUNT',
  'EXCEED_MAX_AUTH_COUNT',
  'EXCEED_MAX_ONE_DAY_AMOUNT',
  'INVALID_PASSWORD',
  'FDS_ERROR',
  'FORBIDDEN_REQUEST',
  'NOT_FOUND_PAYMENT',
  'NOT_FOUND_PAYMENT_SESSION',
]);

const refusedAtConfirm = new Set([
  'INVALID_REQUEST',
  'INVALID_API_KEY',
  'INVALID_AUTHORIZE_AUTH',
  'NOT_FOUND_TERMINAL_ID',
  'INVALID_UNREGISTERED_SUBMALL',
  'NOT_REGISTERED_BUSINESS',
  'INVALID_IDEMPOTENCY_KEY',
  'UNAUTHORIZED_KEY',
  'INCORRECT_BASIC_AUTH_FORMAT',
]);

export const meaningAtConfirm = (code: string): CodeMeaning => {
  if (declinedAtConfirm.has(code)) return 'declined';
  if (refusedAtConfirm.has(code)) return 'refused';
  return 'unknown';
};

/** The meaning of the status of a queried payment. `pending`: requested, not yet decided. */
export const meaningOfStatus = (
  status: string,
): 'approved' | 'declined' | 'pending' | 'unknown' => {
  switch (status) {
    case 'DONE':
      return 'approved';
    case 'ABORTED':
    case 'EXPIRED':
      return 'declined';
    case 'READY':
    case 'IN_PROGRESS':
      return 'pending';
    default:
      // CANCELED and PARTIAL_CANCELED had been approved: money moved and came back, in part or
      // whole.
      return 'unknown';
  }
};
