import type { IncomingMessage } from 'node:http';
import cookie from '@fastify/cookie';
import cors from '@fastify/cors';
import underPressure from '@fastify/under-pressure';
import type { RouteSpec } from '@usher/contract/route.ts';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Clock } from '../clock.ts';
import { assert, Failure } from '../failure.ts';
import type { Log } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import { newTraceId, traceIdOf } from '../trace-scope.ts';
import type { Tracing } from '../tracing.ts';
import { admit, type Guard } from './admit.ts';
import { sendAnswer, sendRefusal, sendStored, storedFrom } from './answers.ts';
import { mountBodyParsers, UncleanBody } from './body.ts';
import { makeClientErrorAnswer } from './client-error.ts';
import { endConnectionsWhenClosing } from './closing.ts';
import { fingerprintOf, type Idempotency } from './idempotency.ts';
import { type JudgePass, refuseBeforeHandler } from './pass.ts';
import { type Refusal, refusalOfFailure, refuse, statusOf } from './problem.ts';
import { makeRateLimiter } from './rate-limit.ts';
import type { Answer, Route, RouteRequest } from './route.ts';
import type { MountShortcuts } from './shortcut.ts';

export type HttpOptions = Guard & {
  clock: Clock;
  log: Log;
  metrics: Metrics;
  tracing: Tracing;
  idempotency: Idempotency;
  routes: readonly Route[];
  trustProxy: boolean | string;
  allowedOrigins: readonly string[];
  /** Sent with every response; see safe-headers.ts. */
  safeHeaders: Readonly<Record<string, string>>;
  /** Tests check every response against the contract; in service the compiler's check is enough. */
  checkAnswers: boolean;
  rateLimits: boolean;
  /** Judges the passes of routes that require one. */
  judgePass?: JudgePass;
  /** Responses that are ready before routing. */
  mountShortcuts?: MountShortcuts;
  /** Mean delay of the event loop over a second above which API calls are refused; 3 s. */
  loopDelayMaxMs?: number;
};

/** What Fastify itself refuses before a handler is called. */
const refusalOfFastify = (error: unknown): Refusal | null => {
  if (error instanceof UncleanBody) return error.refusal;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const status =
    error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number'
      ? error.statusCode
      : 500;
  // An id that is too long names nothing.
  if (code === 'FST_ERR_MAX_PARAM_LENGTH') return refuse('NOT_FOUND');
  if (status === 413) return refuse('BODY_TOO_LARGE');
  if (status >= 400 && status < 500)
    return refuse('MALFORMED_REQUEST', {
      detail: error instanceof Error ? error.message : 'The request cannot be parsed.',
    });
  return null;
};

/** The name of the route in the contract; `none` if the request matched none. */
const routeOf = (request: FastifyRequest): string =>
  (request.routeOptions?.config as { name?: string } | undefined)?.name ?? 'none';

