/** Houses with their facts, about 1 kB each. */
export const venuesMax = 10_000;
/** Seating plans of one venue; they are listed on one page. */
export const plansMax = 100;
/** Seats of all compiled plans in memory together, about 40 bytes each: 80 MB. */
export const planSeatsMax = 2_000_000;
/** Venues never change, so cached ones stay valid. */
export const freshMs = Infinity;
/** Faults listed of a refused file; more usually means the same error on every line. */
export const faultsListedMax = 500;
/** Up to about 1,500 seats, which take 40 ms, starting a thread (0.3 s) is not worth it. */
export const smallFileCharacters = 50_000;
