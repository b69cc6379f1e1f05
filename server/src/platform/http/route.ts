import type { RawBody, RouteSpec } from '@usher/contract/route.ts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { Refusal } from './problem.ts';

/** Who is calling, according to their access token. */
export type Caller = {
  readonly accountId: string;
  readonly role: string;
  readonly sessionId: string;
  /** The account's address is not confirmed, and has to be for some calls. */
  readonly mustConfirm?: true;
};

type Parsed<T> = T extends z.ZodType<infer Output> ? Output : undefined;

export type RouteRequest<S extends RouteSpec> = {
  readonly params: Parsed<S['params']>;
  readonly query: Parsed<S['query']>;
  readonly body: Parsed<S['body']>;
  /** Always present unless the route is public; on a public route, if a valid token was sent. */
  readonly caller: S['auth'] extends 'public' ? Caller | null : Caller;
  /** The caller's address; behind a proxy the one that a trusted proxy reports. */
  readonly address: string;
  readonly traceId: string;
  /** null only if the route does not require it. */
  readonly idempotencyKey: S['idempotency'] extends 'required' | 'by-id' ? string : string | null;
  readonly raw: FastifyRequest;
};

type Headers = { readonly headers?: Readonly<Record<string, string | readonly string[]>> };
type AnswerOf<Status extends number, Body> =
  Body extends z.ZodType<infer Output>
    ?
        | (Headers & { readonly status: Status; readonly body: Output })
        /** The same JSON as bytes that were prepared once, for large bodies that never change. */
        | (Headers & { readonly status: Status; readonly raw: Buffer })
    : Body extends RawBody
      ? Headers & { readonly status: Status; readonly raw: Buffer | string }
      : Headers & { readonly status: Status };

/** The responses that the route's spec allows, or a refusal from the catalogue. */
export type Answer<S extends RouteSpec> =
  | {
      [Status in keyof S['responses'] & number]: AnswerOf<Status, S['responses'][Status]>;
    }[keyof S['responses'] & number]
  | Refusal
  /** The handler writes to the socket itself (an event stream). */
  | { readonly stream: (reply: FastifyReply) => void };

/** What a call that needs a pass refers to. */
export type PassSubject = {
  readonly showId: string;
  /**
   * When the ordered seats were held, by the database's clock: a hold that was taken before passes
   * were required needs none. null: nothing is held yet.
   */
  readonly heldAtMs: number | null;
};

/** What a route that requires a pass has for its check. */
type PassCompanions<S extends RouteSpec> = {
  /** What the pass must be valid for; null: there is no such thing. */
  readonly passFor: (request: RouteRequest<S>) => Promise<PassSubject | null>;
  /**
   * Whether an earlier call with this key took effect. Its repeat needs no pass, which may have
   * ended since. Called only when the pass is refused.
   */
  readonly isRepeat?: (request: RouteRequest<S>) => Promise<boolean>;
};

/** What a route has besides its handler; the compiler wants `passFor` with `pass: 'required'`. */
type Companions<S extends RouteSpec> = {
  /** A refusal that needs no I/O (a lost race); never of a repeat. */
  readonly refuseEarly?: (request: RouteRequest<S>) => Refusal | null;
} & (S extends { readonly pass: 'required' } ? PassCompanions<S> : unknown);

export type Route = {
  readonly spec: RouteSpec;
  readonly handle: (request: RouteRequest<RouteSpec>) => Promise<Answer<RouteSpec>>;
  readonly refuseEarly?: (request: RouteRequest<RouteSpec>) => Refusal | null;
} & Partial<PassCompanions<RouteSpec>>;

/** Connects a handler to its spec in the contract; the compiler checks that they match. */
export const route = <S extends RouteSpec>(
  spec: S,
  handle: (request: RouteRequest<S>) => Promise<Answer<S>>,
  ...[companions]: S extends { readonly pass: 'required' } ? [Companions<S>] : [Companions<S>?]
): Route =>
  // The list of routes loses the type of each route; the server checks every request against the
  // spec's schemas before it calls the handler.
  ({ spec, handle, ...companions }) as unknown as Route;

/** The headers of a response to a repeat: the call took effect before, and changed nothing now. */
export const repeatHeaders = { 'idempotent-replay': 'true' } as const;

type Sent = Readonly<Record<string, string | readonly string[]>>;

/** A JSON response; keeps the status a literal, so that the compiler can check the contract. */
export const answer = <Status extends number, Body>(
  status: Status,
  body: Body,
  headers: Sent = {},
): { status: Status; body: Body; headers: Sent } => ({ status, body, headers });

/** A response as bytes or text: not JSON, or prepared; `content-type` is among the headers. */
export const rawAnswer = <Status extends number, Raw extends Buffer | string>(
  status: Status,
  raw: Raw,
  headers: Sent,
): { status: Status; raw: Raw; headers: Sent } => ({ status, raw, headers });

export const emptyAnswer = <Status extends number>(
  status: Status,
  headers: Sent = {},
): { status: Status; headers: Sent } => ({ status, headers });
