/**
 * Every error code that the sandbox can answer with, its HTTP status and its two messages, and
 * which calls document it. Source: the provider's error tables, see README.md.
 * A code whose `aborts` is true ends the payment if it is the card's answer at confirm: the
 * buyer has to start again. The others leave it unchanged.
 */

export type CallName =
  | 'confirm'
  | 'cancel'
  | 'query'
  | 'query-by-order'
  | 'transactions'
  | 'virtual-accounts';

type ErrorText = { status: number; ko: string; en: string; aborts?: true };

const declined = (status: number, ko: string, en: string): ErrorText => ({
  status,
  ko,
  en,
  aborts: true,
});
const error = (status: number, ko: string, en: string): ErrorText => ({ status, ko, en });

export const errors = {
  ALREADY_PROCESSED_PAYMENT: error(400, '이미 처리된 결제입니다.', 'Payment already processed.'),
  ALREADY_PROCESSING_REQUEST: error(
    400,
    '같은 결제 요청을 처리하고 있습니다.',
    'This payment is being processed.',
  ),
  PROVIDER_ERROR: error(400, '결제 기관에 일시적인 오류가 있습니다.', 'The provider has failed.'),
  CARD_PROCESSING_ERROR: error(400, '카드사에 오류가 있습니다.', 'The card company has failed.'),
  UNAPPROVED_ORDER_ID: error(400, '아직 승인되지 않은 주문번호입니다.', 'Order not approved yet.'),
  NOT_AVAILABLE_PAYMENT: error(
    400,
    '지금은 결제할 수 없는 시간입니다.',
    'Payment is not available at this time of day.',
  ),
  EXCEED_MAX_CARD_INSTALLMENT_PLAN: declined(
    400,
    '할부 개월 수가 너무 깁니다.',
    'Too many instalments.',
  ),
  NOT_ALLOWED_POINT_USE: declined(400, '카드 포인트를 쓸 수 없습니다.', 'Points not allowed.'),
  INVALID_REJECT_CARD: declined(400, '카드 사용이 거절되었습니다.', 'Card refused.'),
  BELOW_MINIMUM_AMOUNT: declined(
    400,
    '결제할 수 있는 최소 금액보다 적습니다.',
    'Below the minimum amount.',
  ),
  INVALID_CARD_EXPIRATION: declined(
    400,
    '카드 유효기간이 올바르지 않습니다.',
    'Wrong expiry date.',
  ),
  INVALID_STOPPED_CARD: declined(400, '정지된 카드입니다.', 'Card stopped.'),
  EXCEED_MAX_DAILY_PAYMENT_COUNT: declined(
    400,
    '하루 결제 횟수를 넘었습니다.',
    'Too many payments today.',
  ),
  NOT_SUPPORTED_INSTALLMENT_PLAN_CARD_OR_MERCHANT: declined(
    400,
    '할부를 지원하지 않는 카드 또는 상점입니다.',
    'Instalments not supported by card or merchant.',
  ),
  INVALID_CARD_INSTALLMENT_PLAN: declined(
    400,
    '할부 개월 수가 올바르지 않습니다.',
    'Wrong number of instalments.',
  ),
  NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN: declined(
    400,
    '할부를 지원하지 않는 카드입니다.',
    'Instalments not supported.',
  ),
  EXCEED_MAX_PAYMENT_AMOUNT: declined(
    400,
    '하루 결제 한도를 넘었습니다.',
    'Daily payment limit exceeded.',
  ),
  EXCEED_MAX_MONTHLY_PAYMENT_AMOUNT: declined(
    400,
    '이번 달 결제 한도를 넘었습니다.',
    'Monthly payment limit exceeded.',
  ),
  INVALID_CARD_LOST_OR_STOLEN: declined(
    400,
    '분실 또는 도난 신고된 카드입니다.',
    'Card reported lost or stolen.',
  ),
  RESTRICTED_TRANSFER_ACCOUNT: declined(400, '이체가 제한된 계좌입니다.', 'Account restricted.'),
  INVALID_CARD_NUMBER: declined(400, '카드번호가 올바르지 않습니다.', 'Wrong card number.'),
  EXCEED_MAX_ONE_DAY_WITHDRAW_AMOUNT: declined(
    400,
    '하루 출금 한도를 넘었습니다.',
    'Daily withdrawal limit exceeded.',
  ),
  EXCEED_MAX_ONE_TIME_WITHDRAW_AMOUNT: declined(
    400,
    '한 번에 출금할 수 있는 한도를 넘었습니다.',
    'Single withdrawal limit exceeded.',
  ),
  EXCEED_MAX_AMOUNT: declined(400, '거래 금액 한도를 넘었습니다.', 'Amount limit exceeded.'),
  INVALID_ACCOUNT_INFO_RE_REGISTER: declined(
    400,
    '계좌를 다시 등록해야 합니다.',
    'The account must be registered again.',
  ),
  INVALID_REQUEST: error(400, '잘못된 요청입니다.', 'Bad request.'),
  INVALID_ORDER_ID: error(
    400,
    '주문번호는 영문, 숫자, -, _ 로 6자 이상 64자 이하여야 합니다.',
    'orderId must be 6 to 64 letters, digits, - or _.',
  ),
  DUPLICATED_ORDER_ID: error(
    400,
    '이미 결제가 끝난 주문번호입니다. 새 주문번호가 필요합니다.',
    'This orderId is finished; use a new one.',
  ),
  INVALID_API_KEY: error(400, '잘못된 키입니다.', 'Wrong key.'),
  INVALID_AUTHORIZE_AUTH: error(400, '인증 방식이 올바르지 않습니다.', 'Wrong authentication.'),
  NOT_FOUND_TERMINAL_ID: error(400, '단말기 번호가 없습니다.', 'No terminal id.'),
  INVALID_UNREGISTERED_SUBMALL: error(400, '등록되지 않은 하위 상점입니다.', 'Unknown submall.'),
  NOT_REGISTERED_BUSINESS: error(400, '등록되지 않은 사업자입니다.', 'Business not registered.'),
  INVALID_IDEMPOTENCY_KEY: error(
    400,
    '멱등키는 1자 이상 300자 이하여야 합니다.',
    'Idempotency-Key must be 1 to 300 characters.',
  ),
  INVALID_TEST_CODE: error(
    400,
    '이 API에 없는 에러 코드입니다.',
    'This call has no such error code to force.',
  ),
  ALREADY_CANCELED_PAYMENT: error(400, '이미 취소된 결제입니다.', 'Payment already cancelled.'),
  ALREADY_REFUND_PAYMENT: error(400, '이미 환불된 결제입니다.', 'Payment already refunded.'),
  NOT_MATCHES_REFUNDABLE_AMOUNT: error(
    400,
    '환불할 수 있는 잔액과 다릅니다.',
    'refundableAmount differs from the balance.',
  ),
  INVALID_REFUND_ACCOUNT_INFO: error(
    400,
    '환불 계좌의 예금주와 번호가 맞지 않습니다.',
    'Refund account and holder do not match.',
  ),
  INVALID_REFUND_ACCOUNT_NUMBER: error(
    400,
    '환불 계좌번호가 올바르지 않습니다.',
    'Wrong refund account number.',
  ),
  INVALID_BANK: error(400, '은행 코드가 올바르지 않습니다.', 'Wrong bank code.'),
  EXCEED_CANCEL_AMOUNT_DISCOUNT_AMOUNT: error(
    400,
    '즉시 할인 금액보다 적은 금액은 취소할 수 없습니다.',
    'Cancel amount is below the discount.',
  ),
  REFUND_REJECTED: error(400, '환불이 거절되었습니다.', 'Refund refused.'),
  FORBIDDEN_BANK_REFUND_REQUEST: error(
    400,
    '이 계좌로는 환불할 수 없습니다.',
    'The bank refuses refunds to this account.',
  ),
  UNAUTHORIZED_KEY: error(401, '인증되지 않은 키입니다.', 'The key is not authorised.'),
  REJECT_ACCOUNT_PAYMENT: declined(403, '잔액이 모자랍니다.', 'Not enough money in the account.'),
  REJECT_CARD_PAYMENT: declined(
    403,
    '한도를 넘었거나 잔액이 모자랍니다.',
    'Card limit exceeded or balance too low.',
  ),
  REJECT_CARD_COMPANY: declined(
    403,
    '카드사에서 결제 승인을 거절했습니다.',
    'The card company has declined.',
  ),
  REJECT_TOSSPAY_INVALID_ACCOUNT: declined(
    403,
    '출금 계좌를 쓸 수 없습니다.',
    'The linked account cannot be used.',
  ),
  EXCEED_MAX_AUTH_COUNT: declined(403, '인증 횟수를 넘었습니다.', 'Too many attempts.'),
  EXCEED_MAX_ONE_DAY_AMOUNT: declined(403, '하루 한도를 넘었습니다.', 'Daily limit exceeded.'),
  INVALID_PASSWORD: declined(403, '결제 비밀번호가 다릅니다.', 'Wrong payment password.'),
  FDS_ERROR: declined(
    403,
    '이상 거래로 의심되어 결제가 막혔습니다.',
    'Blocked by fraud detection.',
  ),
  FORBIDDEN_REQUEST: declined(403, '허용되지 않은 요청입니다.', 'Request not allowed.'),
  NOT_AVAILABLE_BANK: error(403, '은행 서비스 시간이 아닙니다.', 'Outside banking hours.'),
  INCORRECT_BASIC_AUTH_FORMAT: error(
    403,
    '키 뒤에 콜론(:)을 붙여 인코딩해야 합니다.',
    'Basic credentials need a colon after the key.',
  ),
  NOT_CANCELABLE_AMOUNT: error(403, '취소할 수 없는 금액입니다.', 'Amount cannot be cancelled.'),
  NOT_CANCELABLE_PAYMENT: error(403, '취소할 수 없는 결제입니다.', 'Payment cannot be cancelled.'),
  EXCEED_MAX_REFUND_DUE: error(403, '환불 기한이 지났습니다.', 'The refund period is over.'),
  NOT_ALLOWED_PARTIAL_REFUND: error(
    403,
    '부분 환불할 수 없는 결제입니다.',
    'Partial refund not allowed.',
  ),
  NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT: error(
    403,
    '입금 전에는 부분 환불할 수 없습니다.',
    'No partial refund before the deposit.',
  ),
  NOT_CANCELABLE_PAYMENT_FOR_DORMANT_USER: error(
    403,
    '휴면 회원의 결제는 취소할 수 없습니다.',
    'A dormant user’s payment cannot be cancelled.',
  ),
  EXCEED_CANCEL_LIMIT: error(403, '취소 한도를 넘었습니다.', 'Cancel limit exceeded.'),
  FORBIDDEN_CONSECUTIVE_REQUEST: error(
    403,
    '요청이 너무 잦습니다. 잠시 후 다시 해 주세요.',
    'Too many requests in a row; try again later.',
  ),
  NOT_FOUND_PAYMENT: error(404, '존재하지 않는 결제 입니다.', 'No such payment.'),
  NOT_FOUND_PAYMENT_SESSION: error(
    404,
    '결제 시간이 지나 진행 중인 결제가 없습니다.',
    'The payment session does not exist or is over.',
  ),
  NOT_FOUND: error(404, '존재하지 않는 정보입니다.', 'Not found.'),
  /** These two come only to failUrl, from the window. */
  PAY_PROCESS_CANCELED: error(400, '결제를 취소하셨습니다.', 'You cancelled the payment.'),
  PAY_PROCESS_ABORTED: error(400, '결제가 중단되었습니다.', 'The payment was broken off.'),
  /** Only as `failure.code` of a payment that nobody confirmed in time. */
  EXPIRED_PAYMENT: error(400, '결제 시간이 지났습니다.', 'The time to pay is over.'),
  IDEMPOTENT_REQUEST_PROCESSING: error(
    409,
    '이전 멱등 요청을 처리하고 있습니다.',
    'The earlier request with this key is still running; request again to get its response.',
  ),
  FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING: error(
    500,
    '결제 처리 중 내부 오류가 있습니다.',
    'Internal error while paying.',
  ),
  FAILED_INTERNAL_SYSTEM_PROCESSING: error(500, '내부 오류가 있습니다.', 'Internal error.'),
  UNKNOWN_PAYMENT_ERROR: error(500, '알 수 없는 결제 오류입니다.', 'Unknown payment error.'),
  FAILED_REFUND_PROCESS: error(500, '환불 처리에 실패했습니다.', 'Refund failed.'),
  FAILED_METHOD_HANDLING_CANCEL: error(
    500,
    '취소 중 결제수단 처리에 실패했습니다.',
    'The payment method failed while cancelling.',
  ),
  COMMON_ERROR: error(500, '일시적인 오류입니다.', 'Temporary error.'),
  FAILED_PARTIAL_REFUND: error(500, '부분 환불에 실패했습니다.', 'Partial refund failed.'),
  SANDBOX_FULL: error(
    503,
    '샌드박스가 가득 찼습니다. /__ctl/reset 으로 비우세요.',
    'The sandbox holds as many payments as it may; POST /__ctl/reset empties it.',
  ),
} as const satisfies Record<string, ErrorText>;

