import { readAttemptId } from '@usher/domain/ids.ts';
import type { AttemptOutcome, AttemptState } from '@usher/domain/order-states.ts';
import type { CycleKind } from '../../platform/cycle.ts';
import { callFunction } from '../../platform/postgres/batch.ts';
import type { Database } from '../../platform/postgres/sql.ts';
import type { Deltas } from '../seats/index.ts';

export type BeginRequest = {
  attemptId: string;
  buyerId: string;
  amountMinor: number;
  paymentKey: string;
  /** The idempotency key with which the provider will be called; random. */
  key: string;
  provider: string;
  requestId: string;
};
export type BeginResult = {
  /** `reused`: the attempt is for another payment key. */
  outcome:
    | 'begun'
    | 'not-found'
    | 'amount-differs'
    | 'reused'
    | 'ended'
    | 'not-payable'
    | 'under-way';
  orderId: string;
  orderState: string;
  performanceId: string;
  amountMinor: number;
  currency: string;
};
/** One result of sql/begin.sql; nulls if there is no such attempt. */
type BegunRow = {
  outcome: BeginResult['outcome'];
  orderId: string | null;
  orderState: string | null;
  performanceId: string | null;
  amountMinor: number | null;
  currency: string | null;
};
/** A definite answer of the provider, to take effect. */
export type Settlement = {
  attemptId: string;
  /** Of the attempt's order: what a settlement locks first. */
  performanceId: string;
  answer: StoredAnswer;
};
/** What a settled attempt keeps of its answer. */
type SettledAnswer = Pick<StoredAnswer, 'secret' | 'refusal'>;
export type UnknownOutcome = { attemptId: string; code: string };
export type AttemptRow = {
  id: string;
  orderId: string;
  performanceId: string;
  buyerId: string;
  state: AttemptState;
  outcome: AttemptOutcome | null;
  amountMinor: number;
  currency: string;
  providerCode: string | null;
  paymentKey: string | null;
  key: string;
  answer: StoredAnswer | SettledAnswer | null;
  openedAt: Date;
  settledAt: Date | null;
};
/** A definite answer of the provider, as it is stored. */
export type StoredAnswer = {
  outcome: 'APPROVED' | 'DECLINED';
  code: string | null;
  transaction: string | null;
  secret: string | null;
  /** Which refusal it was, so that a repeat gets the same answer; null if it was approved. */
  refusal: 'declined' | 'refused' | 'unsent' | null;
};

/** What is known about an attempt that has not begun. */
export type OpenedOrder = {
  orderId: string;
  amountMinor: number;
  openedAt: Date;
  /** A later attempt was opened. */
  isSuperseded: boolean;
};

type Row = {
  id: string;
  order_id: string;
  performance_id: string;
  buyer_id: string;
  state: AttemptRow['state'];
  outcome: AttemptRow['outcome'];
  amount_minor: number;
  currency: string;
  provider_code: string | null;
  payment_key: string | null;
  idempotency_key: string;
  answer: AttemptRow['answer'];
  opened_at: Date;
  settled_at: Date | null;
};
/** An attempt with the performance of its order; conditions follow. */
const selectAttempts = `
  SELECT a.id, a.order_id, o.performance_id, a.buyer_id, a.state, a.outcome, a.amount_minor,
    a.currency, a.provider_code, a.payment_key, a.idempotency_key, a.answer, a.opened_at,
    a.settled_at
  FROM payments.attempts a CROSS JOIN LATERAL orders.read_order(a.order_id) o`;
const toAttempt = (row: Row): AttemptRow => ({
  id: row.id,
  orderId: row.order_id,
  performanceId: row.performance_id,
  buyerId: row.buyer_id,
  state: row.state,
  outcome: row.outcome,
  amountMinor: row.amount_minor,
  currency: row.currency,
  providerCode: row.provider_code,
  paymentKey: row.payment_key,
  key: row.idempotency_key,
  answer: row.answer,
  openedAt: row.opened_at,
  settledAt: row.settled_at,
});

export const isDuplicate = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === '23505';

/** As sql/begin.sql expects it. */
const writeBegin = (request: BeginRequest) => ({
  ...request,
  ...(readAttemptId(request.attemptId) ?? { orderId: null, attemptNo: null }),
});
const readBegun = (row: BegunRow, { amountMinor }: BeginRequest): BeginResult => ({
  outcome: row.outcome,
  orderId: row.orderId ?? '',
  orderState: row.orderState ?? '',
  performanceId: row.performanceId ?? '',
  amountMinor: row.amountMinor ?? amountMinor,
  currency: row.currency ?? '',
});
/** Another attempt used the payment's key at the same moment. */
export const refuseBegin = ({ amountMinor }: BeginRequest): BeginResult => ({
  outcome: 'not-payable',
  orderId: '',
  orderState: 'PENDING',
  performanceId: '',
  amountMinor,
  currency: '',
});

/**
 * As sql/settle.sql expects it. Of the answer only what the other columns of a settled attempt do
 * not say.
 */
const writeSettlement = ({ attemptId, answer }: Settlement) => ({
  attemptId,
  outcome: answer.outcome,
  code: answer.code,
  transaction: answer.transaction,
  answer: { secret: answer.secret, refusal: answer.refusal },
});

type BeginAnswer = { readonly results: readonly BegunRow[] };
export type SettleAnswer = { readonly results: readonly boolean[]; readonly deltas: Deltas };

/**
 * The calls of payments in the cycle of the process; their ranks are explained in seats/store.ts.
 * A payment key that another attempt uses at the same moment fails its call (isDuplicate).
 */
