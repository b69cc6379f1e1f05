import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { sampleTicket as ticket } from '@usher/tests/support/sample-ticket.ts';
import { scratchFolder } from '@usher/tests/support/scratch.ts';
import { describeNeeding } from '@usher/tests/support/stack.ts';
import PDFDocument from 'pdfkit';
import { create as makeQr } from 'qrcode';
import { describe, expect, test } from 'vitest';
import { loadTicketFont } from './fonts.ts';
import { renderTicketPdf } from './render.ts';

// The text layer of a PDF can be right even if its picture shows nothing, so these tests check the
// picture; the text layer only says where each word must be.

const font = loadTicketFont();
const run = promisify(execFile);
const dpi = 288;
const perPoint = dpi / 72;

type Picture = { width: number; height: number; darkness(x: number, y: number): number };
type Box = { left: number; top: number; right: number; bottom: number };
type Word = Box & { text: string };
type Page = { picture: Picture; words: Word[]; widthPt: number; heightPt: number };

/** A page as a reader sees it, and the positions of the words in its text layer, in points. */
const look = async (pdf: Buffer, page = 1): Promise<Page> => {
  const file = join(await scratchFolder(), 'ticket.pdf');
  await writeFile(file, pdf);
  const only = ['-f', String(page), '-l', String(page)];
  const binary = { encoding: 'buffer', maxBuffer: 2 ** 28 } as const;
  const drawn = await run('pdftoppm', ['-gray', '-r', String(dpi), ...only, file], binary);
  const { stdout } = await run('pdftotext', ['-bbox', ...only, file, '-']);
  const size = /<page width="([\d.]+)" height="([\d.]+)"/.exec(stdout);
  const words = [
    ...stdout.matchAll(
      /<word xMin="([-\d.]+)" yMin="([-\d.]+)" xMax="([-\d.]+)" yMax="([-\d.]+)">(.*?)<\/word>/g,
    ),
  ].map(([, left, top, right, bottom, text = '']) => ({
    text,
    left: Number(left),
    top: Number(top),
    right: Number(right),
    bottom: Number(bottom),
  }));
  return {
    picture: readPgm(drawn.stdout),
    words,
    widthPt: Number(size?.[1]),
    heightPt: Number(size?.[2]),
  };
};

const readPgm = (file: Buffer): Picture => {
  const head = /^P5\s+(\d+)\s+(\d+)\s+255\s/.exec(file.subarray(0, 40).toString('latin1'));
  if (head === null) throw new Error('pdftoppm did not draw a picture');
  const [width, height] = [Number(head[1]), Number(head[2])];
  const pixels = file.subarray(head[0].length);
  return {
    width,
    height,
    darkness: (x, y) =>
      x < 0 || y < 0 || x >= width || y >= height ? 0 : 255 - pixels[y * width + x]!,
  };
};

/** 16 × 16 darkness values over a box of the page. */
const sample = ({ picture }: Page, box: Box): number[] => {
  const cells: number[] = [];
  for (let row = 0; row < 16; row++)
    for (let column = 0; column < 16; column++) {
      const x = (box.left + ((column + 0.5) / 16) * (box.right - box.left)) * perPoint;
      const y = (box.top + ((row + 0.5) / 16) * (box.bottom - box.top)) * perPoint;
      cells.push(picture.darkness(Math.round(x), Math.round(y)));
    }
  return cells;
};
const inkOf = (cells: readonly number[]): number =>
  cells.reduce((sum, dark) => sum + dark, 0) / (255 * cells.length);
const differenceOf = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, dark, at) => sum + Math.abs(dark - b[at]!), 0) / (255 * a.length);

/**
 * The faults in the picture of some Korean words: a letter without ink beyond that of the same page
 * without the words, or two different letters with the same shape (empty boxes).
 */
const faultsOf = (page: Page, without: Page, words: readonly string[]): string[] => {
  const faults: string[] = [];
  const shapes = new Map<string, number[]>();
  for (const word of words) {
    const found = page.words.find(({ text }) => text === word);
    if (found === undefined) {
      faults.push(`${word}: nowhere on the page`);
      continue;
    }
    const step = (found.right - found.left) / word.length;
    for (const [at, letter] of [...word].entries()) {
      const box = { ...found, left: found.left + at * step, right: found.left + (at + 1) * step };
      const cells = sample(page, box);
      if (inkOf(cells) - inkOf(sample(without, box)) < 0.05) faults.push(`${letter}: no ink`);
      for (const [other, shape] of shapes)
        if (other !== letter && differenceOf(cells, shape) < 0.05)
          faults.push(`${letter}: looks like ${other}`);
      shapes.set(letter, cells);
    }
  }
  return faults;
};

