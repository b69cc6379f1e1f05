import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';

const scope = new AsyncLocalStorage<readonly string[]>();

/** The current traces: one of a request, perhaps several of a batch of events, or none. */
export const currentTraceIds = (): readonly string[] => scope.getStore() ?? [];

export const inTraces = <T>(traceIds: readonly string[], work: () => T): T =>
  scope.run(traceIds, work);

/** The trace id of a W3C `traceparent` header, or null if it is not valid. */
export const traceIdOf = (traceparent: unknown): string | null => {
  if (typeof traceparent !== 'string') return null;
  const [, version, traceId, spanId, more] =
    /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?$/.exec(traceparent) ?? [];
  if (traceId === undefined || spanId === undefined || version === 'ff') return null;
  if (version === '00' && more !== undefined) return null;
  return /^0+$/.test(traceId) || /^0+$/.test(spanId) ? null : traceId;
};

// Fetched in bulk: one system call for 256 requests instead of one for each.
let pool = Buffer.alloc(0);
let used = 0;

/** A trace id for a request that sent none: 16 random bytes as hex. */
export const newTraceId = (): string => {
  if (used + 16 > pool.length) {
    pool = randomBytes(4096);
    used = 0;
  }
  used += 16;
  return pool.toString('hex', used - 16, used);
};
