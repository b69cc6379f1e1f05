/** Numbers of a room that nobody sets, each with its reason; what is set is in its terms. */

/** How often every process lets the store do what time brings, and reads the room with it. */
export const tickMs = 250;
/** Of rooms that wait for their lobby only every fourth round is played. */
export const quietRounds = 4;
/** Of those that are over, every fortieth: a program has had more of them every month. */
export const closedRounds = 40;
/** Rows of rooms are read again this often: a room that another process made is known by then. */
export const rowsEveryMs = 1000;
/** Passes are wanted everywhere this long after a room was made or a bypass ended. */
export const passesGraceMs = 2000;
/** A document older than this is not given any more. */
export const staleMaxMs = 30_000;
/** Streams are for small rooms: a frame to each of more would take most of a core. */
export const streamWaitingMax = 20_000;
/** Frames of a room are at least this far apart, however often its front moves. */
export const frameEveryMs = 1000;
/** A draw over more entries is computed in a thread (1.5 ms for a thousand). */
export const threadEntries = 5000;
/** With more people waiting than this for each seat left a room is crowded. */
export const crowdedPerSeat = 2;
/** A pass outlives the deadline of its order by more than clocks and trips differ. */
export const pinMarginMs = 1000;
/** Ends of orders that one round plays. */
export const orderEndsAtOnce = 500;
