import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { afterEach, describe, expect, test } from 'vitest';
import { makeLog } from './log.ts';
import { currentTraceIds } from './trace-scope.ts';
import { openTracing } from './tracing.ts';

type SentSpan = {
  name: string;
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  kind: number;
  status: { code?: number };
};

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** What a collector receives: OTLP over HTTP, as JSON. */
const openCollector = async (answerStatus = 200) => {
  const spans: SentSpan[] = [];
  const services: unknown[] = [];
  const paths: string[] = [];
  const take = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    paths.push(`${request.method} ${request.url}`);
    const sent = JSON.parse(Buffer.concat(chunks).toString());
    for (const resource of sent.resourceSpans) {
      services.push(...resource.resource.attributes);
      for (const scope of resource.scopeSpans) spans.push(...scope.spans);
    }
    response.writeHead(answerStatus, { 'content-type': 'application/json' }).end('{}');
  };
  const server = createServer((request, response) => {
    take(request, response).catch((error: Error) => response.destroy(error));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  const { port } = server.address() as AddressInfo;
  return { endpoint: `http://127.0.0.1:${port}`, spans, services, paths };
};

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const spanId = '00f067aa0ba902b7';
const traceOf = (n: number) => String(n).padStart(32, 'a');

describe('without a collector', () => {
  test('log lines still name the trace, and lines outside of a trace name none', async () => {
    const tracing = await openTracing({ endpoint: undefined, service: 'usher' });
    const of = { headers: {}, traceId };
    expect(await tracing.request('holdSeats', of, async () => currentTraceIds())).toEqual([
      traceId,
    ]);
    expect(await tracing.events('tickets', ['a', 'b'], async () => currentTraceIds())).toEqual([
      'a',
      'b',
    ]);
    expect(currentTraceIds()).toEqual([]);
    await tracing.close();
  });
});

describe('the packages of OpenTelemetry beyond its small API', () => {
  /** The packages that a separate process loads to open tracing. */
  const loadedWith = async (endpoint: string | undefined): Promise<string[]> => {
    const script = `
      import { registerHooks } from 'node:module';
      const seen = new Set();
      const load = (url, context, next) => {
        const name = /node_modules\\/(@opentelemetry\\/[^/]+)/.exec(url)?.[1];
        if (name !== undefined) seen.add(name);
        return next(url, context);
      };
      registerHooks({ load });
      const { openTracing } = await import(${JSON.stringify(import.meta.resolve('./tracing.ts'))});
      const endpoint = ${JSON.stringify(endpoint)};
      const tracing = await openTracing({ endpoint, service: 'usher' });
      await tracing.close();
      process.stdout.write(JSON.stringify([...seen]));`;
    const run = promisify(execFile);
    const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', script]);
    return JSON.parse(stdout) as string[];
  };

  test('are loaded with a collector, and not without one', async () => {
    expect(await loadedWith(undefined)).toEqual(['@opentelemetry/api']);
    expect(await loadedWith('http://127.0.0.1:9')).toContain('@opentelemetry/sdk-trace');
  });
});

describe('with a collector', () => {
  const open = async () => {
    const collector = await openCollector();
    const tracing = await openTracing({ endpoint: collector.endpoint, service: 'usher' });
    return { ...collector, tracing };
  };

  test('a request’s span is a child of the caller’s, in the caller’s trace', async () => {
    const { tracing, spans, services, paths } = await open();
    const headers = { traceparent: `00-${traceId}-${spanId}-01` };
    const lines: string[] = [];
    const log = makeLog({
      level: 'info',
      service: 'usher',
      destination: { write: (line) => lines.push(line) },
    });
    await tracing.request('holdSeats', { headers, traceId }, async () => log.info('held'));
    await tracing.close();
    expect(spans).toMatchObject([{ name: 'holdSeats', traceId, parentSpanId: spanId, kind: 2 }]);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ traceId, spanId: spans[0]?.spanId });
    expect(services).toContainEqual({ key: 'service.name', value: { stringValue: 'usher' } });
    expect(paths).toEqual(['POST /v1/traces']);
  });

  test('without a caller’s span it is the first of the trace that the response names', async () => {
    const { tracing, spans } = await open();
    await tracing.request('holdSeats', { headers: {}, traceId }, async () => undefined);
    await tracing.request('payOrder', { headers: {}, traceId: traceOf(2) }, async () => undefined);
    await tracing.close();
    expect(spans.map((span) => span.traceId)).toEqual([traceId, traceOf(2)]);
    expect(spans.every((span) => (span.parentSpanId ?? '') === '')).toBe(true);
  });

  test('a header that is not a traceparent does not move a request to another trace', async () => {
    const { tracing, spans } = await open();
    const headers = { traceparent: `00-${traceOf(3)}-nonsense-01` };
    await tracing.request('holdSeats', { headers, traceId }, async () => undefined);
    await tracing.close();
    expect(spans).toMatchObject([{ traceId }]);
  });

  test('concurrent requests keep to their own traces', async () => {
    const { tracing, spans } = await open();
    const traces = Array.from({ length: 20 }, (_, i) => traceOf(i));
    await Promise.all(
      traces.map((each) =>
        tracing.request(each, { headers: {}, traceId: each }, async () => {
          await Promise.resolve();
          expect(currentTraceIds()).toEqual([each]);
        }),
      ),
    );
    await tracing.close();
    expect(spans.map((span) => [span.name, span.traceId])).toEqual(traces.map((t) => [t, t]));
  });

  test('a request whose caller’s trace is not sampled is not recorded', async () => {
    const { tracing, spans } = await open();
    const headers = { traceparent: `00-${traceId}-${spanId}-00` };
    await tracing.request('holdSeats', { headers, traceId }, async () => undefined);
    await tracing.close();
    expect(spans).toEqual([]);
  });

  test('a batch of events is a span in each trace that caused one of them', async () => {
    const { tracing, spans } = await open();
    await tracing.events('tickets', [traceOf(1), traceOf(2), traceOf(1)], async () => undefined);
    await tracing.events('tickets', [], async () => undefined);
    await tracing.close();
    expect(spans).toMatchObject([
      { name: 'tickets', traceId: traceOf(1), kind: 5 },
      { name: 'tickets', traceId: traceOf(2), kind: 5 },
    ]);
  });

  test('a failing call is marked as an error, and still fails', async () => {
    const { tracing, spans } = await open();
    const lost = () => Promise.reject(new Error('lost'));
    await expect(tracing.request('a', { headers: {}, traceId }, lost)).rejects.toThrow('lost');
    await expect(tracing.events('b', [traceId], lost)).rejects.toThrow('lost');
    await tracing.close();
    expect(spans.map((span) => span.status.code)).toEqual([2, 2]);
  });
});

test('a collector that refuses spans is reported in the log, with no other effect', async () => {
  const { endpoint } = await openCollector(400);
  const warnings: unknown[] = [];
  const log = { warn: (fields: unknown) => warnings.push(fields) };
  const tracing = await openTracing({ endpoint, service: 'usher', log: log as never });
  expect(await tracing.request('a', { headers: {}, traceId }, async () => 1)).toBe(1);
  await tracing.close();
  expect(warnings).toHaveLength(1);
});
