import type { LayoutDocument, LayoutRun } from '@usher/domain/layout.ts';
import {
  A,
  type ArcStretch,
  arcRun,
  makePlan,
  R,
  rowDepth,
  S,
  seatsOnArc,
  vip,
} from './plan-parts.ts';

/** One row across the house: stretches between aisles, numbered continuously from left to right. */
type HouseRow = {
  row: string;
  radius: number;
  /** Start and end of each stretch, as angles from left to right as the audience sees it. */
  stretches: readonly (readonly [from: number, to: number])[];
  /** By the seat's angle from the middle of the house, in degrees. */
  gradeAt: (angle: number) => number;
};

const houseRow = (
  centre: { x: number; y: number },
  { row, radius, stretches, gradeAt }: HouseRow,
): LayoutRun[] => {
  const [first = [90, 90]] = stretches;
  const middle = (first[0] + (stretches.at(-1)?.[1] ?? 90)) / 2;
  let firstNumber = 1;
  return stretches.map(([fromAngle, toAngle], i) => {
    const isFirst = i === 0;
    const isLast = i === stretches.length - 1;
    const stretch: ArcStretch = {
      row,
      centre,
      radius,
      fromAngle,
      toAngle,
      firstNumber,
      ...(isFirst ? { keepTo: 'right' } : isLast ? { keepTo: 'left' } : {}),
      gradeAt: (place, count) =>
        gradeAt(Math.abs(fromAngle + ((toAngle - fromAngle) * (place + 0.5)) / count - middle)),
    };
    const count = seatsOnArc(stretch);
    firstNumber += count;
    return arcRun(stretch, count);
  });
};

/** A theatre for musicals: stalls and a balcony, three blocks each. Exactly 1,000 seats. */
export const theatrePlan = (): LayoutDocument => {
  const centre = { x: 0, y: -760 };
  const plan = makePlan(['VIP', 'R', 'S', 'A'], {
    name: { ko: '무대', en: 'Stage' },
    outline: [-150, -90, 150, -90, 170, -20, 90, 12, 0, 22, -90, 12, -170, -20],
    focus: { x: 0, y: 0 },
  });
  const wings = (inner: number, outer: number): HouseRow['stretches'] => [
    [90 + outer, 90 + inner + 1.2],
    [90 + inner, 90 - inner],
    [90 - inner - 1.2, 90 - outer],
  ];
  const stalls = Array.from({ length: 19 }, (_, i) =>
    houseRow(centre, {
      row: `${i + 1}`,
      radius: 840 + i * rowDepth,
      stretches: wings(5.6, 10.3 + Math.min(i, 8) * 0.4),
      gradeAt: (angle) => {
        if (i < 12) return angle < 9.5 ? vip : R;
        return i < 16 && angle < 9.5 ? R : S;
      },
    }),
  );
  const balcony = Array.from({ length: 6 }, (_, i) =>
    houseRow(centre, {
      row: `${i + 1}`,
      radius: 1150 + i * rowDepth,
      stretches: wings(5.6, 12.5),
      gradeAt: (angle) => (i < 3 && angle < 9.5 ? S : A),
    }),
  );
  plan.addSection({ ko: '1층', en: 'Stalls' }, stalls);
  plan.addSection({ ko: '2층', en: 'Balcony' }, balcony);
  return plan.document();
};

/** A concert hall with a fan of four blocks, and a choir gallery behind the orchestra. */
export const concertHallPlan = (): LayoutDocument => {
  const centre = { x: 0, y: -330 };
  const plan = makePlan(['R', 'S', 'A'], {
    name: { ko: '무대', en: 'Platform' },
    outline: [-130, -110, 130, -110, 165, 0, 85, 26, 0, 34, -85, 26, -165, 0],
    focus: { x: 0, y: -20 },
  });
  const stalls = Array.from({ length: 13 }, (_, i) =>
    houseRow(centre, {
      row: `${i + 1}`,
      radius: 430 + i * rowDepth,
      stretches: [
        [118, 105.5],
        [104, 90.8],
        [89.2, 76],
        [74.5, 62],
      ],
      gradeAt: (angle) => {
        if (i < 10) return angle < 18 ? R - 1 : S - 1;
        return angle < 18 ? S - 1 : A - 1;
      },
    }),
  );
  const choir = Array.from({ length: 3 }, (_, i) =>
    houseRow(
      { x: 0, y: 240 },
      {
        row: `${i + 1}`,
        radius: 420 + i * rowDepth,
        stretches: [
          [289, 271],
          [269, 251],
        ],
        gradeAt: () => A - 1,
      },
    ),
  );
  plan.addSection({ ko: '1층', en: 'Stalls' }, stalls);
  plan.addSection({ ko: '합창석', en: 'Choir Gallery' }, choir);
  return plan.document();
};

const hangulRows = ['가', '나', '다', '라', '마', '바', '사', '아', '자', '차', '카', '타'];

/** A studio theatre with rows named 가, 나, 다 … and one aisle. */
export const studioPlan = (): LayoutDocument => {
  const centre = { x: 0, y: -420 };
  const plan = makePlan(['R', 'S'], {
    name: { ko: '무대', en: 'Stage' },
    outline: [-90, -60, 90, -60, 90, 20, -90, 20],
    focus: { x: 0, y: 0 },
  });
  const rows = hangulRows.map((row, i) =>
    houseRow(centre, {
      row,
      radius: 480 + i * rowDepth,
      stretches: [
        [100.2, 91.2],
        [88.8, 79.8],
      ],
      gradeAt: () => (i < 8 ? 0 : 1),
    }),
  );
  plan.addSection({ ko: '객석', en: 'House' }, rows);
  return markBackRow(plan.document());
};

/** Wheelchair spaces and a companion's seat at each side of the last row. */
const markBackRow = (document: LayoutDocument): LayoutDocument => {
  const last = hangulRows.at(-1);
  const runs = document.runs.map((run): LayoutRun => {
    const [section, row, firstNumber, numberStep, count, grade, path] = run;
    if (row !== last) return run;
    const marks = { ACCESSIBLE: [0], COMPANION: [1] };
    return [section, row, firstNumber, numberStep, count, grade, path, { marks }];
  });
  return { ...document, runs };
};

/** Seats that are labelled by their row and number: A1, A2, … */
const labelByRow = (document: LayoutDocument): LayoutDocument => {
  const runs = document.runs.map((run): LayoutRun => {
    const [section, row, firstNumber, numberStep, count, grade, path] = run;
    const labels = Array.from({ length: count }, (_, place) => `${row}${firstNumber + place}`);
    return [section, row, firstNumber, numberStep, count, grade, path, { labels }];
  });
  return { ...document, runs };
};

/** A media hall: a half circle of seats before a wall of light. */
export const mediaHallPlan = (): LayoutDocument => {
  const plan = makePlan(['A'], {
    name: { ko: '스크린', en: 'Screen' },
    outline: [-150, -60, 150, -60, 150, -46, -150, -46],
    focus: { x: 0, y: -40 },
  });
  const rows = Array.from({ length: 6 }, (_, i) =>
    houseRow(
      { x: 0, y: 0 },
      {
        row: 'ABCDEF'.charAt(i),
        radius: 70 + i * 18,
        stretches: [
          [172, 122],
          [114, 66],
          [58, 8],
        ],
        gradeAt: () => 0,
      },
    ),
  );
  plan.addSection({ ko: '전시실', en: 'Gallery' }, rows);
  return labelByRow(plan.document());
};
