/**
 * New places by address over the whole life of a room. Counted when a join begins, so that joins
 * at the same moment do not exceed the limit together, and taken back when it gave no new place.
 */
export type PlacesGiven = ReturnType<typeof makePlacesGiven>;

/** `addressesMax`: with more addresses, those that joined first are forgotten. */
export const makePlacesGiven = (addressesMax: number) => {
  const given = new Map<string, number>();
  return {
    /** Counts one more for this address; false if it has `max` already. */
    take: (address: string, max: number): boolean => {
      const count = given.get(address) ?? 0;
      if (count >= max) return false;
      const [oldest] = given.keys();
      if (count === 0 && given.size >= addressesMax && oldest !== undefined) given.delete(oldest);
      given.set(address, count + 1);
      return true;
    },
    giveBack: (address: string): void => {
      const count = given.get(address) ?? 0;
      if (count > 1) given.set(address, count - 1);
      else given.delete(address);
    },
  };
};
