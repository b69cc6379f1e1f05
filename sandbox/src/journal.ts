import {
  closeSync,
  existsSync,
  ftruncateSync,
  openSync,
  readSync,
  renameSync,
  writeSync,
} from 'node:fs';
import type { Answer, Idempotency, Slot } from './idempotency.ts';
import type { Ledger, LedgerEntry } from './ledger.ts';
import type { Payment } from './payment.ts';
import type { View } from './payment-json.ts';
import type { Payments } from './payments.ts';
import type { Time } from './time.ts';

type Stores = { payments: Payments; ledger: Ledger; idempotency: Idempotency; time: Time };

/** A stored answer names its payment instead of containing it. */
type WrittenAnswer =
  | Extract<Answer, { kind: 'text' }>
  | { kind: 'payment'; view: Omit<View, 'payment'> & { paymentKey: string } };
type WrittenSlot = { id: string; firstUsedAtMs: number; answer: WrittenAnswer };

/**
 * One line of the file: everything that changed in one turn of the event loop. So a charge, its
 * ledger entry and the answer under its key are either all there or, in a torn line, all missing.
 */
type Line = {
  /** Complete payments: the last line with a payment counts. In the order of creation. */
  payments: Payment[];
  ledger: LedgerEntry[];
  answers: WrittenSlot[];
};

/** A payment that never moved money is deleted at a start this long after its deadline. */
const forgetAfterMs = 24 * 3_600_000;
const rewrittenPerLine = 1000;
const readBytes = 1 << 20;

export type Journal = ReturnType<typeof makeJournal>;

/**
 * State that must outlive the process, appended to a file before any response mentions it. There is
 * no fsync: what was written is in the system's page cache and survives the death of the process,
 * but not of the machine. Until `open`, and always without a file, nothing is written and nobody
 * waits. A write that fails (a full disk) is thrown out of the event loop and ends the program: a
 * provider that cannot keep its books takes no money.
 */
export const makeJournal = () => {
  let fd: number | null = null;
  let turn: NodeJS.Immediate | null = null;
  // Sets and lists of this turn; a payment that changed twice is written once, in its final state.
  const changed = new Set<Payment>();
  let entries: LedgerEntry[] = [];
  let slots: Slot[] = [];
  let waiting: (() => void)[] = [];

  const write = (): void => {
    if (turn === null || fd === null) return;
    clearImmediate(turn);
    turn = null;
    if (changed.size > 0 || entries.length > 0 || slots.length > 0) {
      append(fd, { payments: [...changed], ledger: entries, answers: slots.map(writtenSlot) });
      forgetTurn();
    }
    const told = waiting;
    waiting = [];
    for (const run of told) run();
  };

  const forgetTurn = (): void => {
    changed.clear();
    entries = [];
    slots = [];
  };

  const isKept = (): boolean => {
    if (fd === null) return false;
    turn ??= setImmediate(write);
    return true;
  };

  return {
    /** Restores the stores from the file, rewrites it in compact form, and begins to write. */
    open(file: string, stores: Stores): void {
      restore(file, stores);
      rewrite(file, stores);
      fd = openSync(file, 'a', 0o600);
    },
    payment(payment: Payment): void {
      if (isKept()) changed.add(payment);
    },
    entry(entry: LedgerEntry): void {
      if (isKept()) entries.push(entry);
    },
    answer(slot: Slot): void {
      if (isKept()) slots.push(slot);
    },
    /** Runs `run` when all changes so far are in the file: at once if no write is pending. */
    whenWritten(run: () => void): void {
      if (turn === null) run();
      else waiting.push(run);
    },
    clear(): void {
      if (fd === null) return;
      forgetTurn();
      ftruncateSync(fd, 0);
    },
    close(): void {
      write();
      if (fd !== null) closeSync(fd);
      fd = null;
    },
  };
};

const append = (fd: number, line: Line): void => {
  const bytes = Buffer.from(`${JSON.stringify(line)}\n`);
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done);
};

