import {
  type Answer,
  checkBody,
  type Fetch,
  makeClient,
  type NoAnswer,
  type ReadBody,
  type Refused,
  type RouteParts,
} from '@usher/contract/client.ts';
import type { ProblemCode } from '@usher/contract/problems.ts';
import type { RouteSpec } from '@usher/contract/route.ts';
import { passHeader } from '@usher/contract/waiting-room.ts';
import type { Clock } from './clock.ts';
import type { HttpClient } from './http.ts';
import type { Notes } from './notes.ts';

/** The account that calls: its token may be refreshed meanwhile. */
export type Session = {
  accessToken: string;
  /** The address that the person calls from, if the server trusts what we send. */
  address: string | null;
  /** The pass of the show's waiting room, once it was this person's turn. */
  pass: string | null;
  /** Refreshes the access token; false if the session has expired. */
  renew(): Promise<boolean>;
};

/** How a person calls. */
export type Manner = {
  /** The name in the report; calls that nobody waits for have none. */
  step: string | null;
  /** Without the access token, as documents that are the same for everybody are requested. */
  isAnonymous?: boolean;
  /** Of the response that the caller has; 304 says that it is still the same. */
  etag?: string | null;
  cookie?: string;
};

/** A call, and the person and the run that it belongs to. */
export type Circumstances = Manner & {
  session: Session | null;
  /** When the person wanted it, on the monotonic clock: latencies count from here. */
  fromMs: number;
  signal: AbortSignal;
};

/**
 * `gave-up`: the server did not respond within the patience, or the run was stopped; the outcome
 * of the call is unknown.
 */
export type Outcome<S extends RouteSpec> =
  | Answer<S>
  | Refused
  | { outcome: 'gave-up'; why: string };

export type Caller = {
  readonly origin: string;
  call<S extends RouteSpec>(
    spec: S,
    parts: RouteParts<S>,
    circumstances: Circumstances,
  ): Promise<Outcome<S>>;
};

const firstPauseMs = 100;
const longestPauseMs = 2000;
/** A bug in the server is not fixed by retrying for a minute. */
const brokenTriesMax = 4;

type Verdict =
  | { next: 'done' }
  /** `isSilence`: the server could not do its work, which uses up the patience. */
  | { next: 'again'; why: string; afterMs: number | null; isSilence: boolean }
  | { next: 'renew' };

const decidedByProvider: ReadonlySet<ProblemCode> = new Set([
  'PAYMENT_PROVIDER_REFUSED',
  'PROVIDER_UNAVAILABLE',
]);

const judge = (said: Refused | NoAnswer): Verdict => {
  const again = (why: string, isSilence: boolean): Verdict => ({
    next: 'again',
    why,
    afterMs: said.retryAfterMs,
    isSilence,
  });
  if (said.outcome === 'no-answer') return again(said.why, said.status !== 429);
  if (said.code === 'UNAUTHENTICATED') return { next: 'renew' };
  if (said.code === 'IDEMPOTENCY_KEY_RUNNING') return again(said.code, true);
  if (said.status === 429) return again(said.code, false);
  // What the payment provider refused, or never received, is decided.
  if (said.status >= 500 && !decidedByProvider.has(said.code)) return again(said.code, true);
  return { next: 'done' };
};

/**
 * Calls as a good client does: a call that got no response, or was told to retry later, is retried
 * with the same Idempotency-Key, until the server has been silent for `patienceMs`.
 * `makeKey`: a fresh random text for each call.
 */
export const makeCaller = (deps: {
  http: HttpClient;
  origin: string;
  clock: Clock;
  notes: Notes;
  patienceMs: number;
  makeKey: () => string;
}): Caller => {
  const { http, origin, clock, notes, patienceMs, makeKey } = deps;
  const client = makeClient({
    fetch: makeFetch(http, origin),
    baseUrl: origin,
    makeKey,
    accessToken: () => null,
    readBody: makeReader(),
    // Below, where a retry is counted and a token refreshed in between.
    retries: null,
  });

  const call = async <S extends RouteSpec>(
    spec: S,
    parts: RouteParts<S>,
    circumstances: Circumstances,
  ): Promise<Outcome<S>> => {
    const { step, session, fromMs, signal } = circumstances;
    const key = spec.idempotency === undefined ? null : makeKey();
    let silentSinceMs: number | null = null;
    let pauseMs = firstPauseMs;
    let brokenTries = 0;
    let hasRenewed = false;
    for (;;) {
      if (signal.aborted) return { outcome: 'gave-up', why: 'STOPPED' };
      const askedMs = clock.monotonicMs();
      const said = await client.call(spec, parts, { key, headers: headersOf(circumstances) });
      const verdict: Verdict = said.outcome === 'answer' ? { next: 'done' } : judge(said);
      if (verdict.next === 'renew') {
        if (hasRenewed || session === null || !(await session.renew())) return said as Refused;
        hasRenewed = true;
        continue;
      }
      if (verdict.next === 'done') {
        if (step !== null) notes.took(step, clock.monotonicMs() - fromMs);
        return said as Answer<S> | Refused;
      }
      if ('status' in said && said.status === 500 && ++brokenTries >= brokenTriesMax)
        return { outcome: 'gave-up', why: verdict.why };
      notes.retried(verdict.why);
      silentSinceMs = verdict.isSilence ? (silentSinceMs ?? askedMs) : null;
      if (silentSinceMs !== null && clock.monotonicMs() - silentSinceMs > patienceMs)
        return { outcome: 'gave-up', why: verdict.why };
      await clock.sleep(verdict.afterMs ?? pauseMs, signal);
      pauseMs = Math.min(2 * pauseMs, longestPauseMs);
    }
  };
  return { origin, call };
};

/** Checks bodies; ten thousand people get the same one, so the last public one is kept. */
const makeReader = (): ReadBody => {
  const lastTold = new Map<string, { bytes: Uint8Array; body: unknown }>();
  return (spec, schema, bytes) => {
    const told = lastTold.get(spec.name);
    if (told !== undefined && Buffer.compare(told.bytes, bytes) === 0) return told.body;
    const body = checkBody(spec, schema, bytes);
    if (spec.auth === 'public') lastTold.set(spec.name, { bytes, body });
    return body;
  };
};

/** The crowd's own connections, in the shape that the client asks for. */
const makeFetch =
  (http: HttpClient, origin: string): Fetch =>
  async (url, { method, headers, body }) => {
    const path = url.slice(origin.length);
    const sent = await http.send({ origin, method, path, headers, body });
    if (sent.outcome === 'no-answer')
      throw Object.assign(new Error('there was no answer'), { code: sent.code });
    const { reply } = sent;
    return {
      status: reply.status,
      headers: {
        get: (name) => {
          const value = reply.headers[name];
          return (Array.isArray(value) ? value[0] : value) ?? null;
        },
      },
      arrayBuffer: async () => reply.body,
    };
  };

const headersOf = (call: Circumstances): Record<string, string> => {
  const { session, isAnonymous, etag, cookie } = call;
  const headers: Record<string, string> = {};
  if (cookie !== undefined) headers['cookie'] = cookie;
  if (etag != null) headers['if-none-match'] = etag;
  if (session !== null && isAnonymous !== true && session.accessToken !== '') {
    headers['authorization'] = `Bearer ${session.accessToken}`;
    if (session.pass !== null) headers[passHeader] = session.pass;
  }
  if (session?.address != null) headers['x-forwarded-for'] = session.address;
  return headers;
};
