/** Limits of the catalogue's caches; each bounds what a process keeps in memory. */

/** Shows with their texts, about 3 kB each: 30 MB. */
export const showsMax = 10_000;
/** Performances of all shows in memory together, 200 bytes each: 40 MB. */
export const performancesMax = 200_000;
/** The show of each performance, 150 bytes each; never changes. */
export const performanceShowsMax = 100_000;
export const posterBytesMax = 32 * 1024 * 1024;
/** Pages of lists by their whole query, about 10 kB each: 20 MB. */
export const pagesMax = 2000;
/** Shows whose seats left are in memory. */
export const stockMax = 10_000;

/**
 * Facts change only by an edit, of which every process is notified (LISTEN catalogue_changed). The
 * minute covers a notification whose loss went undetected.
 */
export const factsFreshMs = 60_000;
/** Lists change with time, as sales open and end. */
export const pagesFreshMs = 1000;
export const pagesStaleMs = 1000;
/** Paintings by version, about 2 kB each for 20,000 seats: 10 MB. They never change. */
export const paintingsMax = 5000;
/** Seats of all painted layouts in memory together, a byte each in addition to their plan. */
export const paintedSeatsMax = 10_000_000;

/** Seats left are at most a second old, even while they are being recounted (7 ms of the
 * database for 20,000 seats). */
export const stockFreshMs = 500;
export const stockStaleMs = 500;
/** Likes and sold out are read for all shows together this often, whatever is asked for. */
export const countsReadEveryMs = 1000;
/** A slow commit has an earlier timestamp: reading again from this far back finds it. */
export const countsOverlapMs = 15_000;

/** Likes notified in one transaction. */
export const toldAtOnce = 500;
/**
 * How far back the job of every minute looks for performances that began, because it may run late.
 */
export const begunLookBackMs = 10 * 60_000;
/**
 * A job for an opening runs this much after it: the clocks of the database, which starts the job,
 * and of the process, which decides whether the sale is open, may differ.
 */
export const openingDelayMs = 500;
/** The job of every minute plans the openings of the next two: one run may be late. */
export const openingsAheadMs = 2 * 60_000;
