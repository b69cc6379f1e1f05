import { Failure } from '../failure.ts';

/** Error replies of a server that cannot serve now but may later. */
const notNow =
  /^(?:BUSY|CLUSTERDOWN|LOADING|MASTERDOWN|MISCONF|NOREPLICAS|OOM|READONLY|TRYAGAIN|UNBLOCKED)\b/;

/**
 * Turns driver errors into a Failure. An error inside a script is a bug of ours and is not changed.
 */
export const asFailure = (cause: unknown): unknown => {
  if (cause instanceof Failure || !(cause instanceof Error)) return cause;
  if (cause.name === 'ReplyError' && !notNow.test(cause.message)) return cause;
  const message = `Redis cannot be reached: ${cause.message}`;
  return new Failure('STORE_UNREACHABLE', message, { retryable: true, cause });
};
