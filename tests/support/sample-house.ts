import type { LayoutDocument, LayoutRun } from '@usher/domain/layout.ts';

/**
 * A small valid plan for tests: each row is a list of runs with their counts of seats, three
 * metres of aisle between runs, ten rows a section, the stage in front of the first row.
 */
export const sampleHouse = (
  rows: readonly (readonly number[])[],
  gradeOfRow: (row: number) => number = () => 0,
  grades: string[] = ['VIP', 'R', 'S'],
): LayoutDocument => {
  const runs = rows.flatMap((counts, row) => {
    let x = 0;
    let number = 1;
    return counts.map((count): LayoutRun => {
      const path = count === 1 ? [x, row * 12] : [x, row * 12, 10, 0];
      const section = Math.floor(row / 10);
      const run: LayoutRun = [section, `${row + 1}`, number, 1, count, gradeOfRow(row), path];
      x += count * 10 + 50;
      number += count;
      return run;
    });
  });
  return {
    format: 1,
    grades,
    sections: Array.from({ length: Math.ceil(rows.length / 10) }, (_, i) => ({
      name: { ko: `${i + 1}구역`, en: `Block ${i + 1}` },
      outline: [],
    })),
    stage: { name: { ko: '무대', en: 'Stage' }, outline: [], focus: { x: 100, y: -40 } },
    seatSize: 8,
    runs,
  };
};
