import type { CallName } from './errors.ts';

/** One call to the API as the provider saw it. */
export type CallRecord = {
  seq: number;
  atMs: number;
  call: CallName;
  idempotencyKey: string | null;
  orderId: string | null;
  paymentKey: string | null;
  amount: number | null;
  /** The answer that was decided; null while it is running, or if it was lost before. */
  status: number | null;
  code: string | null;
  isReplay: boolean;
  /** The fault between the decision and the caller, such as `after-commit hang`. */
  fault: string | null;
};

export type Calls = ReturnType<typeof makeCalls>;

/** The last `callsMax` calls; older ones are overwritten and counted. */
export const makeCalls = ({ callsMax }: { callsMax: number }) => {
  const ring: CallRecord[] = [];
  let made = 0;

  const inOrder = (): CallRecord[] => {
    const oldest = made % callsMax;
    return made <= callsMax ? ring : [...ring.slice(oldest), ...ring.slice(0, oldest)];
  };

  return {
    add(record: Omit<CallRecord, 'seq'>): CallRecord {
      const numbered = record as CallRecord;
      numbered.seq = made;
      ring[made % callsMax] = numbered;
      made += 1;
      return numbered;
    },
    find: (isWanted: (record: CallRecord) => boolean): CallRecord[] => inOrder().filter(isWanted),
    /** Payments that were confirmed under more than one idempotency key, or without one. */
    changedKeys(): { paymentKey: string; idempotencyKeys: (string | null)[] }[] {
      const keys = new Map<string, Set<string | null>>();
      for (const { call, paymentKey, idempotencyKey } of ring) {
        if (call !== 'confirm' || paymentKey === null) continue;
        const seen = keys.get(paymentKey) ?? new Set();
        keys.set(paymentKey, seen.add(idempotencyKey));
      }
      return [...keys]
        .filter(([, seen]) => seen.size > 1 || seen.has(null))
        .map(([paymentKey, seen]) => ({ paymentKey, idempotencyKeys: [...seen] }));
    },
    made: (): number => made,
    overwritten: (): number => Math.max(0, made - callsMax),
    clear(): void {
      ring.length = 0;
      made = 0;
    },
  };
};
