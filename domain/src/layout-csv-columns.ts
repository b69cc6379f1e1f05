import type { SeatMark } from './layout.ts';

/**
 * One parsed line of an organiser's file, all cells as text. Only section, row and number are
 * required. Without `section_en` a section has one name for both languages, without `grade` the
 * plan suggests none, and without x and y the rows are laid out straight.
 */
export type SeatColumn = 'section' | 'section_en' | 'row' | 'number' | 'grade' | 'mark' | 'x' | 'y';
export type CsvSeatRow = { [column in SeatColumn]?: string };

export const requiredColumns = ['section', 'row', 'number'] as const;
/** Both or neither. */
export const placeColumns = ['x', 'y'] as const;

/** Names of the columns in files of Korean venues, and in English. */
const headings: Readonly<Record<string, SeatColumn>> = {
  구역: 'section',
  구역명: 'section',
  영문구역: 'section_en',
  '구역(영문)': 'section_en',
  열: 'row',
  번: 'number',
  번호: 'number',
  좌석번호: 'number',
  seat: 'number',
  sectionen: 'section_en',
  등급: 'grade',
  좌석등급: 'grade',
  표시: 'mark',
  비고: 'mark',
};

/** The column for a heading; an unknown heading is returned unchanged. */
export const readHeading = (heading: string): string => {
  const name = heading.normalize('NFC').trim().toLowerCase().replaceAll(' ', '');
  return headings[name] ?? name;
};

/** The name of a column in messages; readers of either kind of file recognise it. */
export const nameColumn = (column: SeatColumn): string => {
  const korean = Object.entries(headings).find(([, named]) => named === column)?.[0];
  return korean === undefined ? column : `${column} (${korean})`;
};

const delimiters = [',', ';', '\t'] as const;
type Delimiter = (typeof delimiters)[number];

/** The separator of the cells: the one that occurs most in the heading, outside quotes. */
export const detectDelimiter = (text: string): Delimiter => {
  const heading = (/^[^\r\n]*/.exec(text)?.[0] ?? '').replace(/"[^"]*"/g, '');
  const count = (delimiter: Delimiter) => heading.split(delimiter).length;
  return delimiters.reduce((best, next) => (count(next) > count(best) ? next : best));
};

const marks: Readonly<Record<string, SeatMark>> = {
  accessible: 'ACCESSIBLE',
  wheelchair: 'ACCESSIBLE',
  휠체어: 'ACCESSIBLE',
  휠체어석: 'ACCESSIBLE',
  장애인석: 'ACCESSIBLE',
  companion: 'COMPANION',
  동반: 'COMPANION',
  동반석: 'COMPANION',
  동반자석: 'COMPANION',
  restricted_view: 'RESTRICTED_VIEW',
  restrictedview: 'RESTRICTED_VIEW',
  시야제한: 'RESTRICTED_VIEW',
  시야제한석: 'RESTRICTED_VIEW',
  시야방해석: 'RESTRICTED_VIEW',
};

/** The mark that a cell names; undefined for an unknown word. */
export const readSeatMark = (cell: string): SeatMark | undefined =>
  marks[cell.normalize('NFC').toLowerCase().replaceAll(' ', '')];
