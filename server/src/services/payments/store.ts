import { assert } from '../../platform/failure.ts';
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
  outcome: 'begun' | 'not-found' | 'amount-differs' | 'ended' | 'not-payable' | 'under-way';
  orderId: string;
  orderState: string;
  key: string;
  amountMinor: number;
  currency: string;
};
/** Of a batch: each an array in the order of the requests; nulls where there is no such attempt. */
type RawBegun = {
  outcomes: BeginResult['outcome'][];
  orderIds: (string | null)[];
  orderStates: (string | null)[];
  keys: (string | null)[];
  amountsMinor: (number | null)[];
  currencies: (string | null)[];
};
export type Settlement = {
  attemptId: string;
  outcome: 'APPROVED' | 'DECLINED' | 'NOT_SENT';
  code: string | null;
  transaction: string | null;
};
export type AttemptRow = {
  id: string;
  orderId: string;
  buyerId: string;
  state: 'CREATED' | 'SEATS_LOCKED' | 'SENT' | 'ANSWERED' | 'SETTLED';
  outcome: 'APPROVED' | 'DECLINED' | 'NOT_SENT' | 'SUPERSEDED' | null;
  amountMinor: number;
  currency: string;
  providerCode: string | null;
  paymentKey: string | null;
  key: string;
  answer: StoredAnswer | null;
  createdAt: Date;
  settledAt: Date | null;
};
/** A definite answer of the provider, kept before it is acted on. */
export type StoredAnswer = {
  outcome: 'APPROVED' | 'DECLINED';
  code: string | null;
  transaction: string | null;
  secret: string | null;
  /** Which no it was, so that a repeat is told the same; null when it was approved. */
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
const columns = `id, order_id, buyer_id, state, outcome, amount_minor, currency, provider_code,
  payment_key, idempotency_key, answer, created_at, settled_at`;
/** As the index of open attempts says it. */
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
  const [row] = await db.query<{ begun: RawBegun }>(
    'SELECT payments.begin($1, $2, $3, $4, $5) AS begun',
    [
      requests.map((r) => r.attemptId),
      requests.map((r) => r.buyerId),
      requests.map((r) => r.amountMinor),
      requests.map((r) => r.paymentKey),
      requests.map((r) => r.requestId),
    ],
  );
  assert(row, 'begin answers');
  const { begun } = row;
  return requests.map((request, i) => {
    const outcome = begun.outcomes[i];
    assert(outcome !== undefined, 'one outcome for each request');
    return {
      outcome,
      orderId: begun.orderIds[i] ?? '',
      orderState: begun.orderStates[i] ?? '',
      key: begun.keys[i] ?? '',
      amountMinor: begun.amountsMinor[i] ?? request.amountMinor,
      currency: begun.currencies[i] ?? '',
    };
  });
};

