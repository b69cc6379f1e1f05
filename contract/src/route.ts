import type { z } from 'zod';
import type { ProblemCode } from './problems.ts';

/** Who may call: anyone, a signed-in account (any role), or accounts with the role. */
export type RouteAuth = 'public' | 'account' | 'organiser' | 'operator';

/** An answer that is not JSON: its media type, for the OpenAPI document. */
export type RawBody = { readonly contentType: string; readonly description: string };

/** The header of routes with `pass: 'required'`. */
export const passHeader = 'usher-pass';

export type RouteSpec = {
  readonly name: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly tag: string;
  readonly summary: string;
  readonly auth: RouteAuth;
  /** `required`: the caller's address must be confirmed, where the program asks for that. */
  readonly confirmed?: 'required';
  /** Calls a minute and burst (calls at once) for one account, or one address when `public`. */
  readonly rate: { readonly perMinute: number; readonly burst: number };
  /**
   * `address`: the rate is that of the address, whatever token comes along; for public routes that
   * cost something. It is wide, as thousands of people may share an address.
   */
  readonly rateBy?: 'address';
  /** The same for all accounts behind one address together; generous, as many may share one. */
  readonly addressRate?: { readonly perMinute: number; readonly burst: number };
  /**
   * Whether a call takes an Idempotency-Key. `required`: it must, and its response is stored for
   * retries; `optional`: the same if there is a key; `by-id`: it must, but nothing is stored: what
   * the call makes has an id made from the key, so that a retry finds it and says what it is now,
   * and the handler refuses another body under the same key.
   */
  readonly idempotency?: 'required' | 'optional' | 'by-id';
  /**
   * `required`: where the show has a waiting room the caller must hold a pass, sent in the header
   * `passHeader`; the edge checks it before the handler.
   */
  readonly pass?: 'required';
  /** Route-specific request headers, by name, with their purpose. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  /** Request body limit in bytes; default: the server's. */
  readonly bodyLimitBytes?: number;
  readonly responses: { readonly [status: number]: z.ZodType | RawBody | null };
  /** The problems that this route can return, beyond those that every route has. */
  readonly problems: readonly ProblemCode[];
};

/** Keeps the literal types of a route's schemas, from which handlers and clients are typed. */
export const defineRoute = <const S extends RouteSpec>(spec: S): S => spec;

/** Whether a call without an Idempotency-Key is refused. */
export const needsKey = ({ idempotency }: Pick<RouteSpec, 'idempotency'>): boolean =>
  idempotency === 'required' || idempotency === 'by-id';

export const isRawBody = (body: z.ZodType | RawBody | null): body is RawBody =>
  body !== null && 'contentType' in body;
