import { isRawBody, type RouteSpec } from '@usher/contract/route.ts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { StoredAnswer } from './idempotency.ts';
import { problemBodyOf, type Refusal, statusOf } from './problem.ts';
import { type Answer, repeatHeaders } from './route.ts';

const json = 'application/json; charset=utf-8';
const problemJson = 'application/problem+json; charset=utf-8';
/** A crowd whose streams were refused does not come back at once. */
const comeBackMinMs = 3000;

const problemTextOf = (request: FastifyRequest, refusal: Refusal): string => {
  const instance = request.url.split('?')[0] ?? '/';
  return JSON.stringify(problemBodyOf(refusal, { instance, traceId: request.id }));
};

const setRetryAfter = (reply: FastifyReply, refusal: Refusal): void => {
  if (refusal.retryAfterMs === undefined) return;
  reply.header('retry-after', Math.max(1, Math.ceil(refusal.retryAfterMs / 1000)));
};

/** Whether an EventSource is refused only for now; it would give up for good on this status. */
const isComingBack = (request: FastifyRequest, refusal: Refusal): boolean =>
  request.headers.accept === 'text/event-stream' && [429, 503].includes(statusOf(refusal));

/** An empty stream that says when to open it again. */
const sendComeBack = (reply: FastifyReply, { retryAfterMs = 0 }: Refusal): FastifyReply =>
  reply
    .code(200)
    .header('content-type', 'text/event-stream; charset=utf-8')
    .header('cache-control', 'no-store')
    .send(`retry: ${Math.max(retryAfterMs, comeBackMinMs)}\n\n`);

export const sendRefusal = (
  request: FastifyRequest,
  reply: FastifyReply,
  refusal: Refusal,
): FastifyReply => {
  if (isComingBack(request, refusal)) return sendComeBack(reply, refusal);
  setRetryAfter(reply, refusal);
  return reply
    .code(statusOf(refusal))
    .header('content-type', problemJson)
    .header('cache-control', 'no-store')
    .send(problemTextOf(request, refusal));
};

/** The text of a JSON response; with `isChecked`, one that violates its contract is a bug. */
const textOf = (spec: RouteSpec, status: number, body: unknown, isChecked: boolean): string => {
  const text = JSON.stringify(body);
  const schema = spec.responses[status];
  if (!isChecked || schema === undefined || schema === null || isRawBody(schema)) return text;
  const parsed = schema.safeParse(JSON.parse(text));
  if (parsed.success) return text;
  throw new Error(
    `${spec.name} violates its contract with a ${status} response: ${parsed.error.message}`,
  );
};

const setHeaders = (reply: FastifyReply, answer: Answer<RouteSpec>): void => {
  if (!('headers' in answer)) return;
  for (const [name, value] of Object.entries(answer.headers ?? {}))
    reply.header(name, typeof value === 'string' ? value : [...value]);
};

export const sendAnswer = (
  spec: RouteSpec,
  request: FastifyRequest,
  reply: FastifyReply,
  answer: Answer<RouteSpec>,
  isChecked: boolean,
): FastifyReply => {
  if ('stream' in answer) {
    answer.stream(reply);
    return reply;
  }
  if ('refusal' in answer) return sendRefusal(request, reply, answer);
  setHeaders(reply, answer);
  reply.code(answer.status);
  if ('raw' in answer) return reply.send(answer.raw);
  if (!('body' in answer)) return reply.send();
  if (!reply.hasHeader('cache-control')) reply.header('cache-control', 'no-store');
  return reply
    .header('content-type', json)
    .send(textOf(spec, answer.status, answer.body, isChecked));
};

/** A response as it is stored for retries of its call. */
export const storedFrom = (
  spec: RouteSpec,
  request: FastifyRequest,
  answer: Answer<RouteSpec>,
  isChecked: boolean,
): StoredAnswer => {
  if ('stream' in answer || 'raw' in answer)
    throw new Error(`assertion failed: ${spec.name} has a response that cannot be stored`);
  if ('refusal' in answer)
    return {
      status: statusOf(answer),
      contentType: problemJson,
      body: problemTextOf(request, answer),
    };
  const body = 'body' in answer ? textOf(spec, answer.status, answer.body, isChecked) : '';
  return { status: answer.status, contentType: json, body };
};

/** `fresh`: the response that was just stored, whose headers are sent too; null for a retry. */
export const sendStored = (
  reply: FastifyReply,
  stored: StoredAnswer,
  fresh: Answer<RouteSpec> | null,
): FastifyReply => {
  if (fresh === null) reply.headers(repeatHeaders);
  else setHeaders(reply, fresh);
  reply.code(stored.status).header('cache-control', 'no-store');
  if (stored.body === '') return reply.send();
  return reply.header('content-type', stored.contentType).send(stored.body);
};
