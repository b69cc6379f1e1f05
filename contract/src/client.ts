import type { z } from 'zod';
import { type ProblemBody, type ProblemCode, problemBody } from './problems.ts';
import { isRawBody, type RawBody, type RouteSpec } from './route.ts';

/**
 * The one client of the API, typed by the table of routes. It runs wherever there is something
 * shaped like `fetch`: in a browser, in Node, or in a test that hands requests to the program
 * without a socket.
 */
export type Client = {
  /**
   * Calls a route. A refusal of the server and a missing answer are values that the caller must
   * look at; see Outcome. Throws ContractBreach when the server answers what the contract does not
   * allow.
   */
  call<S extends RouteSpec>(spec: S, parts: RouteParts<S>, carried?: Carried): Promise<Outcome<S>>;
  /** The URL of a route, for what is not read in one piece: event streams, pictures, downloads. */
  url<S extends RouteSpec>(spec: S, parts: UrlParts<S>): string;
};

/** As much of `fetch` as the client uses; the global one fits. */
export type Fetch = (
  url: string,
  request: {
    method: RouteSpec['method'];
    headers: Record<string, string>;
    body: string | null;
    signal: AbortSignal | null;
  },
) => Promise<FetchReply>;

/** As much of a Response as the client reads. */
export type FetchReply = {
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  arrayBuffer(): Promise<ArrayBufferLike>;
};

/** A part of a request that the route describes; optional where none of its fields is needed. */
type Part<Name extends string, Schema> = [Schema] extends [z.ZodType]
  ? object extends z.input<Schema>
    ? { readonly [N in Name]?: z.input<Schema> }
    : { readonly [N in Name]: z.input<Schema> }
  : { readonly [N in Name]?: undefined };

/** What goes into a route's URL. */
export type UrlParts<S extends RouteSpec> = Part<'params', S['params']> & Part<'query', S['query']>;

/** What a route asks for. */
export type RouteParts<S extends RouteSpec> = UrlParts<S> & Part<'body', S['body']>;

/** What any call may carry. */
export type Carried = {
  /** Null: without the client's own token. */
  readonly accessToken?: string | null;
  /** The Idempotency-Key; null: none. Without it the client makes one where the route takes one. */
  readonly key?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
};

/** The answers that a route can give, told apart by `status`; what is not JSON comes as bytes. */
export type Answer<S extends RouteSpec> = {
  [Status in keyof S['responses'] & number]: {
    readonly outcome: 'answer';
    readonly status: Status;
    readonly body: S['responses'][Status] extends z.ZodType<infer Body>
      ? Body
      : S['responses'][Status] extends RawBody
        ? Uint8Array
        : null;
    readonly headers: FetchReply['headers'];
  };
}[keyof S['responses'] & number];

/** The server’s definite no. `retryAfterMs`: when it may be worth asking again; null: not said. */
export type Refused = {
  readonly outcome: 'refused';
  readonly status: number;
  readonly code: ProblemCode;
  readonly problem: ProblemBody;
  readonly retryAfterMs: number | null;
};

/**
 * Nothing came that the server wrote: there was no connection, the call was aborted, or something
 * in between answered in its place (`status` is then not null). Whether the server acted on the
 * call is unknown. `why`: the code of the failure, such as ECONNREFUSED or HTTP_502.
 */
export type NoAnswer = {
  readonly outcome: 'no-answer';
  readonly status: number | null;
  readonly why: string;
  readonly retryAfterMs: number | null;
};

export type Outcome<S extends RouteSpec> = Answer<S> | Refused | NoAnswer;

/** The server answered what the contract does not allow: one of the two is of another version. */
export class ContractBreach extends Error {
  override readonly name = 'ContractBreach';
}

/** Makes the body of an answer from its bytes. */
export type ReadBody = (spec: RouteSpec, schema: z.ZodType, bytes: Uint8Array) => unknown;

/** Checks every answer by its schema: for programs and tests that come with the same contract. */
export const checkBody: ReadBody = (spec, schema, bytes) => {
  const parsed = schema.safeParse(parseJson(spec, bytes));
  if (parsed.success) return parsed.data;
  throw new ContractBreach(`${spec.name} answers outside its contract: ${parsed.error.message}`);
};

/** Believes every answer: for a browser, whose server may be newer and say more than is known. */
export const trustBody: ReadBody = (spec, _schema, bytes) => parseJson(spec, bytes);

/** How a call is repeated that got no answer, or that the server says may succeed later. */
export type Retry = {
  /** Calls in all, the first one counted. */
  readonly triesMax: number;
  /** Before the second try; twice as long before each that follows. */
  readonly pauseMs: number;
  /** A server that asks for more patience than this is not waited for. */
  readonly pauseMaxMs: number;
  readonly sleep: (ms: number) => Promise<void>;
};

/**
 * `baseUrl`: scheme, host and port without a slash at the end; '' in a browser, for its own origin.
 * `makeKey`: a fresh random text of 16 to 255 characters for each call. It stays the same over all
 * tries of the call, so that none of them acts twice. `retries`: null for callers that do it
 * themselves; they pass the key.
 */
