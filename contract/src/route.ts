import type { z } from 'zod';
import type { ProblemCode } from './problems.ts';

/** Who may call: nobody in particular, a signed-in buyer (any role), or a role. */
export type RouteAuth = 'public' | 'account' | 'organiser' | 'operator';

/** An answer that is not JSON: its media type, for the OpenAPI document. */
export type RawBody = { readonly contentType: string; readonly description: string };

export type RouteSpec = {
  readonly name: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly tag: string;
  readonly summary: string;
  readonly auth: RouteAuth;
  /** Calls a minute and burst (calls at once) for one account, or one address when `public`. */
  readonly rate: { readonly perMinute: number; readonly burst: number };
  /** The same for all accounts behind one address together; wide, as many may share one. */
  readonly addressRate?: { readonly perMinute: number; readonly burst: number };
  /** `required`: the call may move seats or money, so a client that repeats it must say so. */
  readonly idempotency?: 'required' | 'optional';
  /** Headers of its own that a caller may send, by name, with what they are for. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  /** Request body limit in bytes when it is not the server's default. */
  readonly bodyLimitBytes?: number;
  readonly responses: { readonly [status: number]: z.ZodType | RawBody | null };
  /** The refusals that this route can answer with, beyond those every route has. */
  readonly problems: readonly ProblemCode[];
};

/** Keeps the literal types of a route's schemas, so that handlers and clients are typed from it. */
export const defineRoute = <const S extends RouteSpec>(spec: S): S => spec;

export const isRawBody = (body: z.ZodType | RawBody | null): body is RawBody =>
  body !== null && 'contentType' in body;
