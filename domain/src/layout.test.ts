import { sampleHouse } from '@usher/tests/support/sample-house.ts';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  compileLayout,
  type LayoutDocument,
  layoutVersion,
  neighbours,
  noGrade,
  noSeat,
  notSuggested,
  seatLabel,
} from './layout.ts';

const house = fc
  .array(fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 4 }), {
    minLength: 1,
    maxLength: 25,
  })
  .map((rows) => sampleHouse(rows));

describe('a compiled seating plan', () => {
  test('numbers the seats densely in document order and gives each a unique label', () => {
    fc.assert(
      fc.property(house, (document) => {
        const layout = compileLayout(document);
        const labels: string[] = [];
        for (const [section, row, first, step, count] of document.runs) {
          for (let i = 0; i < count; i++) {
            labels.push(`${document.sections[section]?.name.ko}/${row}/${first + step * i}`);
          }
        }
        const seats = Array.from({ length: layout.seatCount }, (_, i) => seatLabel(layout, i));
        expect(seats.map((seat) => `${seat.section.ko}/${seat.row}/${seat.label}`)).toEqual(labels);
        expect(new Set(labels).size).toBe(layout.seatCount);
      }),
    );
  });

  test('never makes seats of two runs neighbours', () => {
    fc.assert(
      fc.property(house, (document) => {
        const layout = compileLayout(document);
        for (let run = 0; run < layout.runCount; run++) {
          const first = layout.runStart[run] ?? 0;
          const last = (layout.runStart[run + 1] ?? 0) - 1;
          expect(neighbours(layout, first).before).toBe(noSeat);
          expect(neighbours(layout, last).after).toBe(noSeat);
          for (let seat = first; seat < last; seat++) {
            expect(neighbours(layout, seat).after).toBe(seat + 1);
            expect(neighbours(layout, seat + 1).before).toBe(seat);
          }
        }
      }),
    );
  });

  test('puts the seats of a curved run on one circle at equal distances', () => {
    const document = sampleHouse([[30]]);
    document.runs = [[0, '1', 1, 1, 30, 0, [0, 0, 10, 0, 20]]];
    const { x, y } = compileLayout(document);
    const radius = 10 / (2 * Math.sin(0.01));
    const half = 0.01;
    const centre = { x: radius * Math.sin(half), y: radius * Math.cos(half) };
    for (let i = 0; i < 30; i++) {
      const fromCentre = Math.hypot((x[i] ?? 0) - centre.x, (y[i] ?? 0) - centre.y);
      expect(fromCentre).toBeCloseTo(radius, 2);
    }
    for (let i = 1; i < 30; i++) {
      const step = Math.hypot((x[i] ?? 0) - (x[i - 1] ?? 0), (y[i] ?? 0) - (y[i - 1] ?? 0));
      expect(step).toBeCloseTo(10, 3);
    }
  });

  test('changes the grade inside a run without ending it', () => {
    const document = sampleHouse([[6]]);
    document.runs = [[0, '1', 1, 1, 6, [2, 1, 3, 0, 1, 2], [0, 0, 10, 0]]];
    const layout = compileLayout(document);
    expect([...layout.grade]).toEqual([1, 1, 0, 0, 0, 2]);
    expect(neighbours(layout, 2)).toEqual({ before: 1, after: 3 });
  });

  test('counts seat numbers down or in steps of two if the run says so', () => {
    const document = sampleHouse([[3]]);
    document.runs = [[0, '가', 9, -2, 3, 0, [0, 0, 10, 0]]];
    const layout = compileLayout(document);
    expect([0, 1, 2].map((seat) => seatLabel(layout, seat).label)).toEqual(['9', '7', '5']);
  });

  test('puts single seats at the positions in their run', () => {
    const document = sampleHouse([[3, 1]]);
    document.runs = [
      [0, '1', 1, 1, 3, 0, [0, 0, 9, 4, 21, 3]],
      [0, '1', 4, 1, 1, 0, [50, 7]],
    ];
    const layout = compileLayout(document);
    expect([...layout.x]).toEqual([0, 9, 21, 50]);
    expect([...layout.y]).toEqual([0, 4, 3, 7]);
  });

  test('puts the seats of a run nowhere near those of the next one', () => {
    const document = sampleHouse([[3, 1]]);
    document.runs = [
      [0, '1', 4, 1, 1, 0, [50, 7]],
      [0, '1', 1, 1, 3, notSuggested, [0, 0, 9, 4, 21, 3]],
    ];
    const layout = compileLayout(document);
    expect([...layout.x]).toEqual([50, 0, 9, 21]);
    expect([...layout.grade]).toEqual([0, noGrade, noGrade, noGrade]);
  });

  test('has no label and no neighbours for a seat that does not exist', () => {
    const layout = compileLayout(sampleHouse([[3]]));
    for (const seatNo of [-1, 3, 0.5]) {
      expect(() => seatLabel(layout, seatNo)).toThrow(RangeError);
      expect(() => neighbours(layout, seatNo)).toThrow(RangeError);
    }
  });
});

describe('the version of a seating plan', () => {
  const same = (text: string) => text;

  test('stays the same if only the order of keys changes', () => {
    const document = sampleHouse([[4, 4]]);
    const { runs, stage, ...rest } = document;
    const reordered: LayoutDocument = { runs, stage: { ...stage }, ...rest };
    expect(layoutVersion(reordered, same)).toBe(layoutVersion(document, same));
  });

  test('changes with every part of the plan that a buyer can see', () => {
    const base = () => sampleHouse([[4, 4]]);
    const changes: ((document: LayoutDocument) => void)[] = [
      (d) => d.grades.push('A'),
      (d) => d.sections.push({ name: { ko: '2층', en: 'Upper' }, outline: [] }),
      (d) => d.sections[0]?.outline.push(1, 2),
      (d) => {
        d.stage.name = { ko: '무대', en: 'The stage' };
      },
      (d) => d.stage.outline.push(1, 2),
      (d) => {
        d.stage.focus.x += 1;
      },
      (d) => {
        d.seatSize += 1;
      },
      (d) => d.runs.reverse(),
      (d) => d.runs[0]?.splice(7, 1, { labels: ['A1', 'A2', 'A3', 'A4'] }),
      (d) => d.runs[0]?.splice(7, 1, { marks: { ACCESSIBLE: [0] } }),
    ];
    const versions = changes.map((change) => {
      const document = base();
      change(document);
      return layoutVersion(document, same);
    });
    expect(new Set([layoutVersion(base(), same), ...versions]).size).toBe(changes.length + 1);
  });
});
