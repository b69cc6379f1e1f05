import {
  type Carried,
  checkBody,
  type Fetch,
  makeClient,
  makeHeaders,
  makePath,
  type RouteParts,
} from '@usher/contract/client.ts';
import type { ProblemBody, ProblemCode } from '@usher/contract/problems.ts';
import { problemBody } from '@usher/contract/problems.ts';
import { needsKey, type RouteSpec } from '@usher/contract/route.ts';
import type { FastifyInstance } from 'fastify';
import type { z } from 'zod';

/** One answer of the program, its body read to the end. */
export type Reply = {
  status: number;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  bytes: Buffer;
};
export type Sent = {
  method: string;
  path: string;
  headers: Record<string, string>;
  body: string | null;
};
/** Rejects when there was no answer. */
export type Send = (request: Sent) => Promise<Reply>;

export type Given = {
  params?: Readonly<Record<string, string>>;
  query?: Readonly<Record<string, string | number>>;
  body?: unknown;
  /** An access token. */
  as?: string;
  /** An Idempotency-Key; routes that need one get a fresh one unless it is given, or null: none. */
  key?: string | null;
  headers?: Readonly<Record<string, string>>;
};
type Success = 200 | 201 | 202 | 204;
export type BodyOf<S extends RouteSpec> = {
  [Status in keyof S['responses'] & Success]: S['responses'][Status] extends z.ZodType<infer Body>
    ? Body
    : null;
}[keyof S['responses'] & Success];

export type Ask = {
  /** The answer, whatever it is. */
  ask(spec: RouteSpec, given?: Given): Promise<Reply>;
  /** The body of a success; throws on everything else. */
  must<S extends RouteSpec>(spec: S, given?: Given): Promise<BodyOf<S>>;
  /** The problem document of a refusal; throws on a success. */
  refusal(spec: RouteSpec, given?: Given): Promise<ProblemBody>;
};

let keysMade = 0;
/** Another Idempotency-Key each time; of this process. */
export const freshKey = (): string => `key-${process.pid}-${Date.now()}-${++keysMade}-test`;

export const pathOf = (spec: RouteSpec, given: Given = {}): string => makePath(spec, given);

/** No key if it is optional: a stored answer would hide what a repeated call does. */
const carriedBy = (spec: RouteSpec, given: Given): Carried => ({
  accessToken: given.as ?? null,
  key: given.key === undefined && needsKey(spec) ? freshKey() : (given.key ?? null),
  headers: given.headers ?? {},
});

export const headersOf = (spec: RouteSpec, given: Given): Record<string, string> =>
  makeHeaders(given.body, carriedBy(spec, given));

export const jsonOf = (reply: Reply): Record<string, unknown> =>
  JSON.parse(reply.bytes.toString()) as Record<string, unknown>;

/** What every refusal must be: a problem document of the catalogue, with its trace. */
export const problemOf = (reply: Reply): ProblemBody => {
  const text = reply.bytes.toString();
  const type = String(reply.headers['content-type']);
  if (!type.startsWith('application/problem+json'))
    throw new Error(`no problem document but ${reply.status} ${type}: ${text.slice(0, 300)}`);
  const problem = problemBody.parse(JSON.parse(text));
  if (problem.status !== reply.status || !/^[0-9a-f]{32}$/.test(problem.traceId))
    throw new Error(`a problem document at odds with its answer ${reply.status}: ${text}`);
  return problem;
};
export const codeOf = (reply: Reply): ProblemCode => problemOf(reply).code;

/** Sends a request to the program, in the form that the contract's client needs. */
const makeFetch =
  (send: Send): Fetch =>
  async (path, { method, headers, body }) => {
    const reply = await send({ method, path, headers, body });
    return {
      status: reply.status,
      headers: {
        get: (name) => {
          const value = reply.headers[name];
          return (Array.isArray(value) ? value.join(', ') : value) ?? null;
        },
      },
      arrayBuffer: async () => new Uint8Array(reply.bytes).buffer,
    };
  };

/** `explain`: what the program's log says about an answer that was not expected. */
export const makeAsk = (send: Send, explain: () => string = () => ''): Ask => {
  const client = makeClient({
    fetch: makeFetch(send),
    baseUrl: '',
    makeKey: freshKey,
    accessToken: () => null,
    // So every test that reads an answer also checks it against the contract.
    readBody: checkBody,
    retries: null,
  });
  const ask: Ask['ask'] = (spec, given = {}) =>
    send({
      method: spec.method,
      path: pathOf(spec, given),
      headers: headersOf(spec, given),
      body: given.body === undefined ? null : JSON.stringify(given.body),
    });
  return {
    ask,
    must: async (spec, given = {}) => {
      // A test may send what the types of the route forbid.
      const parts = given as object as RouteParts<RouteSpec>;
      const said = await client.call<RouteSpec>(spec, parts, carriedBy(spec, given));
      if (said.outcome === 'answer' && said.status < 300) return said.body as never;
      const answer = said.outcome === 'refused' ? said.problem : said;
      throw new Error(
        `${spec.name} answers ${said.status}: ${JSON.stringify(answer)}\n${explain()}`,
      );
    },
    refusal: async (spec, given) => problemOf(await ask(spec, given)),
  };
};

/** To the program in this process, without a socket. Of an endless stream: only its beginning. */
export const sendByInject =
  (http: FastifyInstance): Send =>
  async ({ method, path, headers, body }) => {
    const answer = await http.inject({
      method: method as 'GET',
      url: path,
      headers,
      payloadAsStream: true,
      ...(body === null ? {} : { payload: body }),
    });
    const isEndless = String(answer.headers['content-type']).startsWith('text/event-stream');
    const chunks: Buffer[] = [];
    for await (const chunk of answer.stream()) {
      chunks.push(chunk as Buffer);
      if (isEndless) break;
    }
    return {
      status: answer.statusCode,
      headers: answer.headers as Reply['headers'],
      bytes: Buffer.concat(chunks),
    };
  };

/** Over a new connection each time, so that no answer is lost to a connection closed as idle. */
export const sendByFetch =
  (origin: string): Send =>
  async ({ method, path, headers, body }) => {
    const answer = await fetch(`${origin}${path}`, {
      method,
      headers: { ...headers, connection: 'close' },
      body,
      redirect: 'manual',
    });
    const bytes = Buffer.from(await answer.arrayBuffer());
    return { status: answer.status, headers: Object.fromEntries(answer.headers), bytes };
  };
