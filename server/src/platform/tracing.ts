import type { IncomingHttpHeaders } from 'node:http';
import { context, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';

export type Tracing = {
  /** Runs `work` in a span of this name, child of the caller's trace when the headers carry one. */
  span<T>(
    name: string,
    headers: IncomingHttpHeaders | Record<string, string>,
    traceId: string,
    work: () => Promise<T>,
  ): Promise<T>;
  close(): Promise<void>;
};

/** Without an exporter nothing is recorded and a span costs nothing. */
const untraced: Tracing = {
  span: (_name, _headers, _traceId, work) => work(),
  close: async () => undefined,
};

/**
 * Sends spans to an OpenTelemetry collector by OTLP over HTTP. The packages are loaded only when an
 * endpoint is set: they take 30 MB that a small ticket office does not need.
 */
export const openTracing = async (options: {
  endpoint: string | undefined;
  service: string;
}): Promise<Tracing> => {
  if (options.endpoint === undefined) return untraced;
  const [core, sdk, exporters, hooks, resources] = await Promise.all([
    import('@opentelemetry/core'),
    import('@opentelemetry/sdk-trace'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/context-async-hooks'),
    import('@opentelemetry/resources'),
  ]);
  const exporter = new exporters.OTLPTraceExporter({
    url: `${options.endpoint.replace(/\/$/, '')}/v1/traces`,
  });
  const provider = new sdk.TracerProvider({
    resource: resources.resourceFromAttributes({ 'service.name': options.service }),
    spanProcessors: [new sdk.BatchSpanProcessor({ exporter })],
  });
  context.setGlobalContextManager(new hooks.AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new core.W3CTraceContextPropagator());
  trace.setGlobalTracerProvider(provider);
  const tracer = trace.getTracer('usher');
  return {
    span: (name, headers, traceId, work) =>
      tracer.startActiveSpan(
        name,
        { kind: SpanKind.SERVER, attributes: { 'usher.trace_id': traceId } },
        propagation.extract(context.active(), headers),
        async (span) => {
          try {
            return await work();
          } catch (error) {
            span.recordException(error instanceof Error ? error : String(error));
            span.setStatus({ code: SpanStatusCode.ERROR });
            throw error;
          } finally {
            span.end();
          }
        },
      ),
    close: () => provider.shutdown(),
  };
};
