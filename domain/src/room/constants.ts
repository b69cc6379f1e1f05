/** Fixed numbers of a room, each with its reason; configurable ones are in its terms. */

/** How often every process ticks the store and reads the room. */
export const tickMs = 250;
/** Rooms that wait for their lobby tick only every fourth round. */
export const quietRounds = 4;
/** Closed rooms tick every fortieth round: their number grows every month. */
export const closedRounds = 40;
/** Of the people called while others wait, at most one in this many is late; see types.ts. */
export const lateOneIn = 4;
/** How often the rows of rooms are reloaded, to discover rooms created by other processes. */
export const rowsEveryMs = 1000;
/** How long after a room was created or a bypass ended all processes require passes. */
export const passesGraceMs = 2000;
/** A document older than this is no longer served. */
export const staleMaxMs = 30_000;
/** Streams are for small rooms: frames for more viewers would take most of a core. */
export const streamWaitingMax = 20_000;
/** Minimum time between two frames of a room, however often its front moves. */
export const frameEveryMs = 1000;
/** Draws over more entries are computed in a thread (1.5 ms per thousand entries). */
export const threadEntries = 5000;
/** A room with more people waiting per seat left is crowded. */
export const crowdedPerSeat = 2;
/** A pass outlives the deadline of its order by more than clock differences and latency. */
export const pinMarginMs = 1000;
/** Addresses whose new places a process counts in a room; with more, the oldest are forgotten. */
export const addressesMax = 200_000;
/** A room whose joins exceed this multiple of its rate asks for more work of each. */
export const calmMinutes = 5;
/** Joins a minute that are calm in any room: a house is often sold out by fewer people. */
export const calmJoinsMin = 600;
/** The challenge grows with the joins, to this multiple of what the operator set at most. */
export const challengeGrowsMax = 32;
/** The hardest challenge, in hashes; also the largest that an operator may set. */
export const challengeCostMax = 10_000_000;
/** Passes that a process remembers as confirmed, for while the store is away: some 30 MB. */
export const confirmedPassesMax = 100_000;
/** With more performances the polled document would be too long; their list has the numbers. */
export const performancesTold = 20;
/** Most closed orders that one round processes. */
export const orderEndsAtOnce = 500;