export type ErrorCode = keyof typeof errors;

export const isErrorCode = (text: string): text is ErrorCode => Object.hasOwn(errors, text);

/** Whether this answer of the card company ends the payment (ABORTED). */
export const abortsPayment = (code: ErrorCode): boolean => 'aborts' in errors[code];

export const errorMessage = (code: ErrorCode, english: boolean): string =>
  english ? errors[code].en : errors[code].ko;

const bodies = new Map<string, string>();
/** The JSON body of an error; the same string every time, so that replays cost no memory. */
export const errorBody = (code: ErrorCode, english: boolean): string => {
  const key = english ? `en ${code}` : code;
  let body = bodies.get(key);
  if (body === undefined) {
    body = JSON.stringify({ code, message: errorMessage(code, english) });
    bodies.set(key, body);
  }
  return body;
};

const everyCall = ['UNAUTHORIZED_KEY', 'INCORRECT_BASIC_AUTH_FORMAT'] as const;
const everyPost = [
  ...everyCall,
  'INVALID_API_KEY',
  'INVALID_REQUEST',
  'INVALID_IDEMPOTENCY_KEY',
  'IDEMPOTENT_REQUEST_PROCESSING',
  'PROVIDER_ERROR',
] as const;
const declines = (Object.keys(errors) as ErrorCode[]).filter(abortsPayment);
const everyQuery = [
  ...everyCall,
  'FORBIDDEN_CONSECUTIVE_REQUEST',
  'NOT_FOUND_PAYMENT',
  'NOT_FOUND',
  'FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING',
] as const;

