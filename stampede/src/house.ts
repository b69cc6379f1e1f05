/** A venue generated for a run, in the form that an organiser uploads: one line per seat. */
export type House = { csv: string; grades: readonly string[] };

/** Share of the rows, from the stage, up to which a grade reaches. */
const gradesByRow = [
  { grade: 'VIP', upTo: 0.2 },
  { grade: 'R', upTo: 0.5 },
  { grade: 'S', upTo: 0.8 },
  { grade: 'A', upTo: 1 },
] as const;

const rowSeatsMax = 40;
const sectionRowsMax = 26;
/** Seats on each side of the aisles; a long row has two aisles. */
const aisleAfter = [1 / 4, 3 / 4];

/** Exactly `seats` seats in rows of at most 40 with aisles, floor by floor, best grade in front. */
export const makeHouse = (seats: number): House => {
  const width = Math.min(rowSeatsMax, Math.max(1, Math.round(Math.sqrt(seats * 1.6))));
  const rows = Math.ceil(seats / width);
  const lines = ['section,row,number,grade,x,y,section_en'];
  const used = new Set<string>();
  for (let row = 0; row < rows; row++) {
    const floor = Math.floor(row / sectionRowsMax);
    const grade = gradeOf(row, rows);
    used.add(grade);
    const label = String.fromCharCode(65 + (row % sectionRowsMax));
    const count = Math.min(width, seats - row * width);
    for (let place = 0; place < count; place++) {
      const aisles = width < 12 ? 0 : aisleAfter.filter((at) => place >= at * width).length;
      const x = place + 2 * aisles;
      const y = row + 4 * floor;
      lines.push(`${floor + 1}층,${label},${place + 1},${grade},${x},${y},Floor ${floor + 1}`);
    }
  }
  return { csv: lines.join('\n'), grades: [...used] };
};

const gradeOf = (row: number, rows: number): string =>
  gradesByRow.find(({ upTo }) => (row + 0.5) / rows <= upTo)?.grade ?? 'A';
