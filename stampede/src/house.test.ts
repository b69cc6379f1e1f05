import { compileLayout } from '@usher/domain/layout.ts';
import { layoutFromCsv } from '@usher/domain/layout-csv.ts';
import type { CsvSeatRow } from '@usher/domain/layout-csv-columns.ts';
import { expect, test } from 'vitest';
import { makeHouse } from './house.ts';

const rowsOf = (csv: string): CsvSeatRow[] => {
  const [heading = '', ...lines] = csv.split('\n');
  const columns = heading.split(',');
  return lines.map((line) =>
    Object.fromEntries(line.split(',').map((cell, i) => [columns[i] ?? '', cell])),
  );
};

test.each([1, 2, 3, 7, 30, 500, 1999, 20_000])(
  'a venue of %i seats is accepted as a seating plan with exactly that many',
  (seats) => {
    const house = makeHouse(seats);
    const outcome = layoutFromCsv(rowsOf(house.csv));
    expect(outcome).toMatchObject({ outcome: 'layout' });
    if (outcome.outcome !== 'layout') return;
    const layout = compileLayout(outcome.document);
    expect(layout.seatCount).toBe(seats);
    expect(outcome.document.grades.toSorted()).toEqual([...house.grades].sort());
  },
);

test('a long row is divided by two aisles, and no neighbours sit across them', () => {
  const outcome = layoutFromCsv(rowsOf(makeHouse(2000).csv));
  if (outcome.outcome !== 'layout') throw new Error('refused');
  const { document } = outcome;
  const firstRow = document.runs.filter(([section, row]) => section === 0 && row === 'A');
  expect(firstRow.map((run) => run[4])).toEqual([10, 20, 10]);
});
