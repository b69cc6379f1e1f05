import { z } from 'zod';
import { roomProblems } from './room-problems.ts';

/**
 * The one catalogue of refusals and failures that cross the wire (RFC 9457). `retryable`: the same
 * request may succeed later without any change. Each code has a page in docs/problems, made from
 * `title`, `meaning` and `remedy`.
 */
type Problem = {
  readonly status: number;
  readonly title: string;
  readonly retryable: boolean;
  readonly meaning: string;
  readonly remedy: string;
};

const define = <const C extends Record<string, Problem>>(catalogue: C): C => catalogue;

export const problems = define({
  VALIDATION_FAILED: {
    status: 400,
    title: 'The request does not fit its description',
    retryable: false,
    meaning: 'A field is missing, unknown or out of bounds. Nothing was changed.',
    remedy: 'Read `errors`: each entry names the field and what it must be.',
  },
  MALFORMED_REQUEST: {
    status: 400,
    title: 'The request cannot be read',
    retryable: false,
    meaning: 'The body is not valid JSON, or its media type or length header is wrong.',
    remedy: 'Send `Content-Type: application/json` and a well-formed body.',
  },
  IDEMPOTENCY_KEY_MISSING: {
    status: 400,
    title: 'This call needs an Idempotency-Key',
    retryable: false,
    meaning: 'The call can take seats or money, so a repeat must be recognisable.',
    remedy: 'Send a fresh random `Idempotency-Key` of 16 to 255 characters; repeat it on retries.',
  },
  UNAUTHENTICATED: {
    status: 401,
    title: 'Sign in first',
    retryable: false,
    meaning: 'The access token is missing, expired, forged or was logged out.',
    remedy: 'Refresh the token or log in again, then repeat the request.',
  },
  CREDENTIALS_WRONG: {
    status: 401,
    title: 'The e-mail or the password is wrong',
    retryable: false,
    meaning: 'No account matches. The answer is the same whether the e-mail is known or not.',
    remedy: 'Check both and try again.',
  },
  REFRESH_REFUSED: {
    status: 401,
    title: 'The session has ended',
    retryable: false,
    meaning: 'The refresh token is missing, expired, already used, or its session was logged out.',
    remedy: 'Log in again. If you did not use it twice yourself, change your password.',
  },
  FORBIDDEN: {
    status: 403,
    title: 'Your role does not allow this',
    retryable: false,
    meaning: 'The account is known but may not call this.',
    remedy: 'Use an account with the role that the route names.',
  },
  ORIGIN_REFUSED: {
    status: 403,
    title: 'This call may not come from another site',
    retryable: false,
    meaning: 'A cookie-bearing call arrived with a foreign Origin.',
    remedy: 'Call from the ticket office’s own pages or an allowed origin.',
  },
  SALE_NOT_OPEN: {
    status: 403,
    title: 'The sale has not opened yet',
    retryable: true,
    meaning: 'Seats can be taken from `opensAt` on, by the server’s clock.',
    remedy: 'Wait until `opensAt`; `retryAfterMs` says how long that is.',
  },
  SALE_CLOSED: {
    status: 403,
    title: 'The sale has closed',
    retryable: false,
    meaning: 'This performance is no longer sold.',
    remedy: 'Choose another performance.',
  },
  NOT_FOUND: {
    status: 404,
    title: 'There is nothing here',
    retryable: false,
    meaning: 'The thing does not exist, or it is somebody else’s.',
    remedy: 'Check the address and the account that you are signed in with.',
  },
  ROUTE_NOT_FOUND: {
    status: 404,
    title: 'There is no such route',
    retryable: false,
    meaning: 'No route has this method and path.',
    remedy: 'See /openapi.json or /docs for every route.',
  },
  PASSWORD_TOO_COMMON: {
    status: 422,
    title: 'This password is among the first that attackers try',
    retryable: false,
    meaning: 'Nothing was changed.',
    remedy: 'Choose another password, for example four words that belong together only for you.',
  },
  EMAIL_TAKEN: {
    status: 409,
    title: 'This e-mail already has an account',
    retryable: false,
    meaning: 'Nothing was changed.',
    remedy: 'Log in, or use another e-mail.',
  },
  SEATS_TAKEN: {
    status: 409,
    title: 'Somebody else has one of these seats',
    retryable: false,
    meaning: '`conflicts` names the seats; none of the others was taken for you.',
    remedy: 'Choose other seats, or ask for the best available.',
  },
  SEATS_BLOCKED: {
    status: 409,
    title: 'One of these seats is not for sale',
    retryable: false,
    meaning: '`conflicts` names the seats that the organiser keeps back.',
    remedy: 'Choose other seats.',
  },
  NO_ADJACENT_SEATS: {
    status: 409,
    title: 'No such seats together are left',
    retryable: false,
    meaning: 'The grade has no run of that many free seats side by side.',
    remedy: 'Ask for fewer, another grade, or choose single seats on the map.',
  },
  SEAT_LEFT_STRANDED: {
    status: 409,
    title: 'The choice would leave a single seat nobody can use well',
    retryable: false,
    meaning: '`conflicts` names the seat that would be left alone between taken ones.',
    remedy: 'Move the choice by one seat.',
  },
  BUYER_LIMIT_REACHED: {
    status: 409,
    title: 'The limit of tickets for one buyer is reached',
    retryable: false,
    meaning: 'Held, paying and paid seats of this performance count together; see `limit`.',
    remedy: 'Release a hold first, or choose fewer seats.',
  },
  SHOW_SOLD_OUT: {
    status: 409,
    title: 'Sold out',
    retryable: false,
    meaning: 'No seat of this performance is free, and none is held by somebody else.',
    remedy: 'Choose another performance.',
  },
  HOLD_ENDED: {
    status: 409,
    title: 'The hold has ended',
    retryable: false,
    meaning: 'Its time is over or it was released; its seats are on sale again. No money moved.',
    remedy: 'Choose seats again.',
  },
  HOLD_EXTENDED_ALREADY: {
    status: 409,
    title: 'The hold was extended before',
    retryable: false,
    meaning: 'A hold restarts once, and never lasts longer than its absolute end.',
    remedy: 'Pay before the deadline that the hold shows.',
  },
  HOLD_HAS_ORDER: {
    status: 409,
    title: 'This hold already has an open order',
    retryable: false,
    meaning: '`orderId` names it; a hold is bought by one order at a time.',
    remedy: 'Go on with that order, or cancel it first.',
  },
  ORDER_NOT_PAYABLE: {
    status: 409,
    title: 'The order cannot be paid now',
    retryable: false,
    meaning:
      '`state` says why: it was paid, has failed, was cancelled, or a payment is on its way.',
    remedy: 'Read the order again; order anew if its seats were freed.',
  },
  ORDER_NOT_CANCELLABLE: {
    status: 409,
    title: 'The order cannot be cancelled in this state',
    retryable: false,
    meaning: 'Only an order that waits for its payment can be dropped.',
    remedy: 'Read the order again.',
  },
  AMOUNT_MISMATCH: {
    status: 409,
    title: 'The amount is not the order’s amount',
    retryable: false,
    meaning: 'The server’s price stands; nothing was sent to the payment provider.',
    remedy: 'Start the payment again from the order page.',
  },
  PAYMENT_DECLINED: {
    status: 402,
    title: 'The payment was declined',
    retryable: false,
    meaning: 'The provider said a definite no (`providerCode`); no money moved.',
    remedy: 'While `holdId` still runs, order again and pay by another card.',
  },
  PAYMENT_PROVIDER_REFUSED: {
    status: 502,
    title: 'The payment provider does not accept our request',
    retryable: false,
    meaning: 'A set-up fault between us and the provider; no money moved.',
    remedy: 'Nothing you can do; the operator is told. Your seats stay yours while the hold runs.',
  },
  LAYOUT_REFUSED: {
    status: 422,
    title: 'The seating plan has faults',
    retryable: false,
    meaning: '`errors` lists every fault with its line; nothing was saved.',
    remedy: 'Mend the lines and send the file again.',
  },
  SHOW_RULE_BROKEN: {
    status: 422,
    title: 'The show or performance breaks a rule',
    retryable: false,
    meaning: '`errors` names the fields, for example a grade without a price.',
    remedy: 'Mend the fields and send again.',
  },
  ...roomProblems,
  IDEMPOTENCY_KEY_REUSED: {
    status: 422,
    title: 'This Idempotency-Key belongs to another request',
    retryable: false,
    meaning: 'The key was used before with a different body. Nothing was changed.',
    remedy: 'Use a fresh key for a new request.',
  },
  IDEMPOTENCY_KEY_RUNNING: {
    status: 409,
    title: 'The first request with this key is still running',
    retryable: true,
    meaning: 'Its answer will be the answer to this one too.',
    remedy: 'Repeat with the same key after `Retry-After`.',
  },
  BODY_TOO_LARGE: {
    status: 413,
    title: 'The request body is too large',
    retryable: false,
    meaning: 'The route’s limit was passed.',
    remedy: 'Send less.',
  },
  HEADERS_TOO_LARGE: {
    status: 431,
    title: 'The request’s headers are too large',
    retryable: false,
    meaning: 'The request line and the headers together passed 16 kB. The connection was closed.',
    remedy: 'Send fewer cookies, or a shorter address.',
  },
  REQUEST_TIMEOUT: {
    status: 408,
    title: 'The request took too long to arrive',
    retryable: true,
    meaning: 'Its headers or its body did not come in time. The connection was closed.',
    remedy: 'Repeat on a new connection, with the same Idempotency-Key.',
  },
  TOO_MANY_REQUESTS: {
    status: 429,
    title: 'Too many requests',
    retryable: true,
    meaning: 'You or your address are calling faster than the route allows.',
    remedy: 'Wait for `Retry-After` and go on; nothing that you hold is lost.',
  },
  PROVIDER_UNAVAILABLE: {
    status: 503,
    title: 'Payments cannot be made right now',
    retryable: false,
    meaning: 'The payment provider could not be reached: no money moved, and the order has failed.',
    remedy: 'Order again shortly: your seats stay yours while `holdId` runs.',
  },
  OVERLOADED: {
    status: 503,
    title: 'The ticket office is at its limit',
    retryable: true,
    meaning: 'The request was turned away before any work was done.',
    remedy: 'Repeat after `Retry-After`, with the same Idempotency-Key.',
  },
  UNAVAILABLE: {
    status: 503,
    title: 'A part of the ticket office cannot be reached',
    retryable: true,
    meaning: 'The outcome may be unknown; a repeat with the same key cannot act twice.',
    remedy: 'Repeat after `Retry-After`, with the same Idempotency-Key.',
  },
  INTERNAL: {
    status: 500,
    title: 'Something broke on our side',
    retryable: false,
    meaning: 'A fault in the program; `traceId` finds it in the log.',
    remedy: 'Report the traceId. A repeat with the same Idempotency-Key cannot act twice.',
  },
});

export type ProblemCode = keyof typeof problems;
export const problemCodes = Object.keys(problems) as [ProblemCode, ...ProblemCode[]];

/** The body of every answer that is not a success: `application/problem+json`. */
export const problemBody = z.looseObject({
  type: z.string().meta({ example: '/docs/problems/SEATS_TAKEN' }),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  instance: z.string(),
  code: z.enum(problemCodes),
  retryable: z.boolean(),
  retryAfterMs: z.int().optional(),
  traceId: z.string(),
  errors: z
    .array(z.strictObject({ path: z.string(), message: z.string() }))
    .optional()
    .meta({ description: 'Field by field, or line by line for files.' }),
});
export type ProblemBody = z.infer<typeof problemBody>;