export const makeClient = (deps: {
  fetch: Fetch;
  baseUrl: string;
  makeKey: () => string;
  /** Of the signed-in account; null: nobody is signed in. */
  accessToken: () => string | null;
  readBody: ReadBody;
  retries: Retry | null;
}): Client => {
  const { fetch, baseUrl, readBody, retries } = deps;
  const makeKeyFor = (spec: RouteSpec): string | null =>
    spec.idempotency === undefined ? null : deps.makeKey();

  const tryOnce = async (
    spec: RouteSpec,
    url: string,
    body: unknown,
    carried: Carried,
  ): Promise<Outcome<RouteSpec>> => {
    let reply: FetchReply;
    let bytes: Uint8Array;
    try {
      reply = await fetch(url, {
        method: spec.method,
        headers: makeHeaders(body, carried),
        body: body === undefined ? null : JSON.stringify(body),
        signal: carried.signal ?? null,
      });
      bytes = new Uint8Array(await reply.arrayBuffer());
    } catch (error) {
      return { outcome: 'no-answer', status: null, why: readErrorCode(error), retryAfterMs: null };
    }
    return readReply(spec, reply, bytes, readBody);
  };

  const call = async (
    spec: RouteSpec,
    parts: LooseParts,
    given: Carried = {},
  ): Promise<Outcome<RouteSpec>> => {
    const url = baseUrl + makePath(spec, parts);
    const carried = {
      ...given,
      accessToken: given.accessToken === undefined ? deps.accessToken() : given.accessToken,
      key: given.key === undefined ? makeKeyFor(spec) : given.key,
    };
    let pauseMs = retries?.pauseMs ?? 0;
    for (let tries = 1; ; tries++) {
      const outcome = await tryOnce(spec, url, parts.body, carried);
      if (retries === null || tries >= retries.triesMax) return outcome;
      if (carried.signal?.aborted === true || !isWorthRepeating(outcome)) return outcome;
      const waitMs = outcome.retryAfterMs ?? pauseMs;
      if (waitMs > retries.pauseMaxMs) return outcome;
      await retries.sleep(waitMs);
      pauseMs *= 2;
    }
  };

  return {
    // The types of one route's parts and answers are the caller's view of what is loose in here.
    call: call as Client['call'],
    url: (spec, parts) => baseUrl + makePath(spec, parts as LooseParts),
  };
};

/** The parts of a call without the types of its route. */
export type LooseParts = {
  readonly params?: Readonly<Record<string, unknown>> | undefined;
  readonly query?: Readonly<Record<string, unknown>> | undefined;
  readonly body?: unknown;
};

/** Path and query of a route. Throws when a name in the path has no value: a bug of the caller. */
export const makePath = (spec: RouteSpec, parts: LooseParts): string => {
  const path = spec.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const value = parts.params?.[name];
    if (value === undefined) throw new Error(`${spec.name} needs ${name}`);
    return encodeURIComponent(String(value));
  });
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parts.query ?? {}))
    if (value !== undefined) query.set(name, String(value));
  return query.size === 0 ? path : `${path}?${query}`;
};

export const makeHeaders = (body: unknown, carried: Carried): Record<string, string> => {
  const headers: Record<string, string> = {};
  if (body !== undefined) headers['content-type'] = 'application/json';
  if (carried.accessToken != null) headers['authorization'] = `Bearer ${carried.accessToken}`;
  if (carried.key != null) headers['idempotency-key'] = carried.key;
  return Object.assign(headers, carried.headers);
};

const readReply = (
  spec: RouteSpec,
  reply: FetchReply,
  bytes: Uint8Array,
  readBody: ReadBody,
): Outcome<RouteSpec> => {
  const { status, headers } = reply;
  const type = headers.get('content-type') ?? '';
  if (type.startsWith('application/problem+json')) return readRefusal(spec, reply, bytes);
  const schema = spec.responses[status];
  const isJson = type.startsWith('application/json');
  const isExpected = schema === null || (schema !== undefined && (isRawBody(schema) || isJson));
  if (!isExpected) {
    if (isJson && status < 500)
      throw new ContractBreach(`${spec.name} answers ${status}, which its contract does not know`);
    const retryAfterMs = readRetryAfter(headers);
    return { outcome: 'no-answer', status, why: `HTTP_${status}`, retryAfterMs };
  }
  if (schema === null) return { outcome: 'answer', status, body: null, headers };
  const body = isRawBody(schema) ? bytes : readBody(spec, schema, bytes);
  return { outcome: 'answer', status, body, headers } as Answer<RouteSpec>;
};

const readRefusal = (spec: RouteSpec, reply: FetchReply, bytes: Uint8Array): Refused => {
  const parsed = problemBody.safeParse(parseJson(spec, bytes));
  if (!parsed.success)
    throw new ContractBreach(`${spec.name} refuses outside the catalogue: ${parsed.error.message}`);
  const problem = parsed.data;
  const retryAfterMs = problem.retryAfterMs ?? readRetryAfter(reply.headers);
  return { outcome: 'refused', status: reply.status, code: problem.code, problem, retryAfterMs };
};

/** Retry-After in seconds, as this server sends it, in ms; null: not there, or a date. */
const readRetryAfter = (headers: FetchReply['headers']): number | null => {
  const text = headers.get('retry-after');
  const seconds = text === null || text === '' ? Number.NaN : Number(text);
  return seconds >= 0 && Number.isFinite(seconds) ? seconds * 1000 : null;
};

const isWorthRepeating = (outcome: Outcome<RouteSpec>): outcome is Refused | NoAnswer =>
  outcome.outcome === 'no-answer' || (outcome.outcome === 'refused' && outcome.problem.retryable);

const parseJson = (spec: RouteSpec, bytes: Uint8Array): unknown => {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw new ContractBreach(`${spec.name} answers with a body that is not JSON`);
  }
};

/** `fetch` wraps the failure that tells more in `cause`; several tries in an AggregateError. */
const readErrorCode = (error: unknown): string => {
  if (error instanceof AggregateError) return readErrorCode(error.errors[0]);
  if (!(error instanceof Error)) return 'NO_ANSWER';
  if ('code' in error && typeof error.code === 'string') return error.code;
  return error.cause instanceof Error ? readErrorCode(error.cause) : error.name;
};