const words = ['오페라의', '유령'];
const blank = async (): Promise<Page> =>
  look(await renderTicketPdf(font, [{ ...ticket, showTitle: { ko: 'ㅤ', en: 'The Phantom' } }]));

/**
 * A page with the title's words at their positions on the ticket; `boxes`: each letter drawn as a
 * box.
 */
const plant = async (fontFile: string, colour: string, boxes = false): Promise<Page> => {
  const doc = new PDFDocument({ size: [297.64, 419.53], margin: 0 });
  doc.font(fontFile).fontSize(22).fillColor(colour).lineWidth(1.5);
  let left = 22;
  for (const letter of words.join(' ')) {
    doc.text(letter, left, 53, { lineBreak: false });
    const width = doc.widthOfString(letter);
    if (boxes && letter !== ' ') doc.rect(left + 3, 58, width - 6, 16).stroke('#000');
    left += width;
  }
  doc.end();
  return look(Buffer.concat(await Array.fromAsync(doc)));
};
const pretendard = fileURLToPath(
  new URL('../../../assets/fonts/Pretendard-Regular.ttf', import.meta.url),
);

describeNeeding('pdftoppm', 'the picture of a ticket', () => {
  test('shows every Korean letter of title, venue and seat as ink of its own shape', async () => {
    const page = await look(await renderTicketPdf(font, [ticket]));
    expect(faultsOf(page, await blank(), words)).toEqual([]);
    const empty = { ...page, picture: { width: 0, height: 0, darkness: () => 0 } };
    expect(faultsOf(page, empty, ['한강', '아레나', '나구역', '목요일'])).toEqual([]);
  });

  test('shows the buyer’s name where it is wanted, and the address of the house', async () => {
    const named = await look(await renderTicketPdf(font, [{ ...ticket, buyerName: '홍길동' }]));
    const nameless = await look(await renderTicketPdf(font, [ticket]));
    const empty = { ...named, picture: { width: 0, height: 0, darkness: () => 0 } };
    expect(faultsOf(named, empty, ['예매자', '홍길동', '용산구'])).toEqual([]);
    const texts = nameless.words.map(({ text }) => text);
    expect(texts).toContain('용산구');
    expect(texts).not.toContain('예매자');
    expect(overlapsIn(named.words)).toEqual([]);
  });

  test('shows the won sign', async () => {
    const page = await look(await renderTicketPdf(font, [ticket]));
    const price = page.words.find(({ text }) => text === '₩150,000');
    expect(price).toBeDefined();
    const sign = { ...price!, right: price!.left + (price!.right - price!.left) / 8 };
    expect(inkOf(sample(page, sign))).toBeGreaterThan(0.1);
  });

  describe('with its check, which must fail for', () => {
    test('a font without Korean letters', async () => {
      const page = await plant('Helvetica', '#000');
      expect(faultsOf(page, await blank(), words)).toHaveLength(2);
    });

    test('letters that only the text layer has', async () => {
      const page = await plant(pretendard, '#fff');
      expect(page.words.map(({ text }) => text)).toEqual(words);
      const inkless = faultsOf(page, await blank(), words);
      expect(inkless.filter((fault) => fault.endsWith('no ink'))).toHaveLength(6);
    });

    test('the same box for every letter', async () => {
      const page = await plant(pretendard, '#fff', true);
      expect(page.words.map(({ text }) => text)).toEqual(words);
      const alike = faultsOf(page, await blank(), words);
      expect(alike).toContain('페: looks like 오');
      expect(alike.filter((fault) => fault.endsWith('no ink'))).toEqual([]);
    });
  });

  test('is refused by the check where one word covers another', () => {
    const [above, over] = [
      { text: 'above', left: 0, top: 0, right: 40, bottom: 10 },
      { text: 'over', left: 20, top: 4, right: 60, bottom: 14 },
    ];
    expect(overlapsIn([above, over])).toEqual(['above / over']);
  });

  test('shows the code’s QR, module for module', async () => {
    const { picture } = await look(await renderTicketPdf(font, [ticket]));
    expect(readQr(picture)).toEqual(expectedQr(ticket.code));
    expect(readQr(picture)).not.toEqual(expectedQr(ticket.code.replace('U1', 'U2')));
  });

  test('shows Han and kana as ink of their own shapes, and has them as text', async () => {
    const section = { ko: '正面 가구역', en: 'Front' };
    const showTitle = { ko: '심청歌 大公演 ひらカタ', en: '音乐 戲劇' };
    const seat = { ...ticket.seat, section };
    const page = await look(await renderTicketPdf(font, [{ ...ticket, showTitle, seat }]));
    const nothing = { width: 0, height: 0, darkness: () => 0 };
    const without = { ...page, picture: nothing };
    const han = ['심청歌', '大公演', 'ひらカタ', '音乐', '戲劇', '正面', '가구역'];
    expect(faultsOf(page, without, han)).toEqual([]);
  });

  test('keeps a title in any script on the page', async () => {
    const showTitle = {
      ko: '歌舞伎座特別公演古典芸能鑑賞会 '.repeat(8),
      en: 'ليلة الموسيقى คอนเสิร์ต संगीत '.repeat(8),
    };
    const { picture, widthPt, heightPt, words } = await look(
      await renderTicketPdf(font, [{ ...ticket, showTitle }]),
    );
    const outside = words.filter(({ left, right }) => left < 0 || right > widthPt);
    expect(outside).toEqual([]);
    const edge = { left: widthPt - 8, right: widthPt, top: 32, bottom: heightPt - 150 };
    expect(inkOf(sample({ picture, words, widthPt, heightPt }, edge))).toBeLessThan(0.01);
  });

  test('draws a box for what no font has, and keeps the rest of the line', async () => {
    const showTitle = { ko: '가족 𓀀 뮤지컬', en: 'x' };
    const { words } = await look(await renderTicketPdf(font, [{ ...ticket, showTitle }]));
    const texts = words.map(({ text }) => text);
    expect(texts.slice(texts.indexOf('가족'), texts.indexOf('가족') + 3)).toEqual([
      '가족',
      '□',
      '뮤지컬',
    ]);
    expect(overlapsIn(words)).toEqual([]);
  });

  test('keeps every word of a title of any length on the page, each in its own place', async () => {
    const long = Array.from({ length: 300 }, (_, at) => `제목${at}호`);
    const english = Array.from({ length: 200 }, (_, at) => `word${at}`);
    const showTitle = { ko: long.join(' '), en: english.join(' ') };
    const { words, widthPt, heightPt } = await look(
      await renderTicketPdf(font, [{ ...ticket, showTitle }]),
    );
    const texts = words.map(({ text }) => text);
    expect(texts.filter((text) => /^제목\d+호$/.test(text))).toEqual(long);
    expect(texts.filter((text) => /^word\d+$/.test(text))).toEqual(english);
    expect(texts).toContain(ticket.id);
    const outside = words.filter(
      ({ left, top, right, bottom }) => left < 0 || top < 0 || right > widthPt || bottom > heightPt,
    );
    expect(outside).toEqual([]);
    expect(overlapsIn(words)).toEqual([]);
  });

  test('breaks a single word that is wider than the page instead of cutting it off', async () => {
    const word = '가나다라마바사아자차카타파하'.repeat(10);
    const { words, widthPt } = await look(
      await renderTicketPdf(font, [{ ...ticket, showTitle: { ko: word, en: 'x' } }]),
    );
    const pieces = words.filter(({ text }) => /^[가나다라마바사아자차카타파하]{3,}$/.test(text));
    expect(pieces.map(({ text }) => text).join('')).toBe(word);
    expect(Math.max(...words.map(({ right }) => right))).toBeLessThan(widthPt);
  });
});

