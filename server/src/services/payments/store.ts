import type { AttemptOutcome, AttemptState } from '@usher/domain/order-states.ts';
import { type Columns, callFunction, columns, rows } from '../../platform/postgres/batch.ts';
import type { Database } from '../../platform/postgres/sql.ts';
import type { Deltas } from '../seats/index.ts';

export type BeginRequest = {
  attemptId: string;
  buyerId: string;
  amountMinor: number;
  paymentKey: string;
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
  key: string;
  amountMinor: number;
  currency: string;
};
/** Nulls if there is no such attempt. */
type BegunRow = {
  outcome: BeginResult['outcome'];
  orderId: string | null;
  orderState: string | null;
  key: string | null;
  amountMinor: number | null;
  currency: string | null;
};
export type Settlement = {
  attemptId: string;
  outcome: Exclude<AttemptOutcome, 'SUPERSEDED'>;
  code: string | null;
  transaction: string | null;
};
export type AttemptRow = {
  id: string;
  orderId: string;
  buyerId: string;
  state: AttemptState;
  outcome: AttemptOutcome | null;
  amountMinor: number;
  currency: string;
  providerCode: string | null;
  paymentKey: string | null;
  key: string;
  answer: StoredAnswer | null;
  createdAt: Date;
  settledAt: Date | null;
};
/** A definite answer of the provider, stored before it takes effect. */
export type StoredAnswer = {
  outcome: 'APPROVED' | 'DECLINED';
  code: string | null;
  transaction: string | null;
  secret: string | null;
  /** Which refusal it was, so that a repeat gets the same answer; null if it was approved. */
  refusal: 'declined' | 'refused' | 'unsent' | null;
};

type Row = {
  id: string;
  order_id: string;
  buyer_id: string;
  state: AttemptRow['state'];
  outcome: AttemptRow['outcome'];
  amount_minor: number;
  currency: string;
  provider_code: string | null;
  payment_key: string | null;
  idempotency_key: string;
  answer: StoredAnswer | null;
  created_at: Date;
  settled_at: Date | null;
};
const attemptColumns = `id, order_id, buyer_id, state, outcome, amount_minor, currency,
  provider_code, payment_key, idempotency_key, answer, created_at, settled_at`;
/** The condition of the index of open attempts. */
const isOpen = 'locked_at IS NOT NULL AND settled_at IS NULL';
const toAttempt = (row: Row): AttemptRow => ({
  id: row.id,
  orderId: row.order_id,
  buyerId: row.buyer_id,
  state: row.state,
  outcome: row.outcome,
  amountMinor: row.amount_minor,
  currency: row.currency,
  providerCode: row.provider_code,
  paymentKey: row.payment_key,
  key: row.idempotency_key,
  answer: row.answer,
  createdAt: row.created_at,
  settledAt: row.settled_at,
});

const isDuplicate = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === '23505';

const refusedFor = (request: BeginRequest): BeginResult => ({
  outcome: 'not-payable',
  orderId: '',
  orderState: 'PENDING',
  key: '',
  currency: '',
  amountMinor: request.amountMinor,
});

const beginAll = async (
  db: Database,
  requests: readonly BeginRequest[],
): Promise<BeginResult[]> => {
  const begun = await callFunction<Columns<BegunRow>>(
    db,
    'payments.begin',
    columns(requests, {
      attempt_ids: (r) => r.attemptId,
      buyer_ids: (r) => r.buyerId,
      amounts: (r) => r.amountMinor,
      payment_keys: (r) => r.paymentKey,
      request_ids: (r) => r.requestId,
    }),
  );
  return rows(begun, requests.length).map((row, i) => ({
    outcome: row.outcome,
    orderId: row.orderId ?? '',
    orderState: row.orderState ?? '',
    key: row.key ?? '',
    amountMinor: row.amountMinor ?? requests[i]?.amountMinor ?? 0,
    currency: row.currency ?? '',
  }));
};

