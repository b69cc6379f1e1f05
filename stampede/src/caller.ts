import { type ProblemBody, type ProblemCode, problemBody } from '@usher/contract/problems.ts';
import type { RouteSpec } from '@usher/contract/route.ts';
import { isRawBody } from '@usher/contract/route.ts';
import { passHeader } from '@usher/contract/waiting-room.ts';
import type { z } from 'zod';
import type { Clock } from '../../server/src/platform/clock.ts';
import type { HttpClient, Reply } from './http.ts';
import type { Notes } from './notes.ts';

/** Who calls: the token may be renewed on the way. */
export type Session = {
  accessToken: string;
  /** The address that the person calls from, where the server believes what we say of it. */
  address: string | null;
  /** Of the show's waiting room, once it was this person's turn. */
  pass: string | null;
  /** Gets a fresh access token; false when the session is over. */
  renew(): Promise<boolean>;
};

export type Call<S extends RouteSpec> = {
  spec: S;
  /** The name in the report; calls that a person does not wait for have none. */
  step: string | null;
  params?: Readonly<Record<string, string>>;
  query?: Readonly<Record<string, string>>;
  body?: unknown;
  /** The same for every repeat of the call. */
  key?: string;
  session: Session | null;
  /** Without the access token, as what is the same for everybody is asked for. */
  isAnonymous?: boolean;
  /** Of the answer that one has; 304 says that it is still the same. */
  etag?: string;
  cookie?: string;
  /** When the person wanted it, on the monotonic clock: latencies count from here. */
  fromMs: number;
  signal: AbortSignal;
};

type Body<S extends RouteSpec> = {
  [Status in keyof S['responses'] & number]: S['responses'][Status] extends z.ZodType<infer B>
    ? { outcome: 'answer'; status: Status; body: B; reply: Reply }
    : { outcome: 'answer'; status: Status; body: null; reply: Reply };
}[keyof S['responses'] & number];

/**
 * `refused`: the server's definite no. `gave-up`: it could not be brought to answer within the
 * patience, or the run was ended; what became of the call is unknown.
 */
export type Outcome<S extends RouteSpec> =
  | Body<S>
  | { outcome: 'refused'; code: ProblemCode; problem: ProblemBody }
  | { outcome: 'gave-up'; why: string };

export type Caller = {
  readonly origin: string;
  call<S extends RouteSpec>(call: Call<S>): Promise<Outcome<S>>;
};

const firstPauseMs = 100;
const longestPauseMs = 2000;
/** A bug on the other side is not mended by asking for a minute. */
const brokenTriesMax = 4;

type Verdict =
  | { next: 'done' }
  /** `isSilence`: the server could not do its work, which wears the patience out. */
  | { next: 'again'; why: string; afterMs: number | null; isSilence: boolean }
  | { next: 'renew' };

const retryAfterMs = (reply: Reply): number | null => {
  const seconds = Number(reply.headers['retry-after']);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : null;
};

const problemOf = (reply: Reply): ProblemBody | null => {
  if (!String(reply.headers['content-type']).startsWith('application/problem+json')) return null;
  const parsed = problemBody.safeParse(JSON.parse(reply.body.toString()));
  return parsed.success ? parsed.data : null;
};

const decidedByProvider: ReadonlySet<ProblemCode> = new Set([
  'PAYMENT_PROVIDER_REFUSED',
  'PROVIDER_UNAVAILABLE',
]);

const judge = (reply: Reply, problem: ProblemBody | null): Verdict => {
  const again = (isSilence: boolean): Verdict => {
    const afterMs = problem?.retryAfterMs ?? retryAfterMs(reply);
    return { next: 'again', why: problem?.code ?? `HTTP_${reply.status}`, afterMs, isSilence };
  };
  if (problem?.code === 'UNAUTHENTICATED') return { next: 'renew' };
  if (problem?.code === 'IDEMPOTENCY_KEY_RUNNING') return again(true);
  if (reply.status === 429) return again(false);
  // What the payment provider refused, or never heard of, is decided.
  const isDecided = problem !== null && decidedByProvider.has(problem.code);
  if (reply.status >= 500 && !isDecided) return again(true);
  return { next: 'done' };
};

