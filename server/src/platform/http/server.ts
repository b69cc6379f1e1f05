import { randomBytes } from 'node:crypto';
import cookie from '@fastify/cookie';
import cors from '@fastify/cors';
import underPressure from '@fastify/under-pressure';
import { isRawBody, type RouteAuth, type RouteSpec } from '@usher/contract/route.ts';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import type { Tracing } from '../tracing.ts';
import { answerClientError } from './client-error.ts';
import { fingerprintOf, type Idempotency, type StoredAnswer } from './idempotency.ts';
import {
  problemBodyOf,
  type Refusal,
  refusalOfFailure,
  refuse,
  statusOf,
  validationRefusal,
} from './problem.ts';
import { makeRateLimiter } from './rate-limit.ts';
import type { Answer, Caller, Route, RouteRequest } from './route.ts';

export type HttpOptions = {
  clock: Clock;
  log: Log;
  metrics: Metrics;
  tracing: Tracing;
  idempotency: Idempotency;
  routes: readonly Route[];
  /** Who an access token speaks for, or null. */
  authenticate: (accessToken: string) => Caller | null;
  /** Whether a caller may use routes of this kind. */
  mayCall: (auth: RouteAuth, caller: Caller) => boolean;
  trustProxy: boolean | string;
  allowedOrigins: readonly string[];
  /** Tests hold every answer against the contract; in service the compiler's word is enough. */
  checkAnswers: boolean;
  rateLimits: boolean;
};

const keyPattern = /^[\x21-\x7e]{16,255}$/;
const json = 'application/json; charset=utf-8';
const problemJson = 'application/problem+json; charset=utf-8';

/** The trace of a W3C traceparent header, or a new one. */
const traceIdOf = (request: FastifyRequest): string => {
  const header = request.headers['traceparent'];
  const given = typeof header === 'string' ? /^00-([0-9a-f]{32})-/.exec(header)?.[1] : undefined;
  return given ?? randomBytes(16).toString('hex');
};

const instanceOf = (request: FastifyRequest): string => request.url.split('?')[0] ?? '/';

const sendRefusal = (
  request: FastifyRequest,
  reply: FastifyReply,
  refusal: Refusal,
): FastifyReply => {
  if (refusal.retryAfterMs !== undefined)
    reply.header('retry-after', Math.max(1, Math.ceil(refusal.retryAfterMs / 1000)));
  return reply
    .code(statusOf(refusal))
    .header('content-type', problemJson)
    .header('cache-control', 'no-store')
    .send(
      JSON.stringify(
        problemBodyOf(refusal, { instance: instanceOf(request), traceId: request.id }),
      ),
    );
};

/** What Fastify itself refuses before a handler is reached. */
const refusalOfFastify = (error: unknown): Refusal | null => {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const status =
    error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number'
      ? error.statusCode
      : 500;
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return refuse('BODY_TOO_LARGE');
  // An id that is too long names nothing.
  if (code === 'FST_ERR_MAX_PARAM_LENGTH') return refuse('NOT_FOUND');
  if (code === 'FST_UNDER_PRESSURE') return refuse('OVERLOADED', { retryAfterMs: 2000 });
  if (status === 413) return refuse('BODY_TOO_LARGE');
  if (status >= 400 && status < 500)
    return refuse('MALFORMED_REQUEST', {
      detail: error instanceof Error ? error.message : 'The request cannot be read.',
    });
  return null;
};

const parsePart = (
  schema: z.ZodType | undefined,
  where: string,
  value: unknown,
): { value: unknown } | { refusal: Refusal } => {
  if (schema === undefined) return { value: undefined };
  // A JSON `null` is no body of ours; no body at all is told field by field.
  const parsed = schema.safeParse(value === undefined ? {} : value);
  return parsed.success
    ? { value: parsed.data }
    : { refusal: validationRefusal(where, parsed.error.issues) };
};

