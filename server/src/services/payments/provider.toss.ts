import { findTextFault } from '@usher/contract/primitives.ts';
import { Pool } from 'undici';
import { z } from 'zod';
import {
  type Provider,
  type ProviderAnswer,
  type ProviderRequest,
  stillPending,
} from './provider.ts';
import { meaningAtConfirm, meaningOfStatus } from './toss-codes.ts';

/** What is stored of an answer: one that cannot be stored must not stop those beside it. */
const storable = z.string().refine((text) => findTextFault(text) === null);
/** Without the fields that are not listed; an answer has some forty of them. */
const payment = z.object({
  paymentKey: storable,
  orderId: storable,
  status: storable,
  totalAmount: z.number(),
  currency: z.string(),
  lastTransactionKey: storable.nullish(),
  secret: storable.nullish(),
});
const failure = z.object({ code: storable.max(100) });

/** Errors before the first byte of a request is sent. */
const unsentCodes = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
  'EHOSTUNREACH',
]);

const answerBytesMax = 256 * 1024;
/**
 * Calls that hang occupy their connection for a minute: at 2,000 payments a second with 1 % hanging
 * that is 1,200, and the calls behind them must not wait.
 */
const connectionsMax = 4096;

/**
 * The core API of Toss Payments over HTTP. `timeoutMs` follows its advice for calls that move money
 * (60 s); connecting may take 3 s. No redirects, bounded answers, unknown fields ignored.
 */
export const makeTossProvider = (options: {
  url: string;
  secretKey: string;
  timeoutMs: number;
}): Provider => {
  const pool = new Pool(new URL(options.url).origin, {
    connections: connectionsMax,
    connect: { timeout: 3000 },
    headersTimeout: options.timeoutMs,
    bodyTimeout: options.timeoutMs,
    maxResponseSize: answerBytesMax,
  });
  const authorization = `Basic ${Buffer.from(`${options.secretKey}:`).toString('base64')}`;

  const call = async (
    method: 'GET' | 'POST',
    path: string,
    request: ProviderRequest,
    body?: unknown,
  ): Promise<{ status: number; body: unknown } | { kind: 'unknown' | 'unsent'; code: string }> => {
    try {
      const response = await pool.request({
        method,
        path,
        headers: {
          authorization,
          'content-type': 'application/json',
          ...(method === 'POST' ? { 'idempotency-key': request.key } : {}),
        },
        body: body === undefined ? null : JSON.stringify(body),
      });
      return { status: response.statusCode, body: await response.body.json() };
    } catch (error) {
      const code =
        error instanceof Error && 'code' in error && typeof error.code === 'string'
          ? error.code
          : 'NO_ANSWER';
      return { kind: unsentCodes.has(code) ? 'unsent' : 'unknown', code };
    }
  };

  /** An approved payment that is exactly the one that we requested, to the won. */
  const judgePayment = (request: ProviderRequest, body: unknown): ProviderAnswer | 'pending' => {
    const parsed = payment.safeParse(body);
    if (!parsed.success) return { kind: 'unknown', code: 'ANSWER_UNREADABLE' };
    const { data } = parsed;
    const isOurs =
      data.paymentKey === request.paymentKey &&
      data.orderId === request.attemptId &&
      data.totalAmount === request.amountMinor &&
      data.currency === request.currency;
    if (!isOurs) return { kind: 'unknown', code: 'ANSWER_MISMATCH' };
    const meaning = meaningOfStatus(data.status);
    if (meaning === 'pending') return 'pending';
    if (meaning === 'approved')
      return {
        kind: 'approved',
        transaction: data.lastTransactionKey ?? data.paymentKey,
        secret: data.secret ?? null,
      };
    return { kind: meaning, code: data.status };
  };

  return {
    confirm: async (request) => {
      const answer = await call('POST', '/v1/payments/confirm', request, {
        paymentKey: request.paymentKey,
        orderId: request.attemptId,
        amount: request.amountMinor,
      });
      if ('kind' in answer) return answer;
      if (answer.status === 200) {
        const judged = judgePayment(request, answer.body);
        return judged === 'pending' ? { kind: 'unknown', code: stillPending } : judged;
      }
      const parsed = failure.safeParse(answer.body);
      if (!parsed.success) return { kind: 'unknown', code: `HTTP_${answer.status}` };
      return { kind: meaningAtConfirm(parsed.data.code), code: parsed.data.code };
    },
    query: async (request) => {
      const path = `/v1/payments/${encodeURIComponent(request.paymentKey)}`;
      const answer = await call('GET', path, request);
      if ('kind' in answer) return { kind: 'unknown', code: answer.code };
      if (answer.status !== 200) return { kind: 'unknown', code: `HTTP_${answer.status}` };
      const judged = judgePayment(request, answer.body);
      return judged === 'pending' ? { kind: 'unknown', code: stillPending } : judged;
    },
    // Calls without an answer yet are aborted: their outcome is unknown and is queried at the next
    // start.
    close: () => pool.destroy(),
  };
};
