/** Every id is a prefix that names its kind, `_`, and 26 lower-case Crockford base32 characters. */
export const idPrefixes = {
  account: 'acc',
  session: 'ses',
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
