/**
 * Money that moved: one entry for each capture and each refund, appended and never changed. A run
 * is checked against it, whatever responses the callers got.
 */
export type LedgerEntry = Readonly<{
  seq: number;
  atMs: number;
  kind: 'capture' | 'refund';
  /** 32 hexadecimal digits; the last eight are `seq`, so that a page can start after a key. */
  transactionKey: string;
  paymentKey: string;
  orderId: string;
  method: string;
  customerKey: string | null;
  currency: string;
  /** Positive for both captures and refunds. */
  amount: number;
  /** The payment's status after this entry. */
  status: string;
}>;

export type OrderMoney = {
  orderId: string;
  captures: number;
  captured: number;
  refunded: number;
  net: number;
  paymentKeys: string[];
};

export type DoubleChargeReport = {
  ok: boolean;
  captures: number;
  refunds: number;
  captured: number;
  refunded: number;
  /** Orders for which more than one payment still holds the buyer's money. */
  doubleCharged: OrderMoney[];
  /** Payments that once held more than their price, or refunded more than they took. */
  wrongPayments: { paymentKey: string; captures: number; captured: number; refunded: number }[];
  /** Orders charged more than once whose surplus has been refunded: harmless now, but not right. */
  chargedTwiceAndRefunded: OrderMoney[];
};

/** 000 to FFF: looking digits up takes a quarter of the time of formatting a number. */
const threeDigits = Array.from({ length: 0x1000 }, (_, number) =>
  number.toString(16).toUpperCase().padStart(3, '0'),
);

export type Ledger = ReturnType<typeof makeLedger>;

export const makeLedger = ({
  random,
  written,
}: {
  random: () => number;
  written: (entry: LedgerEntry) => void;
}) => {
  const entries: LedgerEntry[] = [];

  const transactionKey = (seq: number): string => {
    let key = '';
    for (let six = 0; six < 4; six++) {
      const drawn = Math.floor(random() * 0x100_0000);
      key += threeDigits[drawn >> 12]! + threeDigits[drawn & 0xfff]!;
    }
    return `${key}${seq.toString(16).toUpperCase().padStart(8, '0')}`;
  };

  /** The first entry that happened at `atMs` or later. */
  const firstSince = (atMs: number): number => {
    let low = 0;
    let high = entries.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (entries[middle]!.atMs < atMs) low = middle + 1;
      else high = middle;
    }
    return low;
  };

  return {
    append(moved: Omit<LedgerEntry, 'seq' | 'transactionKey'>): LedgerEntry {
      const seq = entries.length;
      const entry = { seq, transactionKey: transactionKey(seq), ...moved };
      entries.push(entry);
      written(entry);
      return entry;
    },

    /** Restores the entries of an earlier run, into an empty ledger. */
    restore(earlier: readonly LedgerEntry[]): void {
      for (const entry of earlier) entries.push(entry);
    },

    size: (): number => entries.length,

    /** Entries from number `from`, at most `limit`. */
    page: (from: number, limit: number): LedgerEntry[] => entries.slice(from, from + limit),

    /** Entries of [sinceMs, untilMs], after the one with `startingAfter` if it is given. */
    between(sinceMs: number, untilMs: number, startingAfter: string | null, limit: number) {
      let from = firstSince(sinceMs);
      if (startingAfter !== null) {
        const seq = Number.parseInt(startingAfter.slice(-8), 16);
        if (entries[seq]?.transactionKey !== startingAfter) return null;
        from = Math.max(from, seq + 1);
      }
      const found: LedgerEntry[] = [];
      for (let at = from; at < entries.length && found.length < limit; at++) {
        if (entries[at]!.atMs > untilMs) break;
        found.push(entries[at]!);
      }
      return found;
    },

    orders: (): OrderMoney[] => [...moneyByOrder(entries).values()],

    assertNoDoubleCharge: (): DoubleChargeReport => findDoubleCharges(entries),

    clear(): void {
      entries.length = 0;
    },
  };
};

const moneyByOrder = (entries: readonly LedgerEntry[]): Map<string, OrderMoney> => {
  const orders = new Map<string, OrderMoney>();
  for (const { orderId, paymentKey, kind, amount } of entries) {
    let order = orders.get(orderId);
    if (order === undefined) {
      order = { orderId, captures: 0, captured: 0, refunded: 0, net: 0, paymentKeys: [] };
      orders.set(orderId, order);
    }
    if (kind === 'capture') {
      order.captures += 1;
      order.captured += amount;
      if (!order.paymentKeys.includes(paymentKey)) order.paymentKeys.push(paymentKey);
    } else {
      order.refunded += amount;
    }
    order.net = order.captured - order.refunded;
  }
  return orders;
};

type PaymentMoney = {
  captures: number;
  captured: number;
  refunded: number;
  price: number;
  wrong: boolean;
};

const moneyByPayment = (entries: readonly LedgerEntry[]): Map<string, PaymentMoney> => {
  const payments = new Map<string, PaymentMoney>();
  for (const { paymentKey, kind, amount } of entries) {
    let money = payments.get(paymentKey);
    if (money === undefined) {
      money = { captures: 0, captured: 0, refunded: 0, price: amount, wrong: false };
      payments.set(paymentKey, money);
    }
    if (kind === 'capture') {
      money.captures += 1;
      money.captured += amount;
    } else {
      money.refunded += amount;
    }
    // A deposit that the bank reversed may come again: more than the price at once is wrong.
    const held = money.captured - money.refunded;
    if (held > money.price || held < 0) money.wrong = true;
  }
  return payments;
};

const findDoubleCharges = (entries: readonly LedgerEntry[]): DoubleChargeReport => {
  const payments = moneyByPayment(entries);
  const holdsMoney = (paymentKey: string): boolean => {
    const money = payments.get(paymentKey)!;
    return money.captured > money.refunded;
  };
  const report: DoubleChargeReport = {
    ok: true,
    captures: 0,
    refunds: 0,
    captured: 0,
    refunded: 0,
    doubleCharged: [],
    wrongPayments: [],
    chargedTwiceAndRefunded: [],
  };
  for (const { kind, amount } of entries) {
    if (kind === 'capture') {
      report.captures += 1;
      report.captured += amount;
    } else {
      report.refunds += 1;
      report.refunded += amount;
    }
  }
  for (const order of moneyByOrder(entries).values()) {
    if (order.paymentKeys.length <= 1) continue;
    const stillCharged = order.paymentKeys.filter(holdsMoney).length;
    (stillCharged > 1 ? report.doubleCharged : report.chargedTwiceAndRefunded).push(order);
  }
  for (const [paymentKey, { captures, captured, refunded, wrong }] of payments) {
    if (wrong) report.wrongPayments.push({ paymentKey, captures, captured, refunded });
  }
  report.ok = report.doubleCharged.length === 0 && report.wrongPayments.length === 0;
  return report;
};
