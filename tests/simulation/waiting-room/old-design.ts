/**
 * What another ticket program does (TicketPing, as measured), as small as possible with the same
 * design: each trip to the store is a turn of the event loop, and what a script does in one trip is
 * done at once here. It fails the scenarios that ours must pass.
 */

/** A line before a sale, as people see it. */
export type Line = {
  /** They join, or join again from another tab. */
  arrive: (people: readonly number[]) => Promise<void>;
  /** What the program does by itself each quarter of a second; called people enter at once. */
  turn: () => Promise<void>;
  finish: (who: number) => Promise<void>;
  /** The number of people before them, plus one. */
  placeOf: (who: number) => Promise<number>;
  isAtWork: (who: number) => Promise<boolean>;
  atWork: () => Promise<number>;
  /** The program is down for so long, and restarts. */
  beAway: (ms: number) => Promise<void>;
};

const trip = (): Promise<void> => Promise.resolve();

/**
 * A sorted set of waiting people, by a score that joining sets; a set of people inside with an end
 * each, and a counter of them that key expiry events lower.
 */
export const makeOldLine = (options: { slots: number; slotMs: number }): Line => {
  const waiting = new Map<number, number>();
  const working = new Map<number, number>();
  let [score, counter, nowMs] = [0, 0, 0];
  const begin = (who: number): void => {
    working.set(who, nowMs + options.slotMs);
    counter += 1;
  };
  const inLine = (): number[] => [...waiting].sort(([, a], [, b]) => a - b).map(([who]) => who);
  const arriveOne = async (who: number): Promise<void> => {
    const isFree = counter < options.slots;
    await trip();
    if (isFree) begin(who);
    else waiting.set(who, ++score);
  };
  return {
    arrive: async (people) => {
      for (const who of people) await arriveOne(who);
    },
    turn: async () => {
      nowMs += 250;
      for (const [who, endsAtMs] of working) {
        if (endsAtMs > nowMs) continue;
        working.delete(who);
        counter -= 1;
      }
      const free = options.slots - counter;
      await trip();
      for (const who of inLine().slice(0, Math.max(0, free))) {
        waiting.delete(who);
        begin(who);
      }
    },
    finish: async (who) => {
      if (working.delete(who)) counter -= 1;
    },
    placeOf: async (who) => inLine().indexOf(who) + 1,
    isAtWork: async (who) => working.has(who),
    atWork: async () => working.size,
    beAway: async (ms) => {
      // Keys expire by themselves; the expiry events are sent once, and nobody listens.
      nowMs += ms;
      for (const [who, endsAtMs] of working) if (endsAtMs <= nowMs) working.delete(who);
    },
  };
};

/** Seats of one performance, as a buyer sees them. */
export type Counter = {
  take: (buyer: string, seatNo: number) => Promise<'held' | 'taken'>;
  /** The program restarts, or reloads its memory. */
  refill: () => Promise<void>;
  /** Every hold expires; the events about it are lost. */
  letTimePass: () => Promise<void>;
};

/** Held seats are only in a cache, and are released by the expiry event of a key. */
export const makeOldCounter = (): Counter => {
  const sold = new Set<number>();
  let cache = new Map<number, string>();
  return {
    take: async (buyer, seatNo) => {
      if (sold.has(seatNo) || cache.has(seatNo)) return 'taken';
      cache.set(seatNo, buyer);
      return 'held';
    },
    refill: async () => {
      cache = new Map([...sold].map((seatNo) => [seatNo, 'sold']));
    },
    letTimePass: async () => undefined,
  };
};
