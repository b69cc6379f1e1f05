/** Every id is a prefix that names its kind, `_`, and 26 lower-case Crockford base32 characters. */
export const idPrefixes = {
  account: 'acc',
  session: 'ses',
  code: 'code',
  venue: 'venue',
  seatingPlan: 'plan',
  show: 'show',
  performance: 'perf',
  hold: 'hold',
  order: 'ord',
  attempt: 'att',
  ticket: 'tkt',
  mail: 'mail',
  event: 'evt',
  lever: 'lev',
} as const;
export type IdKind = keyof typeof idPrefixes;

/** The part after the prefix and its `_`, as a regular expression. */
export const idBody = '[0-9a-hjkmnp-tv-z]{26}';

/**
 * An attempt to pay an order is named by the order and its number, so that neither needs a row
 * before the payment begins: `att_…-1` is the first attempt of `ord_…`.
 */
export const makeAttemptId = (orderId: string, attemptNo: number): string =>
  `${orderId.replace(`${idPrefixes.order}_`, `${idPrefixes.attempt}_`)}-${attemptNo}`;

/** Attempts of earlier versions have an id without a number, which names no order. */
export const attemptIdPattern = `${idPrefixes.attempt}_${idBody}(?:-[1-9][0-9]{0,8})?`;

/** What an attempt's id names; null for one of an earlier version. */
export const readAttemptId = (attemptId: string): { orderId: string; attemptNo: number } | null => {
  const [body, attemptNo] = attemptId.slice(idPrefixes.attempt.length + 1).split('-');
  if (body === undefined || attemptNo === undefined) return null;
  return { orderId: `${idPrefixes.order}_${body}`, attemptNo: Number(attemptNo) };
};