/** The codes that each call documents, and that `TossPayments-Test-Code` can force on it. */
export const documentedCodes: Readonly<Record<CallName, ReadonlySet<ErrorCode>>> = {
  confirm: new Set<ErrorCode>([
    ...everyPost,
    ...declines,
    'ALREADY_PROCESSED_PAYMENT',
    'ALREADY_PROCESSING_REQUEST',
    'CARD_PROCESSING_ERROR',
    'UNAPPROVED_ORDER_ID',
    'NOT_AVAILABLE_PAYMENT',
    'INVALID_AUTHORIZE_AUTH',
    'NOT_FOUND_TERMINAL_ID',
    'INVALID_UNREGISTERED_SUBMALL',
    'NOT_REGISTERED_BUSINESS',
    'NOT_AVAILABLE_BANK',
    'NOT_FOUND_PAYMENT',
    'NOT_FOUND_PAYMENT_SESSION',
    'FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING',
    'FAILED_INTERNAL_SYSTEM_PROCESSING',
    'UNKNOWN_PAYMENT_ERROR',
  ]),
  cancel: new Set<ErrorCode>([
    ...everyPost,
    'ALREADY_CANCELED_PAYMENT',
    'ALREADY_REFUND_PAYMENT',
    'NOT_MATCHES_REFUNDABLE_AMOUNT',
    'INVALID_REFUND_ACCOUNT_INFO',
    'INVALID_REFUND_ACCOUNT_NUMBER',
    'INVALID_BANK',
    'EXCEED_CANCEL_AMOUNT_DISCOUNT_AMOUNT',
    'REFUND_REJECTED',
    'FORBIDDEN_BANK_REFUND_REQUEST',
    'NOT_CANCELABLE_AMOUNT',
    'NOT_CANCELABLE_PAYMENT',
    'EXCEED_MAX_REFUND_DUE',
    'NOT_ALLOWED_PARTIAL_REFUND',
    'NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT',
    'NOT_CANCELABLE_PAYMENT_FOR_DORMANT_USER',
    'EXCEED_CANCEL_LIMIT',
    'FORBIDDEN_CONSECUTIVE_REQUEST',
    'NOT_AVAILABLE_BANK',
    'NOT_FOUND_PAYMENT',
    'FAILED_INTERNAL_SYSTEM_PROCESSING',
    'FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING',
    'FAILED_REFUND_PROCESS',
    'FAILED_METHOD_HANDLING_CANCEL',
    'COMMON_ERROR',
    'FAILED_PARTIAL_REFUND',
  ]),
  query: new Set<ErrorCode>(everyQuery),
  'query-by-order': new Set<ErrorCode>(everyQuery),
  transactions: new Set<ErrorCode>([...everyQuery, 'INVALID_REQUEST']),
  'virtual-accounts': new Set<ErrorCode>([
    ...everyPost,
    'INVALID_ORDER_ID',
    'DUPLICATED_ORDER_ID',
    'INVALID_BANK',
    'BELOW_MINIMUM_AMOUNT',
    'FAILED_INTERNAL_SYSTEM_PROCESSING',
  ]),
};
