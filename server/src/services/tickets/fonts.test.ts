import { describe, expect, test } from 'vitest';
import { listClusters, loadTicketFont, type Run } from './fonts.ts';

const font = loadTicketFont();
const splitLine = async (text: string): Promise<readonly Run[]> =>
  (await font.makeTypeface([text])).split(text);
const textsOf = (runs: readonly Run[]): string[] => runs.map(({ text }) => text);

describe('the fonts of a line', () => {
  const titles = [
    ['Hanja among Hangul', '판소리 심청歌 大공연'],
    ['Japanese', '歌舞伎座 カブキ ひらがな ー・「」'],
    ['simplified Chinese', '音乐会 戏剧 导览'],
    ['traditional Chinese', '音樂會 戲劇 導覽'],
    ['Vietnamese', 'Đêm nhạc Trịnh Công Sơn'],
    ['Cyrillic and Greek', 'Лебединое озеро Αντιγόνη'],
    ['Arabic', 'ليلة الموسيقى'],
    ['Hebrew', 'ערב של מוזיקה'],
    ['Thai', 'คอนเสิร์ต'],
    ['Hindi', 'संगीत की रात'],
    ['emoji', '🎭 🎻🎪 ❤️ 🇰🇷 👍🏽'],
  ] as const;

  test.each(titles)('have every character of %s', async (_, title) => {
    const runs = await splitLine(title);
    expect(textsOf(runs).join('')).not.toMatch(/[□?]/);
    for (const { face, text } of runs)
      for (const letter of text.replace(/\p{Default_Ignorable_Code_Point}/gu, ''))
        expect(face.has(letter.codePointAt(0) ?? 0), letter).toBe(true);
    const letters = (text: string) => listClusters(text).sort().join('');
    expect(letters(textsOf(runs).join(''))).toBe(letters(title));
  });

  test('are one font for a line that needs no other', async () => {
    const runs = await splitLine('오페라의 유령 The Phantom, 1층 12열 ₩150,000');
    expect(runs).toHaveLength(1);
  });

  test('have a box for each character that none has', async () => {
    expect(textsOf(await splitLine('가 𓀀𓀁 나'))).toEqual(['가 □□ 나']);
  });

  test('have a family of emoji as one character of one font', async () => {
    const runs = await splitLine('가 👨‍👩‍👧‍👦 나');
    expect(textsOf(runs)).toEqual(['가 ', '👨‍👩‍👧‍👦', ' 나']);
    expect(runs[1]?.face.key).toMatch(/^noto-emoji-/);
  });

  test('draw nothing for joiners and selectors that have nothing to join', async () => {
    expect(textsOf(await splitLine('가\u200D나\uFE0F'))).toEqual(['가나']);
  });
});

describe('words from right to left', () => {
  test('follow each other from the right, and the line from the left', async () => {
    const runs = await splitLine('콘서트 ليلة الموسيقى 2026');
    expect(textsOf(runs)).toEqual(['콘서트 ', 'الموسيقى', ' ', 'ليلة', ' 2026']);
  });

  test('keep a number between them in its place', async () => {
    expect(textsOf(await splitLine('ערב 7 מוזיקה'))).toEqual(['מוזיקה', ' 7 ', 'ערב']);
  });

  test('of two lines do not mix with Latin words between them', async () => {
    const runs = await splitLine('ערב Opera מוזיקה');
    expect(textsOf(runs)).toEqual(['ערב', ' Opera ', 'מוזיקה']);
    const hebrew = 'noto-sans-hebrew-hebrew';
    expect(runs.map(({ face }) => face.key)).toEqual([hebrew, 'Pretendard', hebrew]);
  });
});

test('the characters that no font has are told, each once', async () => {
  const texts = ['판소리 심청歌', '𓀀 나 𓀀', '공연 👨‍👩‍👧‍👦 𒀀'];
  expect(await font.findMissing(texts)).toEqual(['𓀀', '𒀀']);
});
