import { needsKey, type RouteAuth, type RouteSpec } from '@usher/contract/route.ts';
import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { cleanTexts } from '../texts.ts';
import { readCallerAddress } from './caller-address.ts';
import { type Refusal, refuse, validationRefusal } from './problem.ts';
import { type RateLimiter, toSubscriber } from './rate-limit.ts';
import type { Caller, RouteRequest } from './route.ts';

/** Who may call, as the program knows it; neither method may do any I/O. */
export type Guard = {
  /** Whom an access token identifies, or null. */
  authenticate: (accessToken: string) => Caller | null;
  /** Whether a caller may use routes of this kind. */
  mayCall: (auth: RouteAuth, caller: Caller) => boolean;
};

const keyPattern = /^[\x21-\x7e]{16,255}$/;

/** Whether an address may carry more than plain ASCII: only then its texts are looked at. */
const hasOddTexts = (url: string): boolean => /[^\x21-\x24\x26-\x7e]/.test(url);

/** The rule for all texts, for what the address carries; bodies are cleaned when parsed. */
const cleanAddress = (request: FastifyRequest): Refusal | null => {
  if (!hasOddTexts(request.url)) return null;
  // A text that cannot be stored names nothing.
  if (cleanTexts(request.params as Record<string, unknown>) !== null) return refuse('NOT_FOUND');
  const fault = cleanTexts(request.query as Record<string, unknown>);
  return fault === null ? null : validationRefusal('query', [fault]);
};

const parsePart = (
  schema: z.ZodType | undefined,
  where: string,
  value: unknown,
): { value: unknown } | { refusal: Refusal } => {
  if (schema === undefined) return { value: undefined };
  // A JSON `null` is not a body of ours; a missing body is reported field by field.
  const parsed = schema.safeParse(value === undefined ? {} : value);
  return parsed.success
    ? { value: parsed.data }
    : { refusal: validationRefusal(where, parsed.error.issues) };
};

const callerOf = (guard: Guard, request: FastifyRequest): Caller | null => {
  const token = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
  return token === undefined ? null : guard.authenticate(token);
};

/**
 * The caller's limit, then that of the caller's address if the route has one. A costly public route
 * counts the address even if a token comes along: accounts are cheaper than addresses.
 */
const waitMsOf = (
  limiter: RateLimiter,
  { name, rate, rateBy, addressRate }: RouteSpec,
  caller: Caller | null,
  address: string,
): number => {
  const counted = rateBy === 'address' ? null : caller;
  const waitMs = limiter.waitMs(`${name} ${counted?.accountId ?? toSubscriber(address)}`, rate);
  if (waitMs > 0 || addressRate === undefined) return waitMs;
  return limiter.waitMs(`${name} at ${toSubscriber(address)}`, addressRate);
};

const idempotencyKeyOf = (
  spec: RouteSpec,
  request: FastifyRequest,
): { key: string | null } | { refusal: Refusal } => {
  const header = request.headers['idempotency-key'];
  const key = typeof header === 'string' && spec.idempotency !== undefined ? header : null;
  if (key === null && needsKey(spec)) return { refusal: refuse('IDEMPOTENCY_KEY_MISSING') };
  if (key !== null && !keyPattern.test(key))
    return {
      refusal: refuse('IDEMPOTENCY_KEY_MISSING', {
        detail: 'An Idempotency-Key has 16 to 255 visible ASCII characters.',
      }),
    };
  return { key };
};

/**
 * Everything that is decided before the handler, in this order: who is calling, whether they may,
 * how often, and whether the request matches the schema. So nobody learns what is wrong with a
 * request that they may not make. `limiter` null: no rate limits.
 */
export const admit = (
  guard: Guard,
  limiter: RateLimiter | null,
  spec: RouteSpec,
  request: FastifyRequest,
): RouteRequest<RouteSpec> | { refusal: Refusal } => {
  const caller = callerOf(guard, request);
  if (caller === null && spec.auth !== 'public') return { refusal: refuse('UNAUTHENTICATED') };
  if (caller !== null && !guard.mayCall(spec.auth, caller)) return { refusal: refuse('FORBIDDEN') };
  if (spec.confirmed === 'required' && caller?.mustConfirm === true)
    return { refusal: refuse('EMAIL_NOT_CONFIRMED') };
  const address = readCallerAddress(request);
  const waitMs = limiter === null ? 0 : waitMsOf(limiter, spec, caller, address);
  if (waitMs > 0) return { refusal: refuse('TOO_MANY_REQUESTS', { retryAfterMs: waitMs }) };
  const odd = cleanAddress(request);
  if (odd !== null) return { refusal: odd };
  const params = parsePart(spec.params, 'params', request.params);
  // An id that cannot be parsed names nothing: respond as for one that does not exist.
  if ('refusal' in params) return { refusal: refuse('NOT_FOUND') };
  const query = parsePart(spec.query, 'query', request.query);
  if ('refusal' in query) return query;
  const body = parsePart(spec.body, 'body', request.body);
  if ('refusal' in body) return body;
  const idempotency = idempotencyKeyOf(spec, request);
  if ('refusal' in idempotency) return idempotency;
  return {
    params: params.value as never,
    query: query.value as never,
    body: body.value as never,
    caller: caller as never,
    address,
    traceId: request.id,
    idempotencyKey: idempotency.key as never,
    raw: request,
  };
};