export const beginKind: CycleKind<BeginRequest, BeginResult, BeginAnswer> = {
  name: 'begin-payments',
  functionName: 'payments.begin',
  rank: 30,
  encode: (calls) => calls.map(writeBegin),
  decode: readBegun,
};
export const settleKind: CycleKind<Settlement, boolean, SettleAnswer> = {
  name: 'settle-payments',
  functionName: 'payments.settle',
  rank: 31,
  encode: (calls) => calls.map(writeSettlement),
  decode: (isSettled) => isSettled,
  readLock: ({ performanceId }) => performanceId,
};
export const markUnknownKind: CycleKind<UnknownOutcome, void, { results: readonly null[] }> = {
  name: 'mark-unknown',
  functionName: 'payments.mark_unknown',
  rank: 32,
  encode: (calls) => calls,
  decode: () => undefined,
};
export const markAnsweredKind: CycleKind<Settlement, void, { results: readonly null[] }> = {
  name: 'mark-answered',
  functionName: 'payments.mark_answered',
  rank: 33,
  encode: (calls) => calls,
  decode: () => undefined,
};

export const makePaymentStore = (db: Database) => ({
  /** SENT: from here on no lapse can happen; see sql/begin.sql. */
  begin: async (requests: readonly BeginRequest[]): Promise<BeginResult[]> => {
    const { results } = await callFunction<BeginAnswer>(db, 'payments.begin', {
      calls: JSON.stringify(requests.map(writeBegin)),
    });
    return requests.map((request, i) => readBegun(results[i] as BegunRow, request));
  },

  /** Whether each was settled by this call; see sql/settle.sql. */
  settle: (settlements: readonly Settlement[]): Promise<SettleAnswer> =>
    callFunction(db, 'payments.settle', {
      calls: JSON.stringify(settlements.map(writeSettlement)),
    }),

  markAnswered: async (answers: readonly Settlement[]): Promise<void> => {
    await callFunction(db, 'payments.mark_answered', { calls: JSON.stringify(answers) });
  },

  markUnknown: async (unknowns: readonly UnknownOutcome[]): Promise<void> => {
    await callFunction(db, 'payments.mark_unknown', { calls: JSON.stringify(unknowns) });
  },

  openAttempt: (
    orderId: string,
    buyerId: string,
  ): Promise<
    { outcome: 'opened'; attemptNo: number } | { outcome: 'not-found' | 'ended' | 'not-payable' }
  > => callFunction(db, 'payments.open_attempt', { order_to_pay: orderId, buyer: buyerId }),

  /** An attempt that has begun; null for one that was only opened, and for another buyer's. */
  attempt: async (attemptId: string, buyerId: string): Promise<AttemptRow | null> => {
    const [row] = await db.query<Row>(`${selectAttempts} WHERE a.id = $1 AND a.buyer_id = $2`, [
      attemptId,
      buyerId,
    ]);
    return row === undefined ? null : toAttempt(row);
  },

  /** The order of an attempt that was opened and has not begun; null for another buyer's. */
  openedOrder: async (attemptId: string, buyerId: string): Promise<OpenedOrder | null> => {
    const named = readAttemptId(attemptId);
    if (named === null) return null;
    const [row] = await db.query<OpenedOrder>(
      `SELECT o.id AS "orderId", o.total_minor AS "amountMinor",
         o.attempt_no > $3 AS "isSuperseded",
         CASE WHEN o.attempt_no = $3 THEN o.attempt_opened_at ELSE o.created_at END AS "openedAt"
       FROM orders.read_order($1) o WHERE o.buyer_id = $2 AND o.attempt_no >= $3`,
      [named.orderId, buyerId, named.attemptNo],
    );
    return row ?? null;
  },

  /** In the order of the keys; null if no attempt has the key. */
  attemptsByPaymentKey: async (paymentKeys: readonly string[]): Promise<(AttemptRow | null)[]> => {
    const found = await db.query<Row>(`${selectAttempts} WHERE a.payment_key = ANY ($1)`, [
      paymentKeys,
    ]);
    const attempts = new Map(found.map((row) => [row.payment_key, toAttempt(row)]));
    return paymentKeys.map((paymentKey) => attempts.get(paymentKey) ?? null);
  },

  /** Attempts whose answer did not take effect within `olderThanMs`, by id. */
  answeredFor: async (olderThanMs: number): Promise<AttemptRow[]> => {
    const found = await db.query<Row>(
      `${selectAttempts} WHERE a.state = 'ANSWERED' AND a.left_since IS NOT NULL
         AND a.answered_at < clock_timestamp() - $1 * interval '1 millisecond'
       ORDER BY a.id LIMIT 500`,
      [olderThanMs],
    );
    return found.map(toAttempt);
  },

  /**
   * Ids of attempts sent longer ago than any call lasts, whose order does not yet say UNKNOWN,
   * oldest first; see sql/find-silent.sql.
   */
  findSilent: (olderThanMs: number): Promise<string[]> =>
    callFunction(db, 'payments.find_silent', { older_than_ms: olderThanMs, limit_attempts: 500 }),

  /** Attempts whose outcome is not known, by id: an earlier order comes first. */
  unknown: async (limit: number, afterId = ''): Promise<AttemptRow[]> => {
    const found = await db.query<Row>(
      `${selectAttempts} WHERE a.state = 'SENT' AND a.left_since IS NOT NULL AND a.id > $2
       ORDER BY a.id LIMIT $1`,
      [limit, afterId],
    );
    return found.map(toAttempt);
  },
});
export type PaymentStore = ReturnType<typeof makePaymentStore>;

/** What the operator sees; works without a provider. */
export type UnknownPayments = Pick<PaymentStore, 'unknown'>;
export const makeUnknownPayments = (db: Database): UnknownPayments => makePaymentStore(db);