/**
 * Calls as a good client does: a call that got no answer, or was told to come later, is repeated
 * with the same Idempotency-Key, patiently, until the server has been silent for `patienceMs`.
 */
export const makeCaller = (deps: {
  http: HttpClient;
  origin: string;
  clock: Clock;
  notes: Notes;
  patienceMs: number;
}): Caller => {
  const { http, origin, clock, notes, patienceMs } = deps;
  /** The last public document of each route: ten thousand people are told the same. */
  const lastTold = new Map<string, { bytes: Buffer; body: unknown }>();

  const bodyIn = (spec: RouteSpec, schema: z.ZodType, bytes: Buffer): unknown => {
    const told = lastTold.get(spec.name);
    if (told?.bytes.equals(bytes)) return told.body;
    const body = schema.parse(JSON.parse(bytes.toString()));
    if (spec.auth === 'public') lastTold.set(spec.name, { bytes, body });
    return body;
  };

  const answerOf = <S extends RouteSpec>(
    spec: S,
    reply: Reply,
    problem: ProblemBody | null,
  ): Outcome<S> => {
    if (problem !== null) return { outcome: 'refused', code: problem.code, problem };
    const schema = spec.responses[reply.status];
    if (schema === undefined)
      throw new Error(`${spec.name} answered ${reply.status}, which its contract does not know`);
    const isJson = schema !== null && !isRawBody(schema);
    const body = isJson ? bodyIn(spec, schema, reply.body) : null;
    return { outcome: 'answer', status: reply.status, body, reply } as Outcome<S>;
  };

  const call = async <S extends RouteSpec>(wanted: Call<S>): Promise<Outcome<S>> => {
    const { spec, step, session, signal } = wanted;
    const request = { origin, method: spec.method, path: pathOf(wanted), body: bodyOf(wanted) };
    let silentSinceMs: number | null = null;
    let pauseMs = firstPauseMs;
    let brokenTries = 0;
    let hasRenewed = false;
    for (;;) {
      if (signal.aborted) return { outcome: 'gave-up', why: 'STOPPED' };
      const askedMs = clock.monotonicMs();
      const sent = await http.send({ ...request, headers: headersOf(wanted) });
      let verdict: Verdict;
      if (sent.outcome === 'no-answer') {
        verdict = { next: 'again', why: sent.code, afterMs: null, isSilence: true };
      } else {
        const { reply } = sent;
        const problem = problemOf(reply);
        verdict = judge(reply, problem);
        if (verdict.next === 'renew') {
          if (hasRenewed || session === null || !(await session.renew()))
            return answerOf(spec, reply, problem);
          hasRenewed = true;
          continue;
        }
        if (verdict.next === 'done') {
          if (step !== null) notes.took(step, clock.monotonicMs() - wanted.fromMs);
          return answerOf(spec, reply, problem);
        }
        if (reply.status === 500 && ++brokenTries >= brokenTriesMax)
          return { outcome: 'gave-up', why: verdict.why };
      }
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

const pathOf = ({ spec, params, query }: Call<RouteSpec>): string => {
  const path = spec.path.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(params?.[name] ?? ''),
  );
  return query === undefined ? path : `${path}?${new URLSearchParams(query)}`;
};

const bodyOf = ({ body }: Call<RouteSpec>): string | null =>
  body === undefined ? null : JSON.stringify(body);

const headersOf = (call: Call<RouteSpec>): Record<string, string> => {
  const { body, key, session, isAnonymous, etag, cookie } = call;
  const isKnown = session !== null && isAnonymous !== true && session.accessToken !== '';
  return {
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    ...(key === undefined ? {} : { 'idempotency-key': key }),
    ...(cookie === undefined ? {} : { cookie }),
    ...(etag === undefined ? {} : { 'if-none-match': etag }),
    ...(isKnown ? { authorization: `Bearer ${session.accessToken}` } : {}),
    ...(isKnown && session.pass !== null ? { [passHeader]: session.pass } : {}),
    ...(session?.address == null ? {} : { 'x-forwarded-for': session.address }),
  };
};
