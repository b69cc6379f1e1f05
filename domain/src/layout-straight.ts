import type { CsvPlan, CsvSeat } from './layout-csv-seats.ts';

/** Distances in seats: rows are slightly farther apart than neighbours, sections much farther. */
const rowDepth = 1.3;
const sectionGap = 3;
/** A gap in the numbers of a row is drawn as one aisle, however large the gap is. */
const aisleSeats = 3;

/**
 * Gives every seat a position if the file has none: section after section from the stage, rows in
 * order, each straight and centred, with an aisle at each gap in its numbers.
 */
export const layOutStraight = (plan: CsvPlan): void => {
  let y = 0;
  for (const rows of plan.values()) {
    for (const row of rows.values()) {
      const places = spreadRow(row);
      const middle = (places.at(-1) ?? 0) / 2;
      for (const [i, seat] of row.entries()) {
        seat.x = (places[i] ?? 0) - middle;
        seat.y = y;
      }
      y += rowDepth;
    }
    y += sectionGap;
  }
};

/** Distances of the seats of a row from its first one. */
const spreadRow = (row: readonly CsvSeat[]): number[] => {
  const steps = row.slice(1).flatMap((seat, i) => {
    const before = row[i];
    return before?.series === seat.series ? [seat.number - before.number] : [];
  });
  const usual = Math.min(...steps.filter((step) => step > 0), Infinity);
  let place = 0;
  return row.map((seat, i) => {
    const before = row[i - 1];
    if (before === undefined) return place;
    const isSuccessive = before.series === seat.series && seat.number - before.number <= usual;
    place += isSuccessive ? 1 : aisleSeats;
    return place;
  });
};
