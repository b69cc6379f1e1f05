import { type ErrorCode, errorBody, errors } from './errors.ts';
import type { View } from './payment-json.ts';

/** An answer as stored for a replay: a fixed text, or a payment as it was at that time. */
export type Answer =
  | { kind: 'text'; status: number; code: string | null; body: string }
  | { kind: 'payment'; view: View };

export const errorAnswer = (code: ErrorCode, english: boolean): Answer => ({
  kind: 'text',
  status: errors[code].status,
  code,
  body: errorBody(code, english),
});

export type Slot = { id: string; answer: Answer | null; firstUsedAtMs: number };

/** A key is valid for 15 days from its first use. */
export const keyTtlMs = 15 * 24 * 3_600_000;
export const keyLengthMax = 300;

export type Idempotency = ReturnType<typeof makeIdempotency>;

/**
 * First answers by Idempotency-Key. Requests are the same if key, API key, URL and method are the
 * same; the body is not compared. Only one secret key exists here and every POST has its own URL,
 * so key and URL identify a request.
 */
export const makeIdempotency = ({
  nowMs,
  keysMax,
  answered,
}: {
  nowMs: () => number;
  keysMax: number;
  /** Called with every answer that is stored. */
  answered: (slot: Slot) => void;
}) => {
  const slots = new Map<string, Slot>();

  /** Entries are in the order of their first use, so the expired ones come first. */
  const dropLapsed = (): void => {
    const lapsedAtMs = nowMs() - keyTtlMs;
    for (const [id, slot] of slots) {
      if (slot.firstUsedAtMs > lapsedAtMs) return;
      slots.delete(id);
    }
  };

  return {
    /** `answer` null in the returned slot means that the first request is still running. */
    begin(key: string, path: string): { isNew: boolean; slot: Slot } | 'full' {
      dropLapsed();
      const id = `${path} ${key}`;
      const known = slots.get(id);
      if (known !== undefined) return { isNew: false, slot: known };
      if (slots.size >= keysMax) return 'full';
      const slot: Slot = { id, answer: null, firstUsedAtMs: nowMs() };
      slots.set(id, slot);
      return { isNew: true, slot };
    },
    keep(slot: Slot, answer: Answer): void {
      slot.answer = answer;
      answered(slot);
    },
    /** The request never reached the provider: the key is unused again. */
    release(key: string, path: string): void {
      slots.delete(`${path} ${key}`);
    },
    size: (): number => slots.size,
    all: (): Iterable<Slot> => slots.values(),
    /** Restores the answers of an earlier run, in the order in which they were written. */
    restore(kept: readonly Slot[]): void {
      const byFirstUse = [...kept].sort((a, b) => a.firstUsedAtMs - b.firstUsedAtMs);
      for (const slot of byFirstUse) slots.set(slot.id, slot);
      dropLapsed();
    },
    clear: (): void => slots.clear(),
  };
};
