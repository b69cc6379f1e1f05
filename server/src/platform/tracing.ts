import { randomBytes } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import {
  type Context,
  context,
  diag,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import type { Log } from './log.ts';
import { inTraces } from './trace-scope.ts';

/**
 * One trace from a click to its effects in consumers. Log lines always name it; spans are sent if a
 * collector is configured.
 */
export type Tracing = {
  /**
   * Runs `work` in a span of the trace `traceId`: below the caller's span if `headers` carry one
   * of this trace, else as its first span.
   */
  request<T>(
    name: string,
    of: { headers: IncomingHttpHeaders; traceId: string },
    work: () => Promise<T>,
  ): Promise<T>;
  /** Runs `work` for all of these traces at once; each of them gets a span of it. */
  events<T>(name: string, traceIds: readonly string[], work: () => Promise<T>): Promise<T>;
  close(): Promise<void>;
};

/** Without a collector nothing is recorded and a span costs nothing. */
export const untraced: Tracing = {
  request: (_name, { traceId }, work) => inTraces([traceId], work),
  events: (_name, traceIds, work) => inTraces(traceIds, work),
  close: async () => undefined,
};

/** A collector that is unreachable must not delay the end of the program. */
const exportMaxMs = 3000;

/** The packages are loaded only here: they take 30 MB that a small ticket office does not need. */
const openExporter = async (endpoint: string, service: string) => {
  const [core, sdk, exporters, hooks, resources] = await Promise.all([
    import('@opentelemetry/core'),
    import('@opentelemetry/sdk-trace'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/context-async-hooks'),
    import('@opentelemetry/resources'),
  ]);
  const url = `${endpoint.replace(/\/$/, '')}/v1/traces`;
  const exporter = new exporters.OTLPTraceExporter({ url, timeoutMillis: exportMaxMs });
  /** The trace that the next root span starts; spans are started in the same turn that sets it. */
  const next = { traceId: '' };
  const provider = new sdk.TracerProvider({
    resource: resources.resourceFromAttributes({ 'service.name': service }),
    spanProcessors: [
      new sdk.BatchSpanProcessor({ exporter, exportTimeoutMillis: exportMaxMs + 1000 }),
    ],
    idGenerator: {
      generateTraceId: () => next.traceId,
      generateSpanId: () => randomBytes(8).toString('hex'),
    },
  });
  context.setGlobalContextManager(new hooks.AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new core.W3CTraceContextPropagator());
  trace.setGlobalTracerProvider(provider);
  const close = async (): Promise<void> => {
    await provider.shutdown().catch((error: unknown) => diag.warn(String(error)));
    trace.disable();
    propagation.disable();
    context.disable();
    diag.disable();
  };
  return { tracer: trace.getTracer('usher'), next, close };
};

const ended = async <T>(spans: readonly Span[], work: () => Promise<T>): Promise<T> => {
  try {
    return await work();
  } catch (error) {
    for (const span of spans) {
      span.recordException(error instanceof Error ? error : String(error));
      span.setStatus({ code: SpanStatusCode.ERROR });
    }
    throw error;
  } finally {
    for (const span of spans) span.end();
  }
};

/** Sends spans to an OpenTelemetry collector by OTLP over HTTP, if one is configured. */
export const openTracing = async (options: {
  endpoint: string | undefined;
  service: string;
  /** Called for spans that could not be sent. */
  log?: Log;
}): Promise<Tracing> => {
  const { endpoint, service, log } = options;
  if (endpoint === undefined) return untraced;
  const warn = (text: string): void => void log?.warn({ tracing: text.slice(0, 500) }, 'tracing');
  const quiet = (): void => undefined;
  diag.setLogger({ error: warn, warn, info: quiet, debug: quiet, verbose: quiet });
  const { tracer, next, close } = await openExporter(endpoint, service);
  const start = (name: string, traceId: string, kind: SpanKind, parent: Context): Span => {
    next.traceId = traceId;
    return tracer.startSpan(name, { kind }, parent);
  };
  return {
    request: (name, { headers, traceId }, work) => {
      const caller = propagation.extract(ROOT_CONTEXT, headers);
      const isOfTrace = trace.getSpanContext(caller)?.traceId === traceId;
      const parent = isOfTrace ? caller : ROOT_CONTEXT;
      const span = start(name, traceId, SpanKind.SERVER, parent);
      const scope = trace.setSpan(parent, span);
      return inTraces([traceId], () => context.with(scope, () => ended([span], work)));
    },
    events: (name, traceIds, work) => {
      const begin = (traceId: string) => start(name, traceId, SpanKind.CONSUMER, ROOT_CONTEXT);
      const spans = [...new Set(traceIds)].map(begin);
      const [first] = spans;
      const scope = first === undefined ? ROOT_CONTEXT : trace.setSpan(ROOT_CONTEXT, first);
      return inTraces(traceIds, () => context.with(scope, () => ended(spans, work)));
    },
    close,
  };
};
