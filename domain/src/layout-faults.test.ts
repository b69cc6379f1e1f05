import { sampleHouse } from '@usher/tests/support/sample-house.ts';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type LayoutDocument, type LayoutRun, notSuggested, type RunExtras } from './layout.ts';
import { type LayoutFault, layoutFaults, maxSeats, overlappingSeats } from './layout-faults.ts';

const faultsAfter = (change: (document: LayoutDocument) => void): LayoutFault[] => {
  const document = sampleHouse([[4, 4], [4, 4], [4]]);
  change(document);
  return layoutFaults(document);
};

const withRun =
  (...parts: Partial<LayoutRun>): ((document: LayoutDocument) => void) =>
  (document) => {
    const sound: LayoutRun = [0, '9', 1, 1, 3, 0, [0, 300, 10, 0]];
    document.runs.push(sound.map((value, i) => parts[i] ?? value) as LayoutRun);
  };

const withExtras = (extras: RunExtras) => (document: LayoutDocument) => {
  document.runs.push([0, '9', 1, 1, 3, 0, [0, 300, 10, 0], extras]);
};

describe('the faults of a seating plan', () => {
  test('are none for a valid plan', () => {
    expect(layoutFaults(sampleHouse([[4, 4], [1, 9], [3]]))).toEqual([]);
    expect(faultsAfter(withRun())).toEqual([]);
    const labels = ['A12', '휠1', 'B'];
    expect(faultsAfter(withExtras({ labels, marks: { ACCESSIBLE: [1] } }))).toEqual([]);
    const suggestsNothing = sampleHouse([[4]], () => notSuggested, []);
    expect(layoutFaults(suggestsNothing)).toEqual([]);
  });

  test.each<[string, LayoutFault['code'], (document: LayoutDocument) => void]>([
    ['no seats', 'BAD_RUN', (d) => d.runs.splice(0)],
    ['grades that runs name and the plan lacks', 'BAD_RUN', (d) => d.grades.splice(0)],
    ['a grade twice', 'BAD_GRADE', (d) => d.grades.push('VIP')],
    ['a grade of too many letters', 'BAD_GRADE', (d) => d.grades.push('가'.repeat(21))],
    ['a section without a name', 'BAD_SECTION', (d) => d.sections.push(section(' ', 'Upper'))],
    ['a section twice', 'BAD_SECTION', (d) => d.sections.push(section('1구역', 'Block 9'))],
    ['too many sections', 'TOO_MANY', (d) => d.sections.push(...manySections())],
    ['too many seats', 'TOO_MANY', withRun(0, '9', 1, 1, maxSeats)],
    ['no seat size', 'BAD_SEAT_SIZE', (d) => Object.assign(d, { seatSize: 0 })],
    ['a section that does not exist', 'BAD_RUN', withRun(7)],
    ['a row without a label', 'BAD_RUN', withRun(0, ' ')],
    ['a seat number below 1', 'BAD_RUN', withRun(0, '9', 2, -1)],
    ['a seat number above the greatest', 'BAD_RUN', withRun(0, '9', 9998)],
    ['seat numbers that do not increase', 'BAD_RUN', withRun(0, '9', 1, 0)],
    ['a run of no seats', 'BAD_RUN', withRun(0, '9', 1, 1, 0)],
    ['a run of half a seat', 'BAD_RUN', withRun(0, '9', 1, 1, 2.5)],
    ['a grade that does not exist', 'BAD_RUN', withRun(0, '9', 1, 1, 3, 5)],
    ['grade spans that miss a seat', 'BAD_RUN', withRun(0, '9', 1, 1, 3, [1, 0, 1, 1])],
    ['grade spans without a grade', 'BAD_RUN', withRun(0, '9', 1, 1, 3, [3])],
    ['labels that miss a seat', 'BAD_RUN', withExtras({ labels: ['A1', 'A2'] })],
    ['a label that cannot be printed', 'BAD_RUN', withExtras({ labels: ['A1', 'A 2', 'A3'] })],
    ['a label twice', 'DUPLICATE_SEAT', withExtras({ labels: ['A1', 'A2', 'A1'] })],
    ['a mark outside the run', 'BAD_RUN', withExtras({ marks: { COMPANION: [3] } })],
    [
      'two marks on a seat',
      'BAD_RUN',
      withExtras({ marks: { COMPANION: [1], ACCESSIBLE: [0, 1] } }),
    ],
    ['a path for another count', 'BAD_RUN', withRun(0, '9', 1, 1, 3, 0, [0, 300])],
    ['a path to nowhere', 'BAD_RUN', withRun(0, '9', 1, 1, 3, 0, [0, 300, NaN, 0])],
    ['a section in two parts', 'RUN_ORDER', backToFirstSection],
    ['a row in two places', 'RUN_ORDER', withRun(0, '1')],
    ['a duplicate seat label', 'DUPLICATE_SEAT', withRun(0, '3', 4, 1, 3, 0, [0, 300, 10, 0])],
    ['overlapping seats', 'SEATS_OVERLAP', withRun(0, '9', 1, 1, 3, 0, [0, 0, 10, 0])],
  ])('name %s', (_, code, change) => {
    const faults = faultsAfter(change);
    expect(faults.map((fault) => fault.code)).toContain(code);
    for (const fault of faults) expect(fault.message).not.toBe('');
  });

  test.each<[string, (document: LayoutDocument) => void]>([
    ['the greatest seat number', withRun(0, '9', 9997)],
    ['a single seat whose numbers would not increase', withRun(0, '9', 5, 0, 1, 0, [0, 300])],
    ['as many grades as a plan may have', (d) => d.grades.push(...manyGrades(20 - 3))],
    ['as many sections as a plan may have', (d) => d.sections.push(...manySections().slice(1))],
  ])('are none for %s', (_, change) => {
    expect(faultsAfter(change)).toEqual([]);
  });

  test.each<[string, LayoutFault['code'], (document: LayoutDocument) => void]>([
    ['one grade too many', 'BAD_GRADE', (d) => d.grades.push(...manyGrades(21 - 3))],
    ['grade spans of half a seat', 'BAD_RUN', withRun(0, '9', 1, 1, 3, [1.5, 0, 1.5, 0])],
    ['grade spans of no seat', 'BAD_RUN', withRun(0, '9', 1, 1, 3, [0, 0, 3, 0])],
    ['seats that are too large', 'BAD_SEAT_SIZE', (d) => Object.assign(d, { seatSize: 1001 })],
  ])('name %s', (_, code, change) => {
    expect(faultsAfter(change).map((fault) => fault.code)).toEqual([code]);
  });

  test.each([0, 2.5])('say that %d is not a count of seats', (count) => {
    const messages = faultsAfter(withRun(0, '9', 1, 1, count)).map(({ message }) => message);
    expect(messages).toContain(`${count} is not a count of seats`);
  });

  test('allow as many seats as a plan may have, and the largest seats', () => {
    const document = sampleHouse([[4]]);
    document.runs = Array.from(
      { length: 20 },
      (_, i): LayoutRun => [0, `${i + 1}`, 1, 1, maxSeats / 20, 0, [0, 12 * i, 10, 0]],
    );
    expect(layoutFaults(document)).toEqual([]);
    const wide = sampleHouse([[1]]);
    expect(layoutFaults({ ...wide, seatSize: 1000 })).toEqual([]);
  });

  test('are all listed, not only the first', () => {
    const faults = faultsAfter((document) => {
      withRun(0, '9', 1, 1, 0)(document);
      withRun(0, '')(document);
      document.grades.push(' vip');
    });
    expect(faults.map(({ at }) => at)).toEqual(['grades[3]', 'runs[5]', 'runs[6]']);
  });
});

