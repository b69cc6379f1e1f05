import type { LocalText } from './text.ts';

/** Bounds the data of a show; more prices than any venue uses. */
export const maxGrades = 20;
/** Characters of a grade's name: it must fit a ticket and a legend. */
const maxGradeName = 20;
/** The name of a grade in URLs, claims and events. */
export const gradeCode = /^[A-Z0-9]{1,8}$/;

/** A grade with the organiser's name for it and the code that was made for it once. */
export type NamedGrade = { code: string; name: LocalText };

/**
 * What is wrong with a grade's name; null: nothing. Any words are allowed, Korean or not, with
 * spaces inside; in NFC, because two encodings that look the same would be two grades.
 */
export const findGradeNameFault = (name: string): string | null => {
  const length = [...name].length;
  if (name.trim() !== name || length === 0 || length > maxGradeName) {
    return `"${name}" is not a grade: 1 to ${maxGradeName} characters, no space at the ends`;
  }
  if (/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(name) || !name.isWellFormed()) {
    return `"${name}" is not a grade: it has a character that cannot be printed`;
  }
  if (name.normalize('NFC') !== name) return `"${name}" is not in Unicode form NFC`;
  return null;
};

/**
 * A code for a grade that has none: its English name if that is a valid code (VIP, R), otherwise a
 * code made from its Korean name. The same name always gets the same code, and two grades of a show
 * never share a code: `taken` has those given so far.
 */
export const makeGradeCode = (name: LocalText, taken: ReadonlySet<string>): string => {
  if (gradeCode.test(name.en) && !taken.has(name.en)) return name.en;
  for (let round = 0; ; round++) {
    const code = hashToCode(`${round} ${name.ko}`);
    if (!taken.has(code)) return code;
  }
};

/** G and seven characters: 32 bits, so that 20 names collide once in 20 million shows. */
const hashToCode = (text: string): string => {
  let hash = 0x811c9dc5;
  // FNV-1a over UTF-16 units.
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0;
  }
  return `G${hash.toString(32).padStart(7, '0').toUpperCase()}`;
};

/** Gives every grade its code; those that have one keep it. */
export const giveGradeCodes = <Grade extends { code?: string | undefined; name: LocalText }>(
  grades: readonly Grade[],
): (Grade & { code: string })[] => {
  const taken = new Set(grades.flatMap(({ code }) => code ?? []));
  return grades.map((grade) => {
    const code = grade.code ?? makeGradeCode(grade.name, taken);
    taken.add(code);
    return { ...grade, code };
  });
};