export const makePaymentStore = (db: Database) => ({
  /**
   * SEATS_LOCKED: from here on no lapse can happen; see sql/begin.sql. A payment key that another
   * attempt uses at the same moment fails the whole statement; then each request is sent alone, so
   * that only the one with that key is refused.
   */
  begin: async (requests: readonly BeginRequest[]): Promise<BeginResult[]> => {
    try {
      return await beginAll(db, requests);
    } catch (error) {
      if (!isDuplicate(error)) throw error;
      const results: BeginResult[] = [];
      for (const request of requests)
        results.push(
          ...(await beginAll(db, [request]).catch((alone: unknown) => {
            if (!isDuplicate(alone)) throw alone;
            return [refusedFor(request)];
          })),
        );
      return results;
    }
  },

  /** SENT, before the provider is called. Answers the attempts that may be sent. */
  markSent: async (attemptIds: readonly string[]): Promise<Set<string>> => {
    const sent = await callFunction<string[]>(db, 'payments.mark_sent', {
      attempt_ids: attemptIds,
    });
    return new Set(sent);
  },

  /** ANSWERED: a definite answer is stored before it takes effect. */
  markAnswered: async (
    answers: readonly { attemptId: string; answer: StoredAnswer }[],
  ): Promise<void> => {
    await callFunction(
      db,
      'payments.mark_answered',
      columns(answers, {
        attempt_ids: (a) => a.attemptId,
        answers: (a) => JSON.stringify(a.answer),
      }),
    );
  },

  settle: (
    settlements: readonly Settlement[],
    who: string,
  ): Promise<{ settled: string[]; deltas: Deltas }> =>
    callFunction(db, 'payments.settle', {
      ...columns(settlements, {
        attempt_ids: (s) => s.attemptId,
        outcomes: (s) => s.outcome,
        codes: (s) => s.code,
        transactions: (s) => s.transaction,
      }),
      who,
    }),

  markUnknown: async (
    unknowns: readonly { attemptId: string; code: string }[],
    who: string,
  ): Promise<void> => {
    await callFunction(db, 'payments.mark_unknown', {
      ...columns(unknowns, {
        attempt_ids: (u) => u.attemptId,
        codes: (u) => u.code,
      }),
      who,
    });
  },

  openAttempt: (request: {
    orderId: string;
    buyerId: string;
    attemptId: string;
    key: string;
    provider: string;
    requestId: string;
  }): Promise<'opened' | 'repeated' | 'reused' | 'not-found' | 'ended' | 'not-payable'> =>
    callFunction(db, 'payments.open_attempt', {
      order_to_pay: request.orderId,
      buyer: request.buyerId,
      attempt: request.attemptId,
      key: request.key,
      provider: request.provider,
      request: request.requestId,
    }),

  attempt: async (attemptId: string, buyerId: string): Promise<AttemptRow | null> => {
    const [row] = await db.query<Row>(
      `SELECT ${attemptColumns} FROM payments.attempts WHERE id = $1 AND buyer_id = $2`,
      [attemptId, buyerId],
    );
    return row === undefined ? null : toAttempt(row);
  },

  /** In the order of the keys; null if no attempt has the key. */
  attemptsByPaymentKey: async (paymentKeys: readonly string[]): Promise<(AttemptRow | null)[]> => {
    const found = await db.query<Row>(
      `SELECT ${attemptColumns} FROM payments.attempts WHERE payment_key = ANY ($1)`,
      [paymentKeys],
    );
    const attempts = new Map(found.map((row) => [row.payment_key, toAttempt(row)]));
    return paymentKeys.map((paymentKey) => attempts.get(paymentKey) ?? null);
  },

  /** Attempts that a process left behind in `state` longer ago than `olderThanMs`. */
  leftIn: async (
    state: 'SEATS_LOCKED' | 'ANSWERED',
    olderThanMs: number,
  ): Promise<AttemptRow[]> => {
    const found = await db.query<Row>(
      `SELECT ${attemptColumns} FROM payments.attempts
       WHERE state = $1 AND ${isOpen} AND coalesce(answered_at, locked_at)
         < clock_timestamp() - $2 * interval '1 millisecond'
       ORDER BY locked_at LIMIT 500`,
      [state, olderThanMs],
    );
    return found.map(toAttempt);
  },

  /** Attempts sent longer ago than any call lasts, whose order does not yet say UNKNOWN. */
  unansweredFor: async (olderThanMs: number): Promise<AttemptRow[]> => {
    const found = await db.query<Row>(
      `SELECT ${attemptColumns} FROM payments.attempts
       WHERE state = 'SENT' AND ${isOpen} AND unknown_since IS NULL
         AND sent_at < clock_timestamp() - $1 * interval '1 millisecond'
       ORDER BY locked_at LIMIT 500`,
      [olderThanMs],
    );
    return found.map(toAttempt);
  },

  /** Attempts whose outcome is not known, oldest first. */
  unknown: async (limit: number): Promise<AttemptRow[]> => {
    const found = await db.query<Row>(
      `SELECT ${attemptColumns} FROM payments.attempts
       WHERE state = 'SENT' AND ${isOpen} AND unknown_since IS NOT NULL
       ORDER BY locked_at LIMIT $1`,
      [limit],
    );
    return found.map(toAttempt);
  },
});
export type PaymentStore = ReturnType<typeof makePaymentStore>;

/** What the operator sees; works without a provider. */
export type UnknownPayments = Pick<PaymentStore, 'unknown'>;
export const makeUnknownPayments = (db: Database): UnknownPayments => makePaymentStore(db);