test('all seats that are too close together are found, wherever they are on the grid', () => {
  const seat = fc.record({
    x: fc.double({ min: -30, max: 30, noNaN: true }),
    y: fc.double({ min: -30, max: 30, noNaN: true }),
  });
  fc.assert(
    fc.property(fc.array(seat, { maxLength: 60 }), (seats) => {
      const expected = seats.flatMap((later, i) =>
        seats.slice(0, i).some((s) => Math.hypot(s.x - later.x, s.y - later.y) < 4) ? [i] : [],
      );
      const found = overlappingSeats(
        seats.map(({ x }) => x),
        seats.map(({ y }) => y),
        4,
      );
      expect(found.map(([, later]) => later)).toEqual(expected);
    }),
  );
});

test('seats are too close within a distance, not at it, also to the first of a full cell', () => {
  expect(overlappingSeats([0, 4], [0, 0], 4)).toEqual([]);
  // The first two share a cell of the grid and are far enough apart.
  expect(overlappingSeats([0, 3.9, 0.5], [0, 3.9, 0], 4)).toEqual([[0, 2]]);
});

const section = (ko: string, en: string): LayoutDocument['sections'][number] => ({
  name: { ko, en },
  outline: [],
});

const manyGrades = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => `등급 ${i + 1}`);

const manySections = (): LayoutDocument['sections'] =>
  Array.from({ length: 1000 }, (_, i) => section(`추가 ${i}`, `Extra ${i}`));

const backToFirstSection = (document: LayoutDocument): void => {
  document.sections.push(section('2층', 'Upper'));
  withRun(1, '1')(document);
  withRun(0, '10', 1, 1, 3, 0, [0, 400, 10, 0])(document);
};