const makeMeters = (metrics: Metrics) => ({
  durations: metrics.histogram(
    'usher_http_seconds',
    'Time to answer a request',
    [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
    ['route', 'status'],
  ),
  refusals: metrics.counter('usher_refusals_total', 'Requests refused, by reason', [
    'route',
    'code',
  ]),
});
type Meters = ReturnType<typeof makeMeters>;

type ErrorHandler = (error: unknown, request: FastifyRequest, reply: FastifyReply) => FastifyReply;

/** Anything thrown: an external failure, a refusal by Fastify, or a bug. */
const makeErrorHandler =
  (log: Log, { refusals }: Meters): ErrorHandler =>
  (error, request, reply) => {
    const refusal = refusalOfFailure(error) ?? refusalOfFastify(error) ?? refuse('INTERNAL');
    // Not the address: it may carry a link's secret.
    const fields = { err: error, traceId: request.id, route: routeOf(request) };
    if (refusal.refusal === 'INTERNAL') log.error(fields, 'request failed with a bug');
    else if (statusOf(refusal) >= 500) log.warn(fields, 'request failed');
    refusals.inc({ route: routeOf(request), code: refusal.refusal });
    return sendRefusal(request, reply, refusal);
  };

const makeFastify = (options: HttpOptions, answerError: ErrorHandler): FastifyInstance =>
  Fastify({
    logger: false,
    genReqId: (request: IncomingMessage) =>
      traceIdOf(request.headers['traceparent']) ?? newTraceId(),
    // What is refused before there is a route, or even a request.
    frameworkErrors: (error, request, reply) =>
      void answerError(error, request, reply.headers(options.safeHeaders)),
    clientErrorHandler: makeClientErrorAnswer(options.safeHeaders),
    trustProxy: options.trustProxy,
    // Fastify's own limits are 0, which means none.
    bodyLimit: 32 * 1024,
    requestTimeout: 15_000,
    connectionTimeout: 60_000,
    keepAliveTimeout: 72_000,
    maxRequestsPerSocket: 0,
    forceCloseConnections: 'idle',
    // Requests that still arrive while we close are served: everything they need closes later.
    return503OnClosing: false,
    routerOptions: { maxParamLength: 200 },
    http: { headersTimeout: 10_000, connectionsCheckingInterval: 2000, maxHeaderSize: 16 * 1024 },
  });

const mountPlugins = async (app: FastifyInstance, options: HttpOptions): Promise<void> => {
  await app.register(cookie);
  await app.register(cors, {
    origin: [...options.allowedOrigins],
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
    credentials: true,
    maxAge: 600,
    exposedHeaders: ['etag', 'retry-after', 'idempotent-replay'],
  });
  await app.register(underPressure, {
    maxEventLoopDelay: options.loopDelayMaxMs ?? 3000,
    exposeStatusRoute: false,
    pressureHandler: async (request) => {
      // A busy program is alive: it must not be killed because of its probes.
      if (!request.url.startsWith('/api/')) return;
      throw new Failure('OVERLOADED', 'the event loop is overloaded', { retryable: true });
    },
  });
};

/** A call with an Idempotency-Key: run once; a retry gets the same response. */
const answerOnce = async (
  options: HttpOptions,
  { spec, handle }: Route,
  admitted: RouteRequest<RouteSpec>,
  key: string,
  reply: FastifyReply,
  refused: (refusal: Refusal) => FastifyReply,
): Promise<FastifyReply> => {
  const { raw: request } = admitted;
  const made: Answer<RouteSpec>[] = [];
  const result = await options.idempotency.once(
    {
      scope: `${spec.name} ${admitted.caller?.accountId ?? admitted.address}`,
      key,
      fingerprint: fingerprintOf(request.url, JSON.stringify(admitted.body ?? null)),
    },
    async () => {
      const answer = await handle(admitted);
      made.push(answer);
      return storedFrom(spec, request, answer, options.checkAnswers);
    },
  );
  if (result.outcome === 'running')
    return refused(refuse('IDEMPOTENCY_KEY_RUNNING', { retryAfterMs: 1000 }));
  if (result.outcome === 'reused') return refused(refuse('IDEMPOTENCY_KEY_REUSED'));
  const fresh = result.isReplayed ? null : (made[0] ?? null);
  if (fresh !== null && 'refusal' in fresh) return refused(fresh);
  return sendStored(reply, result.answer, fresh);
};

const forwardingWarningEveryMs = 3_600_000;

/**
 * Warns, at most once an hour, if a proxy seems to stand before us that is not trusted: then all
 * people behind it have one address, and share its limits.
 */
const makeForwardingWarning = ({ clock, log, trustProxy }: HttpOptions) => {
  let nextAtMs = trustProxy === false ? 0 : Number.POSITIVE_INFINITY;
  return ({ headers }: FastifyRequest): void => {
    if (headers['x-forwarded-for'] === undefined && headers.forwarded === undefined) return;
    const nowMs = clock.nowMs();
    if (nowMs < nextAtMs) return;
    nextAtMs = nowMs + forwardingWarningEveryMs;
    log.warn(
      'a proxy forwards requests, but TRUST_PROXY is not set: all its clients share one limit',
    );
  };
};

export const makeHttpServer = async (options: HttpOptions): Promise<FastifyInstance> => {
  const { tracing, checkAnswers, judgePass } = options;
  const limiter = options.rateLimits ? makeRateLimiter(options.clock) : null;
  const meters = makeMeters(options.metrics);
  const answerError = makeErrorHandler(options.log, meters);
  const app = makeFastify(options, answerError);
  endConnectionsWhenClosing(app);
  mountBodyParsers(app);
  // The first hook: what refuses in another one has them, too.
  const noteForwarded = makeForwardingWarning(options);
  app.addHook('onRequest', (request, reply, done) => {
    noteForwarded(request);
    reply.headers(options.safeHeaders);
    done();
  });
  await mountPlugins(app, options);
  options.mountShortcuts?.(app);
  app.setNotFoundHandler((request, reply) =>
    sendRefusal(request, reply, refuse('ROUTE_NOT_FOUND')),
  );
  app.setErrorHandler(answerError);

  const streaming = new WeakSet<FastifyReply>();
  const answer = async (
    entry: Route,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<FastifyReply> => {
    const { spec } = entry;
    const send = (given: Answer<RouteSpec>): FastifyReply => {
      if ('refusal' in given) meters.refusals.inc({ route: spec.name, code: given.refusal });
      if ('stream' in given) streaming.add(reply);
      return sendAnswer(spec, request, reply, given, checkAnswers);
    };
    const admitted = admit(options, limiter, spec, request);
    if ('refusal' in admitted) return send(admitted.refusal);
    if (entry.passFor !== undefined || entry.refuseEarly !== undefined) {
      const refusal = await refuseBeforeHandler(entry, judgePass, admitted);
      if (refusal !== null) return send(refusal);
    }
    const key = admitted.idempotencyKey;
    return key === null || spec.idempotency === 'by-id'
      ? send(await entry.handle(admitted))
      : answerOnce(options, entry, admitted, key, reply, send);
  };

  for (const entry of options.routes) {
    const { spec } = entry;
    if (spec.pass === 'required') {
      // A stored response is looked up after the pass was judged, so a repeat could not get it.
      const isStored = spec.idempotency !== undefined && spec.idempotency !== 'by-id';
      assert(!isStored, `${spec.name}: a route that requires a pass stores no responses`);
      assert(entry.passFor && judgePass, `${spec.name}: the pass that it requires can be checked`);
    }
    app.route({
      method: spec.method,
      url: spec.path.replaceAll(/\{(\w+)\}/g, ':$1'),
      config: { name: spec.name } as never,
      ...(spec.bodyLimitBytes === undefined ? {} : { bodyLimit: spec.bodyLimitBytes }),
      handler: (request, reply) =>
        tracing.request(spec.name, { headers: request.headers, traceId: request.id }, () =>
          answer(entry, request, reply),
        ),
    });
  }
  app.addHook('onResponse', (request, reply, done) => {
    // A stream lasts as long as its viewer watches: that is not a response time.
    if (!streaming.has(reply)) {
      const of = { route: routeOf(request), status: reply.statusCode };
      meters.durations.observe(of, reply.elapsedTime / 1000);
    }
    done();
  });
  return app;
};