export const makeHttpServer = async (options: HttpOptions): Promise<FastifyInstance> => {
  const { clock, log, metrics, tracing, idempotency, authenticate, mayCall } = options;
  const limiter = makeRateLimiter(clock);
  const durations = metrics.histogram(
    'usher_http_seconds',
    'Time to answer a request',
    [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
    ['route', 'status'],
  );
  const refusals = metrics.counter('usher_refusals_total', 'Requests refused, by reason', [
    'route',
    'code',
  ]);

  const answerError = (
    error: unknown,
    request: FastifyRequest,
    reply: FastifyReply,
  ): FastifyReply => {
    const refusal = refusalOfFailure(error) ?? refusalOfFastify(error);
    if (refusal === null)
      log.error({ err: error, traceId: request.id, url: request.url }, 'a request broke');
    else if (statusOf(refusal) >= 500)
      log.warn({ err: error, traceId: request.id, url: request.url }, 'a request failed');
    return sendRefusal(request, reply, refusal ?? refuse('INTERNAL'));
  };

  const app = Fastify({
    logger: false,
    genReqId: traceIdOf as never,
    // What is refused before there is a route, and before there is a request.
    frameworkErrors: (error, request, reply) => void answerError(error, request, reply),
    clientErrorHandler: answerClientError,
    trustProxy: options.trustProxy,
    // Fastify's own limits are 0, which means none.
    bodyLimit: 32 * 1024,
    requestTimeout: 15_000,
    connectionTimeout: 60_000,
    keepAliveTimeout: 72_000,
    maxRequestsPerSocket: 0,
    forceCloseConnections: 'idle',
    return503OnClosing: true,
    routerOptions: { maxParamLength: 200 },
    http: { headersTimeout: 10_000, connectionsCheckingInterval: 2000, maxHeaderSize: 16 * 1024 },
  });
  await app.register(cookie);
  await app.register(cors, {
    origin: [...options.allowedOrigins],
    credentials: true,
    maxAge: 600,
    exposedHeaders: ['etag', 'retry-after', 'idempotent-replay'],
  });
  await app.register(underPressure, {
    maxEventLoopDelay: 3000,
    retryAfter: 2,
    exposeStatusRoute: false,
    customError: class extends Error {
      readonly code = 'FST_UNDER_PRESSURE';
      readonly statusCode = 503;
    } as never,
  });

  app.setNotFoundHandler((request, reply) =>
    sendRefusal(request, reply, refuse('ROUTE_NOT_FOUND')),
  );
  app.setErrorHandler(answerError);

  const identify = (request: FastifyRequest): Caller | null => {
    const header = request.headers.authorization;
    if (header === undefined || !header.startsWith('Bearer ')) return null;
    return authenticate(header.slice(7));
  };

  /** Everything that is decided before the handler: who, how often, and whether the request fits. */
  const admit = (
    spec: RouteSpec,
    request: FastifyRequest,
  ): RouteRequest<RouteSpec> | { refusal: Refusal } => {
    const caller = identify(request);
    if (caller === null && spec.auth !== 'public') return { refusal: refuse('UNAUTHENTICATED') };
    if (caller !== null && !mayCall(spec.auth, caller)) return { refusal: refuse('FORBIDDEN') };
    if (options.rateLimits) {
      const waitMs = limiter.waitMs(`${spec.name} ${caller?.accountId ?? request.ip}`, spec.rate);
      if (waitMs > 0) return { refusal: refuse('TOO_MANY_REQUESTS', { retryAfterMs: waitMs }) };
    }
    const params = parsePart(spec.params, 'params', request.params);
    // An id that does not parse names nothing: the same answer as for one that does not exist.
    if ('refusal' in params) return { refusal: refuse('NOT_FOUND') };
    const query = parsePart(spec.query, 'query', request.query);
    if ('refusal' in query) return query;
    const body = parsePart(spec.body, 'body', request.body);
    if ('refusal' in body) return body;
    const header = request.headers['idempotency-key'];
    const key = typeof header === 'string' && spec.idempotency !== undefined ? header : null;
    if (key === null && spec.idempotency === 'required')
      return { refusal: refuse('IDEMPOTENCY_KEY_MISSING') };
    if (key !== null && !keyPattern.test(key))
      return {
        refusal: refuse('IDEMPOTENCY_KEY_MISSING', {
          detail: 'An Idempotency-Key has 16 to 255 visible ASCII characters.',
        }),
      };
    return {
      params: params.value as never,
      query: query.value as never,
      body: body.value as never,
      caller: caller as never,
      address: request.ip,
      traceId: request.id,
      idempotencyKey: key as never,
      raw: request,
    };
  };

  const checked = (spec: RouteSpec, status: number, body: unknown): unknown => {
    if (!options.checkAnswers) return body;
    const schema = spec.responses[status];
    if (schema === undefined || schema === null || isRawBody(schema)) return body;
    const parsed = schema.safeParse(JSON.parse(JSON.stringify(body)));
    if (!parsed.success)
      throw new Error(`${spec.name} answers ${status} off its contract: ${parsed.error.message}`);
    return body;
  };

  const sendAnswer = (
    spec: RouteSpec,
    request: FastifyRequest,
    reply: FastifyReply,
    answer: Answer<RouteSpec>,
  ): FastifyReply => {
    if ('stream' in answer) {
      answer.stream(reply);
      return reply;
    }
    if ('refusal' in answer) {
      refusals.inc({ route: spec.name, code: answer.refusal });
      return sendRefusal(request, reply, answer);
    }
    for (const [name, value] of Object.entries(answer.headers ?? {}))
      reply.header(name, typeof value === 'string' ? value : [...value]);
    reply.code(answer.status);
    if ('raw' in answer) return reply.send(answer.raw);
    if (!('body' in answer)) return reply.send();
    if (!reply.hasHeader('cache-control')) reply.header('cache-control', 'no-store');
    return reply
      .header('content-type', json)
      .send(JSON.stringify(checked(spec, answer.status, answer.body)));
  };

  const storedFrom = (
    spec: RouteSpec,
    request: FastifyRequest,
    answer: Answer<RouteSpec>,
  ): StoredAnswer => {
    if ('stream' in answer) throw new Error(`${spec.name}: a stream cannot be replayed`);
    if ('refusal' in answer) {
      refusals.inc({ route: spec.name, code: answer.refusal });
      const place = { instance: instanceOf(request), traceId: request.id };
      return {
        status: statusOf(answer),
        contentType: problemJson,
        body: JSON.stringify(problemBodyOf(answer, place)),
      };
    }
    const body = 'body' in answer ? JSON.stringify(checked(spec, answer.status, answer.body)) : '';
    return { status: answer.status, contentType: json, body };
  };

  const answerOnce = async (
    { spec, handle }: Route,
    admitted: RouteRequest<RouteSpec>,
    key: string,
    reply: FastifyReply,
  ): Promise<FastifyReply> => {
    const { raw: request } = admitted;
    const result = await idempotency.once(
      {
        scope: `${spec.name} ${admitted.caller?.accountId ?? admitted.address}`,
        key,
        fingerprint: fingerprintOf(request.url, JSON.stringify(admitted.body ?? null)),
      },
      async () => storedFrom(spec, request, await handle(admitted)),
    );
    if (result.outcome === 'running')
      return sendRefusal(request, reply, refuse('IDEMPOTENCY_KEY_RUNNING', { retryAfterMs: 1000 }));
    if (result.outcome === 'reused')
      return sendRefusal(request, reply, refuse('IDEMPOTENCY_KEY_REUSED'));
    const { answer, replayed } = result;
    if (replayed) reply.header('idempotent-replay', 'true');
    return reply
      .code(answer.status)
      .header('content-type', answer.contentType)
      .header('cache-control', 'no-store')
      .send(answer.body);
  };

  for (const entry of options.routes) {
    const { spec } = entry;
    app.route({
      method: spec.method,
      url: spec.path.replaceAll(/\{(\w+)\}/g, ':$1'),
      ...(spec.bodyLimitBytes === undefined ? {} : { bodyLimit: spec.bodyLimitBytes }),
      handler: async (request, reply) => {
        const startedMs = clock.monotonicMs();
        const admitted = admit(spec, request);
        if ('refusal' in admitted) {
          refusals.inc({ route: spec.name, code: admitted.refusal.refusal });
          return sendRefusal(request, reply, admitted.refusal);
        }
        const early = entry.refuseEarly?.(admitted) ?? null;
        const key = admitted.idempotencyKey;
        const answer = tracing.span(spec.name, request.headers, request.id, async () => {
          if (early !== null) return sendAnswer(spec, request, reply, early);
          if (key !== null) return answerOnce(entry, admitted, key, reply);
          return sendAnswer(spec, request, reply, await entry.handle(admitted));
        });
        try {
          return await answer;
        } finally {
          durations.observe(
            { route: spec.name, status: reply.statusCode },
            (clock.monotonicMs() - startedMs) / 1000,
          );
        }
      },
    });
  }
  return app;
};