const writtenSlot = ({ id, firstUsedAtMs, answer }: Slot): WrittenSlot => {
  if (answer === null) throw new Error('a slot is kept when it has its answer');
  if (answer.kind === 'text') return { id, firstUsedAtMs, answer };
  const { payment, ...view } = answer.view;
  const written = { ...view, paymentKey: payment.paymentKey };
  return { id, firstUsedAtMs, answer: { kind: 'payment', view: written } };
};

/** null if the payment was deleted: its answers are deleted with it. */
const slotOf = (
  { id, firstUsedAtMs, answer }: WrittenSlot,
  payments: ReadonlyMap<string, Payment>,
): Slot | null => {
  if (answer.kind === 'text') return { id, firstUsedAtMs, answer };
  const { paymentKey, ...view } = answer.view;
  const payment = payments.get(paymentKey);
  return payment === undefined
    ? null
    : { id, firstUsedAtMs, answer: { kind: 'payment', view: { ...view, payment } } };
};

/**
 * Payments that moved money are never deleted: a refund or a list of transactions weeks later must
 * find them.
 */
const restore = (file: string, { payments, ledger, idempotency, time }: Stores): void => {
  const byKey = new Map<string, Payment>();
  const entries: LedgerEntry[] = [];
  const slots: WrittenSlot[] = [];
  for (const line of readLines(file)) {
    for (const payment of line.payments) {
      byKey.set(payment.paymentKey, { ...payment, isBusy: false });
    }
    entries.push(...line.ledger);
    slots.push(...line.answers);
  }
  // The ledger is in order of time, even if the clock had been advanced.
  time.advance(Math.max(0, (entries.at(-1)?.atMs ?? 0) - time.nowMs()));
  const movedMoney = new Set(entries.map((entry) => entry.paymentKey));
  const forgottenAtMs = time.nowMs() - forgetAfterMs;
  for (const [paymentKey, { expiresAtMs }] of byKey) {
    if (expiresAtMs <= forgottenAtMs && !movedMoney.has(paymentKey)) byKey.delete(paymentKey);
  }
  payments.restore([...byKey.values()]);
  ledger.restore(entries);
  idempotency.restore(slots.map((slot) => slotOf(slot, byKey)).filter((slot) => slot !== null));
};

/** The file's complete lines; a last line without its end was never reported to anybody. */
function* readLines(file: string): Generator<Line> {
  if (!existsSync(file)) return;
  const fd = openSync(file, 'r');
  const chunk = Buffer.alloc(readBytes);
  let parts: Buffer[] = [];
  let number = 0;
  try {
    for (let size = readSync(fd, chunk); size > 0; size = readSync(fd, chunk)) {
      let from = 0;
      for (let end = chunk.indexOf(10); end >= 0 && end < size; end = chunk.indexOf(10, from)) {
        parts.push(chunk.subarray(from, end));
        from = end + 1;
        number += 1;
        yield lineOf(Buffer.concat(parts).toString(), number);
        parts = [];
      }
      if (from < size) parts.push(Buffer.from(chunk.subarray(from, size)));
    }
  } finally {
    closeSync(fd);
  }
}

const lineOf = (text: string, number: number): Line => {
  try {
    return JSON.parse(text) as Line;
  } catch (failure) {
    throw new Error(`line ${number} cannot be read: ${(failure as Error).message}`);
  }
};

/** Into a second file that then replaces it: a kill meanwhile leaves the old one. */
const rewrite = (file: string, { payments, ledger, idempotency }: Stores): void => {
  const lines = [
    ...inLines([...payments.all()]).map((some) => ({ payments: some, ledger: [], answers: [] })),
    ...inLines(ledger.page(0, ledger.size())).map((some) => ({
      payments: [],
      ledger: some,
      answers: [],
    })),
    ...inLines([...idempotency.all()]).map((some) => ({
      payments: [],
      ledger: [],
      answers: some.map(writtenSlot),
    })),
  ];
  const fd = openSync(`${file}.new`, 'w', 0o600);
  for (const line of lines) append(fd, line);
  closeSync(fd);
  renameSync(`${file}.new`, file);
};

const inLines = <T>(all: readonly T[]): T[][] => {
  const count = Math.ceil(all.length / rewrittenPerLine);
  return Array.from({ length: count }, (_, at) =>
    all.slice(at * rewrittenPerLine, (at + 1) * rewrittenPerLine),
  );
};
