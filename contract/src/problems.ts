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
    title: 'The request does not match the API schema',
    retryable: false,
    meaning: 'A field is missing, unknown or out of range. Nothing was changed.',
    remedy: 'Read `errors`: each entry names the field and what it must be.',
  },
  MALFORMED_REQUEST: {
    status: 400,
    title: 'The request cannot be parsed',
    retryable: false,
    meaning: 'The body is not valid JSON, or its Content-Type or Content-Length is wrong.',
    remedy: 'Send `Content-Type: application/json` and a well-formed body.',
  },
  IDEMPOTENCY_KEY_MISSING: {
    status: 400,
    title: 'This request needs an Idempotency-Key',
    retryable: false,
    meaning: 'The request can take seats or money, so a retry must be recognisable.',
    remedy: 'Send a new random `Idempotency-Key` of 16 to 255 characters; reuse it on retries.',
  },
  UNAUTHENTICATED: {
    status: 401,
    title: 'Sign in first',
    retryable: false,
    meaning: 'The access token is missing, expired or invalid, or its session was logged out.',
    remedy: 'Refresh the token or sign in again, then retry the request.',
  },
  CREDENTIALS_WRONG: {
    status: 401,
    title: 'Wrong e-mail or password',
    retryable: false,
    meaning: 'No account matches. The response does not reveal whether the e-mail has one.',
    remedy: 'Check both and try again.',
  },
  REFRESH_REFUSED: {
    status: 401,
    title: 'The session has ended',
    retryable: false,
    meaning: 'The refresh token is missing, expired, already used, or its session was logged out.',
    remedy: 'Sign in again. If you did not use the token twice yourself, change your password.',
  },
  FORBIDDEN: {
    status: 403,
    title: 'Your role does not allow this',
    retryable: false,
    meaning: 'You are signed in, but this account may not make this request.',
    remedy: 'Use an account with the role that the route requires.',
  },
  ORIGIN_REFUSED: {
    status: 403,
    title: 'This request may not come from another site',
    retryable: false,
    meaning: 'A request with a cookie arrived from an origin that is not allowed.',
    remedy: 'Send the request from the ticket office’s own pages or from an allowed origin.',
  },
  SALE_NOT_OPEN: {
    status: 403,
    title: 'The sale has not opened yet',
    retryable: true,
    meaning: 'Seats can be held from `opensAt` on, by the server’s clock.',
    remedy: 'Wait until `opensAt`; `retryAfterMs` says how long that is.',
  },
  SALE_CLOSED: {
    status: 403,
    title: 'The sale has closed',
    retryable: false,
    meaning: 'Tickets for this performance are no longer sold.',
    remedy: 'Choose another performance.',
  },
  NOT_FOUND: {
    status: 404,
    title: 'Not found',
    retryable: false,
    meaning: 'It does not exist, or it belongs to another account.',
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
    title: 'This password is one of the first that attackers try',
    retryable: false,
    meaning: 'Nothing was changed.',
    remedy:
      'Choose another password, for example four unrelated words that only you would combine.',
  },
  EMAIL_NOT_CONFIRMED: {
    status: 403,
    title: 'Confirm your e-mail address first',
    retryable: false,
    meaning: 'Nobody has proved yet that your tickets would arrive at this address.',
    remedy: 'Request a code, confirm the address with it, and repeat this with the new token.',
  },
  EMAIL_CONFIRMED_ALREADY: {
    status: 409,
    title: 'This e-mail address is already confirmed',
    retryable: false,
    meaning: 'Nothing was sent.',
    remedy: 'There is nothing to do. If your token is older than that, refresh it.',
  },
  PASSWORD_WRONG: {
    status: 403,
    title: 'Wrong password',
    retryable: false,
    meaning: 'This is not the password of the account that you are signed in with.',
    remedy: 'Type it again, or set a new one with a code by mail.',
  },
  CODE_WRONG: {
    status: 422,
    title: 'This code is not valid',
    retryable: false,
    meaning: 'It is mistyped, older than an hour, was used already, or belongs to another account.',
    remedy: 'Compare it with the newest mail, or request a new code.',
  },
  EMAIL_TAKEN: {
    status: 409,
    title: 'This e-mail already has an account',
    retryable: false,
    meaning: 'Nothing was changed.',
    remedy: 'Sign in, or use another e-mail.',
  },
  SEATS_TAKEN: {
    status: 409,
    title: 'Someone else has one of these seats',
    retryable: false,
    meaning: '`conflicts` lists those seats. None of the seats was held for you.',
    remedy: 'Choose other seats, or ask for the best available.',
  },
  SEATS_ALREADY_YOURS: {
    status: 409,
    title: 'You already have one of these seats',
    retryable: false,
    meaning:
      '`conflicts` lists your seats, `holdId` names the hold they are in and `orderId` its order, if there is one. Nothing was changed.',
    remedy: 'Continue with that hold, release it first, or choose other seats.',
  },
  SEATS_BLOCKED: {
    status: 409,
    title: 'One of these seats is not for sale',
    retryable: false,
    meaning: '`conflicts` lists the seats that the organiser keeps off sale.',
    remedy: 'Choose other seats.',
  },
  NO_SEATS_FREE: {
    status: 409,
    title: 'No seat of this grade is free now',
    retryable: false,
    meaning:
      '`left` seats of the grade are held by buyers who have not paid yet and may come back; 0: all are sold.',
    remedy: 'Try again later while `left` is above 0, or choose another grade.',
  },
  NO_ADJACENT_SEATS: {
    status: 409,
    title: 'Not enough seats together are left',
    retryable: false,
    meaning: 'The grade does not have that many free seats side by side; single ones may be free.',
    remedy: 'Ask for fewer seats or another grade, or choose single seats on the map.',
  },
  SEAT_LEFT_STRANDED: {
    status: 409,
    title: 'This choice would leave a single seat stranded',
    retryable: false,
    meaning: '`conflicts` names the free seat that would be left between taken ones.',
    remedy: 'Move your choice by one seat.',
  },
  BUYER_LIMIT_REACHED: {
    status: 409,
    title: 'You have reached the ticket limit for one buyer',
    retryable: false,
    meaning: 'Held, paying and paid seats of this performance all count; `limit` is the maximum.',
    remedy: 'Release a hold first, or choose fewer seats.',
  },
  SHOW_SOLD_OUT: {
    status: 409,
    title: 'Sold out',
    retryable: false,
    meaning: 'No seat of this performance is free, and none is held by another buyer.',
    remedy: 'Choose another performance.',
  },
  HOLD_ENDED: {
    status: 409,
    title: 'The hold has ended',
    retryable: false,
    meaning: 'It expired or was released, and its seats are on sale again. You were not charged.',
    remedy: 'Choose seats again.',
  },
  HOLD_EXTENDED_ALREADY: {
    status: 409,
    title: 'The hold was already extended',
    retryable: false,
    meaning: 'The timer of a hold restarts only once, and never runs past `endsBy`.',
    remedy: 'Pay before the `deadline` of the hold.',
  },
  HOLD_HAS_ORDER: {
    status: 409,
    title: 'This hold already has an open order',
    retryable: false,
    meaning: '`orderId` is that order; a hold can have only one open order at a time.',
    remedy: 'Continue with that order, or cancel it first.',
  },
  ORDER_NOT_PAYABLE: {
    status: 409,
    title: 'The order cannot be paid now',
    retryable: false,
    meaning:
      '`state` says why: it is paid, failed or cancelled, or a payment is already in progress.',
    remedy: 'Reload the order. If its seats were released, place a new order.',
  },
  ORDER_NOT_CANCELLABLE: {
    status: 409,
    title: 'The order cannot be cancelled in this state',
    retryable: false,
    meaning: 'Only an order that is waiting for payment can be cancelled.',
    remedy: 'Reload the order to see its state.',
  },
  AMOUNT_MISMATCH: {
    status: 409,
    title: 'The amount does not match the order',
    retryable: false,
    meaning: 'The server’s price is the one that counts. Nothing was sent to the payment provider.',
    remedy: 'Start the payment again from the order page.',
  },
  PAYMENT_DECLINED: {
    status: 402,
    title: 'The payment was declined',
    retryable: false,
    meaning: 'The payment provider declined the payment (`providerCode`). You were not charged.',
    remedy: 'Place a new order before the hold `holdId` expires, and pay with another card.',
  },
  PAYMENT_PROVIDER_REFUSED: {
    status: 502,
    title: 'The payment provider does not accept our request',
    retryable: false,
    meaning: 'Our connection to the payment provider is set up wrongly. You were not charged.',
    remedy:
      'There is nothing you need to do; the operator has been notified. Your seats stay reserved until the hold expires.',
  },
  LAYOUT_REFUSED: {
    status: 422,
    title: 'The seating plan has errors',
    retryable: false,
    meaning: '`errors` lists every error with its line number. Nothing was saved.',
    remedy: 'Fix the lines listed and upload the file again.',
  },
  SHOW_RULE_BROKEN: {
    status: 422,
    title: 'The show or performance breaks a rule',
    retryable: false,
    meaning: '`errors` names the fields, for example a grade without a price.',
    remedy: 'Fix the fields listed and send the request again.',
  },
  GRADES_FIXED: {
    status: 409,
    title: 'Seats of a performance have been held with these grades',
    retryable: false,
    meaning:
      'From its first hold on a performance keeps the grades it is sold with; `performanceIds` names the performances. Nothing was changed.',
    remedy:
      'Send `fixedPerformances: "keep"` to repaint only the other performances and those added later. Names and prices can be changed at any time.',
  },
  ...roomProblems,
  IDEMPOTENCY_KEY_REUSED: {
    status: 422,
    title: 'This Idempotency-Key belongs to another request',
    retryable: false,
    meaning:
      'The key, or the payment attempt, was already used with a different request. Nothing was changed.',
    remedy: 'Use a new key for each new request, and a new attempt for each payment.',
  },
  IDEMPOTENCY_KEY_RUNNING: {
    status: 409,
    title: 'The first request with this key is still running',
    retryable: true,
    meaning: 'Both requests will get the same response.',
    remedy: 'Retry with the same key after `Retry-After`.',
  },
  BODY_TOO_LARGE: {
    status: 413,
    title: 'The request body is too large',
    retryable: false,
    meaning: 'The body is larger than this route accepts.',
    remedy: 'Send a smaller body.',
  },
  HEADERS_TOO_LARGE: {
    status: 431,
    title: 'The request’s headers are too large',
    retryable: false,
    meaning: 'The request line and headers together exceed 16 kB. The connection was closed.',
    remedy: 'Send fewer cookies or a shorter URL.',
  },
  REQUEST_TIMEOUT: {
    status: 408,
    title: 'The request took too long to arrive',
    retryable: true,
    meaning: 'Its headers or body did not arrive in time. The connection was closed.',
    remedy: 'Retry on a new connection, with the same Idempotency-Key.',
  },
  TOO_MANY_REQUESTS: {
    status: 429,
    title: 'Too many requests',
    retryable: true,
    meaning: 'Your account or your IP address sends requests faster than this route allows.',
    remedy: 'Wait for `Retry-After`, then continue. You lose no seats and no place in line.',
  },
  PROVIDER_UNAVAILABLE: {
    status: 503,
    title: 'Payments cannot be made right now',
    retryable: false,
    meaning:
      'The payment provider could not be reached. You were not charged, and the order failed.',
    remedy: 'Place a new order soon: your seats stay reserved until the hold `holdId` expires.',
  },
  OVERLOADED: {
    status: 503,
    title: 'The ticket office is overloaded',
    retryable: true,
    meaning: 'The request was rejected before any work was done.',
    remedy: 'Retry after `Retry-After`, with the same Idempotency-Key.',
  },
  UNAVAILABLE: {
    status: 503,
    title: 'Part of the ticket office is unavailable',
    retryable: true,
    meaning: 'The outcome may be unknown. A retry with the same key cannot act twice.',
    remedy: 'Retry after `Retry-After`, with the same Idempotency-Key.',
  },
  INTERNAL: {
    status: 500,
    title: 'Something went wrong on our side',
    retryable: false,
    meaning: 'A bug in the program; search the log for `traceId`.',
    remedy: 'Report the traceId. A retry with the same Idempotency-Key cannot act twice.',
  },
});

export type ProblemCode = keyof typeof problems;
export const problemCodes = Object.keys(problems) as [ProblemCode, ...ProblemCode[]];

/** The body of every error response: `application/problem+json`. */
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
