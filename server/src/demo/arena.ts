import type { LayoutDocument } from '@usher/domain/layout.ts';
import {
  A,
  type ArcStretch,
  arcRun,
  B,
  makePlan,
  R,
  rowDepth,
  S,
  seat,
  seatsOnArc,
  straightRun,
  vip,
} from './plan-parts.ts';

const arenaSeats = 20_000;
const centre = { x: 0, y: 0 };

/** The stands surround the floor from the stage's left to its right. */
const leftEnd = 226;
const rightEnd = -46;

const floorColumns = [-489, -255, 55, 289];
const floorDepth = 3;
const floorBlockRows = 16;
const floorBlockSeats = 20;
const floorSeats = floorColumns.length * floorDepth * floorBlockRows * floorBlockSeats;
const floorRow = 12;
const floorTop = -290;

type Level = {
  level: number;
  blocks: number;
  radius: number;
  rows: number;
  gradeOf: (row: number, isAtEnd: boolean) => number;
};

const levels: readonly Level[] = [
  { level: 1, blocks: 14, radius: 660, rows: 12, gradeOf: (_, isAtEnd) => (isAtEnd ? S : R) },
  {
    level: 2,
    blocks: 18,
    radius: 870,
    rows: 16,
    gradeOf: (row, isAtEnd) => (row <= 9 && !isAtEnd ? S : A),
  },
  {
    level: 3,
    blocks: 20,
    radius: 1130,
    rows: 11,
    gradeOf: (row, isAtEnd) => (row <= 4 && !isAtEnd ? A : B),
  },
];

/**
 * An arena with a stage at one end and a runway into the floor: 12 floor blocks, and three levels
 * of stands in a horseshoe. Exactly 20,000 seats.
 */
export const arenaPlan = (): LayoutDocument => {
  const plan = makePlan(['VIP', 'R', 'S', 'A', 'B'], {
    name: { ko: '무대', en: 'Stage' },
    outline: [
      -300, -470, 300, -470, 300, -340, 24, -340, 24, -150, 46, -150, 46, -80, -46, -80, -46, -150,
      -24, -150, -24, -340, -300, -340,
    ],
    focus: { x: 0, y: -330 },
  });
  addFloor(plan);
  const stands = levels.reduce((sum, level) => sum + level.blocks * blockSeats(level), 0);
  const surplus = floorSeats + stands - arenaSeats;
  for (const level of levels) addStands(plan, level, level.level === levels.length ? surplus : 0);
  return plan.document();
};

type Plan = ReturnType<typeof makePlan>;

const addFloor = (plan: Plan): void => {
  for (let depth = 0; depth < floorDepth; depth++) {
    for (const [column, left] of floorColumns.entries()) {
      const isInner = column === 1 || column === 2;
      const grade = depth === 0 || (depth === 1 && isInner) ? vip : R;
      const rows = Array.from({ length: floorBlockRows }, (_, row) => {
        const y = floorTop + (depth * (floorBlockRows + 3) + row) * floorRow;
        const grades = Array.from({ length: floorBlockSeats }, () => grade);
        return [straightRun(`${row + 1}`, { x: left + seat / 2, y }, 1, grades)];
      });
      const block = `F${depth * floorColumns.length + column + 1}`;
      plan.addSection({ ko: `플로어 ${block}구역`, en: `Floor ${block}` }, rows);
    }
  }
};

const blockSeats = (level: Level): number => {
  const rows = Array.from({ length: level.rows }, (_, row) => seatsInRow(level, row));
  return rows.reduce((sum, seats) => sum + seats, 0);
};

/** Stairs between blocks are two seats wide. */
const seatsInRow = (level: Level, row: number): number => seatsOnArc(stretchOf(level, 0, row)) - 2;

const stretchOf = ({ blocks, radius, gradeOf }: Level, block: number, row: number): ArcStretch => {
  const width = (leftEnd - rightEnd) / blocks;
  const isAtEnd = block === 0 || block === blocks - 1;
  return {
    row: `${row + 1}`,
    centre: centre,
    radius: radius + row * rowDepth,
    fromAngle: leftEnd - block * width,
    toAngle: leftEnd - (block + 1) * width,
    firstNumber: 1,
    gradeAt: () => gradeOf(row + 1, isAtEnd),
  };
};

/** The last rows of all blocks together lose `surplus` seats, for lights and cameras. */
const addStands = (plan: Plan, level: Level, surplus: number): void => {
  for (let block = 0; block < level.blocks; block++) {
    const cut = Math.floor((surplus + block) / level.blocks);
    const rows = Array.from({ length: level.rows }, (_, row) => {
      const seats = seatsInRow(level, row) - (row === level.rows - 1 ? cut : 0);
      return [arcRun(stretchOf(level, block, row), seats)];
    });
    const number = level.level * 100 + block + 1;
    const name = {
      ko: `${level.level}층 ${number}구역`,
      en: `Level ${level.level}, Block ${number}`,
    };
    plan.addSection(name, rows);
  }
};