/** Pairs of words that partly cover each other, ignoring line spacing. */
const overlapsIn = (found: readonly Word[]): string[] => {
  const pairs: string[] = [];
  for (const [at, a] of found.entries())
    for (const b of found.slice(at + 1)) {
      const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      const least = 0.35 * Math.min(a.bottom - a.top, b.bottom - b.top);
      if (wide > 1 && high > least) pairs.push(`${a.text} / ${b.text}`);
    }
  return pairs;
};

/** The modules in the lower left of a page, located by the outline of the three finder patterns. */
const readQr = (picture: Picture): string[] => {
  const isDark = (x: number, y: number) => picture.darkness(x, y) > 127;
  let box = { left: picture.width, top: picture.height, right: 0, bottom: 0 };
  for (let y = Math.round(picture.height * 0.7); y < picture.height; y++)
    for (let x = Math.round(picture.width * 0.05); x < picture.width * 0.46; x++)
      if (isDark(x, y))
        box = {
          left: Math.min(box.left, x),
          top: Math.min(box.top, y),
          right: Math.max(box.right, x + 1),
          bottom: Math.max(box.bottom, y + 1),
        };
  const module = (box.right - box.left) / 33;
  return Array.from({ length: 33 }, (_, row) =>
    Array.from({ length: 33 }, (_, column) => {
      const x = Math.floor(box.left + (column + 0.5) * module);
      return isDark(x, Math.floor(box.top + (row + 0.5) * module)) ? '#' : '.';
    }).join(''),
  );
};

const expectedQr = (code: string): string[] => {
  const { modules } = makeQr(code, { errorCorrectionLevel: 'Q' });
  return Array.from({ length: modules.size }, (_, row) =>
    Array.from({ length: modules.size }, (_, column) =>
      modules.get(row, column) === 1 ? '#' : '.',
    ).join(''),
  );
};
