import { Failure } from '../failure.ts';

/** What a server says that cannot serve now, and may serve later. */
const notNow =
  /^(?:BUSY|CLUSTERDOWN|LOADING|MASTERDOWN|MISCONF|NOREPLICAS|OOM|READONLY|TRYAGAIN|UNBLOCKED)\b/;

/**
 * Turns what the driver throws into a Failure. An error that a script ran into is a bug of ours and
 * stays what it is.
 */
export const asFailure = (cause: unknown): unknown => {
  if (cause instanceof Failure || !(cause instanceof Error)) return cause;
  if (cause.name === 'ReplyError' && !notNow.test(cause.message)) return cause;
  const message = `Redis cannot be reached: ${cause.message}`;
  return new Failure('STORE_UNREACHABLE', message, { retryable: true, cause });
};
