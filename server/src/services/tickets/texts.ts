import type { LocalText } from '@usher/domain/text.ts';

/**
 * Names come from people: one line, no control characters, Hangul in whole syllables. Two invisible
 * characters stay, because they shape their neighbours: U+200D joins emoji to one family, U+200C
 * separates letters of Persian.
 */
export const oneLine = (text: string): string =>
  text
    .normalize('NFC')
    .replace(/(?:(?![\u200C\u200D])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s])+/gu, ' ')
    .trim();

export const isOneName = ({ ko, en }: LocalText): boolean => oneLine(ko) === oneLine(en);

/** `한강 아레나 (Hangang Arena)`, or the one name. */
export const joinNames = (text: LocalText): string =>
  oneLine(isOneName(text) ? text.ko : `${text.ko} (${text.en})`);
