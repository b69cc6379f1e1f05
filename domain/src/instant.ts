/** Milliseconds since 1970 as instants are written on the wire: ISO 8601, UTC. */
export const writeInstant = (atMs: number): string => new Date(atMs).toISOString();