export const makePaymentStore = (db: Database) => ({
  /**
   * SEATS_LOCKED: from here on no lapse can happen; see sql/begin.sql. A payment key that another
   * attempt uses at the same moment fails the whole statement; then each request goes alone, so
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
    const [row] = await db.query<{ sent: string[] }>('SELECT payments.mark_sent($1) AS sent', [
      attemptIds,
    ]);
    assert(row, 'mark_sent answers');
    return new Set(row.sent);
  },

  /** ANSWERED: a definite answer is kept before it is acted on. */
  markAnswered: async (
    answers: readonly { attemptId: string; answer: StoredAnswer }[],
  ): Promise<void> => {
    await db.query('SELECT payments.mark_answered($1, $2)', [
      answers.map((a) => a.attemptId),
      answers.map((a) => JSON.stringify(a.answer)),
    ]);
  },

  settle: async (
    settlements: readonly Settlement[],
    who: string,
  ): Promise<{ settled: string[]; deltas: Deltas }> => {
    const [row] = await db.query<{ done: { settled: string[]; deltas: Deltas } }>(
      'SELECT payments.settle($1, $2, $3, $4, $5) AS done',
      [
        settlements.map((s) => s.attemptId),
        settlements.map((s) => s.outcome),
        settlements.map((s) => s.code),
        settlements.map((s) => s.transaction),
        who,
      ],
    );
    assert(row, 'settle answers');
    return row.done;
  },

  markUnknown: async (
    unknowns: readonly { attemptId: string; code: string }[],
    who: string,
  ): Promise<void> => {
    await db.query('SELECT payments.mark_unknown($1, $2, $3)', [
      unknowns.map((u) => u.attemptId),
      unknowns.map((u) => u.code),
      who,
    ]);
  },

  openAttempt: async (request: {
    orderId: string;
    buyerId: string;
    attemptId: string;
    key: string;
    provider: string;
    requestId: string;
  }): Promise<'opened' | 'not-found' | 'ended' | 'not-payable'> => {
    const [row] = await db.query<{ outcome: 'opened' | 'not-found' | 'ended' | 'not-payable' }>(
      'SELECT payments.open_attempt($1, $2, $3, $4, $5, $6) AS outcome',
      [
        request.orderId,
        request.buyerId,
        request.attemptId,
        request.key,
        request.provider,
        request.requestId,
      ],
    );
    assert(row, 'open_attempt answers');
    return row.outcome;
  },

  attempt: async (attemptId: string, buyerId: string): Promise<AttemptRow | null> => {
    const [row] = await db.query<Row>(
      `SELECT ${columns} FROM payments.attempts WHERE id = $1 AND buyer_id = $2`,
      [attemptId, buyerId],
    );
    return row === undefined ? null : toAttempt(row);
  },

  /** In the order of the keys; null where no attempt has it. */
  attemptsByPaymentKey: async (paymentKeys: readonly string[]): Promise<(AttemptRow | null)[]> => {
    const rows = await db.query<Row>(
      `SELECT ${columns} FROM payments.attempts WHERE payment_key = ANY ($1)`,
      [paymentKeys],
    );
    const found = new Map(rows.map((row) => [row.payment_key, toAttempt(row)]));
    return paymentKeys.map((paymentKey) => found.get(paymentKey) ?? null);
  },

  /** Attempts that a process left behind in `state` longer ago than `olderThanMs`. */
  leftIn: async (
    state: 'SEATS_LOCKED' | 'ANSWERED',
    olderThanMs: number,
  ): Promise<AttemptRow[]> => {
    const rows = await db.query<Row>(
      `SELECT ${columns} FROM payments.attempts
       WHERE state = $1 AND ${isOpen} AND coalesce(answered_at, locked_at)
         < clock_timestamp() - $2 * interval '1 millisecond'
       ORDER BY locked_at LIMIT 500`,
      [state, olderThanMs],
    );
    return rows.map(toAttempt);
  },

  /** Attempts sent longer ago than any call lasts, whose order does not yet say UNKNOWN. */
  unansweredFor: async (olderThanMs: number): Promise<AttemptRow[]> => {
    const rows = await db.query<Row>(
      `SELECT ${columns} FROM payments.attempts
       WHERE state = 'SENT' AND ${isOpen} AND unknown_since IS NULL
         AND sent_at < clock_timestamp() - $1 * interval '1 millisecond'
       ORDER BY locked_at LIMIT 500`,
      [olderThanMs],
    );
    return rows.map(toAttempt);
  },

  /** Attempts whose outcome is not known, oldest first. */
  unknown: async (limit: number): Promise<AttemptRow[]> => {
    const rows = await db.query<Row>(
      `SELECT ${columns} FROM payments.attempts
       WHERE state = 'SENT' AND ${isOpen} AND unknown_since IS NOT NULL
       ORDER BY locked_at LIMIT $1`,
      [limit],
    );
    return rows.map(toAttempt);
  },
});
export type PaymentStore = ReturnType<typeof makePaymentStore>;

/** What the operator is shown; needs no provider. */
export type UnknownPayments = Pick<PaymentStore, 'unknown'>;
export const makeUnknownPayments = (db: Database): UnknownPayments => makePaymentStore(db);
