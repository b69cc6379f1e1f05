import type { ticket as ticketSchema } from '@usher/contract/tickets.ts';
import type { Category } from '@usher/domain/categories.ts';
import { seatMarks } from '@usher/domain/layout.ts';
import { formatMoney, type Money } from '@usher/domain/money.ts';
import type { LocalText } from '@usher/domain/text.ts';
import PDFDocument from 'pdfkit';
import { create as makeQr } from 'qrcode';
import type { z } from 'zod';
import { nameTask } from '../../platform/side-thread.ts';
import { listClusters, loadTicketFont, type TicketFont, type Typeface } from './fonts.ts';
import { isOneName, joinNames, oneLine } from './texts.ts';
import { formatOffset, formatStart } from './zone.ts';

export type Ticket = z.infer<typeof ticketSchema>;

/** What a printed ticket shows in addition to the API's fields. */
export type PrintedTicket = Ticket & {
  readonly category: Category;
  readonly venueAddress: LocalText;
  readonly round: number;
  /** What was paid for this seat, without the booking fee. */
  readonly price: Money;
};
export type PrintedTickets = readonly [PrintedTicket, ...PrintedTicket[]];

/** Light modules around the code that scanners need (ISO 18004). */
const quietModules = 4;

/** The dark modules as an SVG path, one unit a module, without the quiet zone. */
const qrPath = (code: string): { path: string; size: number } => {
  // Level Q survives the loss of a quarter of the code: creases, rain, a cracked screen.
  const { modules } = makeQr([{ data: code, mode: 'alphanumeric' }], { errorCorrectionLevel: 'Q' });
  let path = '';
  for (let y = 0; y < modules.size; y++) {
    for (let x = 0; x < modules.size; x++) {
      if (!modules.get(y, x)) continue;
      const start = x;
      while (x < modules.size && modules.get(y, x)) x++;
      path += `M${start} ${y}h${x - start}v1h${start - x}z`;
    }
  }
  return { path, size: modules.size };
};

export const renderQrSvg = (code: string): string => {
  const { path, size } = qrPath(code);
  const side = size + 2 * quietModules;
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${side} ${side}" width="320" height="320"` +
    ` shape-rendering="crispEdges" role="img" aria-label="QR">` +
    `<rect width="${side}" height="${side}" fill="#fff"/>` +
    `<path transform="translate(${quietModules} ${quietModules})" d="${path}"/></svg>`
  );
};

/** A document with the fonts in which its lines are set. */
type Doc = PDFKit.PDFDocument & { readonly typeface: Typeface };

const millimetres = 72 / 25.4;
/** A6 upright: a phone shows all of it, a printer puts four on a sheet. */
const page = { width: 105 * millimetres, height: 148 * millimetres, margin: 22 };
const inner = page.width - 2 * page.margin;
const head = 30;
const qrSide = 106;
const foot = qrSide + 30;

const ink = { strong: '#17181c', soft: '#6b6f7a', line: '#d9dbe1', panel: '#f5f6f8' };
const categories: Readonly<Record<Category, { ko: string; en: string; colour: string }>> = {
  MUSICAL: { ko: '뮤지컬', en: 'Musical', colour: '#8e2747' },
  CONCERT: { ko: '콘서트', en: 'Concert', colour: '#4c3192' },
  PLAY: { ko: '연극', en: 'Play', colour: '#95511a' },
  CLASSIC: { ko: '클래식', en: 'Classic', colour: '#1f4471' },
  EXHIBITION: { ko: '전시', en: 'Exhibition', colour: '#26614d' },
};

type Style = { size: number; colour: string; bold?: boolean; after?: number };
type Block = { height: number; draw(x: number, y: number): void };

const widthOf = (doc: Doc, text: string, size: number): number => {
  let width = 0;
  for (const { face, text: part } of doc.typeface.split(text))
    width += doc.font(face.source, face.key).fontSize(size).widthOfString(part);
  return width;
};

/** Breaks lines between words; a word wider than the line is broken anywhere. */
const wrap = (doc: Doc, text: string, size: number, width: number): string[] => {
  const lines: string[] = [];
  let line = '';
  const put = (piece: string, gap: string): void => {
    if (line !== '' && widthOf(doc, line + gap + piece, size) > width) {
      lines.push(line);
      line = piece;
    } else line = line === '' ? piece : line + gap + piece;
  };
  for (const word of oneLine(text).split(' ')) {
    if (widthOf(doc, word, size) <= width) put(word, ' ');
    else
      for (const [at, cluster] of listClusters(word).entries()) put(cluster, at === 0 ? ' ' : '');
  }
  return line === '' ? lines : [...lines, line];
};

const writeLine = (doc: Doc, text: string, x: number, y: number, style: Style): void => {
  const { typeface } = doc;
  // The repository has only one weight; bold text is drawn with an outline.
  const stroke = style.bold === true;
  // The fonts of a line share one baseline; pdfkit takes its distance from the top, negative.
  const baseline = -typeface.ascent * style.size;
  doc
    .fillColor(style.colour)
    .strokeColor(style.colour)
    .lineWidth(style.size * 0.028);
  let left = x;
  for (const { face, text: part } of typeface.split(text)) {
    doc.font(face.source, face.key).fontSize(style.size);
    doc.text(part, left, y, { lineBreak: false, fill: true, stroke, baseline });
    left += doc.widthOfString(part);
  }
};

const paragraph = (doc: Doc, text: string, style: Style): Block => {
  const lines = wrap(doc, text, style.size, inner);
  const leading = style.size * 1.28;
  return {
    height: lines.length * leading + (style.after ?? 0),
    draw: (x, y) => {
      for (const [at, line] of lines.entries()) writeLine(doc, line, x, y + at * leading, style);
    },
  };
};

type Cell = readonly [label: string, value: string, note?: string];
/** Left edge and width of the cells as fractions of the panel. */
const columns = [[0, 0.44] as const, [0.48, 0.28] as const, [0.8, 0.2] as const];

/** Label, value and a small note; a value shrinks to its cell before it takes more lines. */
const cellRow = (doc: Doc, cells: readonly Cell[]): Block => {
  const side = inner - 20;
  const made = cells.map(([label, value, note = ''], at) => {
    const [left, width] = columns[at] ?? [0, 1];
    const fits = (size: number) => widthOf(doc, oneLine(value), size) <= width * side;
    const size = [13, 12, 11, 10, 9, 8].find(fits) ?? 7;
    const lines = wrap(doc, value, size, width * side);
    const notes = wrap(doc, note, 6.5, width * side);
    return { label, size, left: left * side, lines, notes, valueHeight: lines.length * size * 1.2 };
  });
  const valueHeight = Math.max(16, ...made.map((each) => each.valueHeight));
  return {
    height: 11 + valueHeight + Math.max(...made.map(({ notes }) => notes.length)) * 8.5,
    draw: (x, y) => {
      for (const { label, size, left, lines, notes } of made) {
        const soft = { size: 6.5, colour: ink.soft };
        const strong = { size, colour: ink.strong, bold: true };
        writeLine(doc, label, x + left, y, soft);
        // A single line is on the baseline of its neighbours, whatever its size.
        const top = y + 9 + (lines.length === 1 ? (13 - size) * 0.95 : 0);
        for (const [at, line] of lines.entries())
          writeLine(doc, line, x + left, top + at * size * 1.2, strong);
        for (const [at, line] of notes.entries())
          writeLine(doc, line, x + left, y + 9 + valueHeight + at * 8.5, soft);
      }
    },
  };
};

const seatPanel = (doc: Doc, { seat, price, round }: PrintedTicket): Block => {
  const upper = cellRow(doc, [
    ['구역 Section', seat.section.ko, isOneName(seat.section) ? '' : seat.section.en],
    ['열 Row', seat.row],
    ['번호 Seat', seat.label],
  ]);
  const { gradeName, mark } = seat;
  const englishGrade = isOneName(gradeName) ? '' : gradeName.en;
  const lower = cellRow(doc, [
    ['등급 Grade', gradeName.ko, mark === null ? englishGrade : joinNames(seatMarks[mark])],
    ['가격 Price', formatMoney(price, 'en')],
    ['회차 Round', String(round)],
  ]);
  const height = upper.height + lower.height + 19;
  return {
    height,
    draw: (x, y) => {
      doc.roundedRect(x, y, inner, height, 5).fill(ink.panel);
      upper.draw(x + 10, y + 7);
      const middle = y + upper.height + 8;
      doc.moveTo(x + 10, middle).lineTo(x + inner - 10, middle);
      doc.lineWidth(0.6).stroke(ink.line);
      lower.draw(x + 10, middle + 5);
    },
  };
};

const facts = (doc: Doc, ticket: PrintedTicket, titleSize: number): Block[] => {
  const { showTitle, venueName, venueAddress, startsAt, timeZone, buyerName } = ticket;
  const { ko, en, colour } = categories[ticket.category];
  const strong = { colour: ink.strong, bold: true };
  const soft = { size: 8, colour: ink.soft };
  const english = (text: LocalText, style: Style): Block[] =>
    isOneName(text) ? [] : [paragraph(doc, text.en, style)];
  const offset = formatOffset(Date.parse(startsAt), timeZone);
  return [
    paragraph(doc, `${ko} ${en}`, { size: 7.5, colour, bold: true, after: 2 }),
    paragraph(doc, showTitle.ko, { ...strong, size: titleSize, after: 1 }),
    ...english(showTitle, { ...soft, size: 9 }),
    { height: 9, draw: () => undefined },
    paragraph(doc, formatStart(startsAt, timeZone, 'ko'), { ...strong, size: 12 }),
    paragraph(doc, `${formatStart(startsAt, timeZone, 'en')} · UTC${offset}`, {
      ...soft,
      after: 6,
    }),
    paragraph(doc, venueName.ko, { ...strong, size: 10.5 }),
    ...english(venueName, soft),
    paragraph(doc, joinNames(venueAddress), { ...soft, size: 7 }),
    ...(buyerName === null
      ? []
      : [paragraph(doc, `예매자 Booked by ${buyerName}`, { ...strong, size: 9 })]),
  ];
};

const drawFoot = (doc: Doc, ticket: PrintedTicket, count: string, top: number): void => {
  for (const x of [0, page.width]) doc.circle(x, top, 7).fill(ink.line);
  doc
    .moveTo(14, top)
    .lineTo(page.width - 14, top)
    .dash(3, { space: 3 });
  doc.lineWidth(0.8).stroke(ink.line).undash();
  const y = top + 14;
  const { path, size } = qrPath(ticket.code);
  doc.save().translate(page.margin, y);
  doc
    .scale(qrSide / size)
    .path(path)
    .fill('#000')
    .restore();
  const x = page.margin + qrSide + 14;
  const soft = { size: 6.5, colour: ink.soft };
  const strong = { size: 6.5, colour: ink.strong };
  writeLine(doc, count, x, y, { size: 11, colour: ink.strong, bold: true });
  writeLine(doc, '입장할 때 이 코드를 보여 주세요.', x, y + 19, strong);
  writeLine(doc, 'Show this code at the door.', x, y + 29, soft);
  writeLine(doc, '주문 Order', x, y + qrSide - 42, soft);
  writeLine(doc, ticket.orderId, x, y + qrSide - 33, strong);
  writeLine(doc, '티켓 Ticket', x, y + qrSide - 19, soft);
  writeLine(doc, ticket.id, x, y + qrSide - 10, strong);
};

const gap = 11;
const heightOf = (blocks: readonly Block[]) => blocks.reduce((sum, { height }) => sum + height, 0);
const drawPage = (doc: Doc, ticket: PrintedTicket, count: string): void => {
  const panel = seatPanel(doc, ticket);
  const spare = page.height - head - gap - panel.height - gap - foot - gap;
  // The title shrinks to fit the page; if it is still too long, the page becomes longer.
  const sizes = [22, 20, 18, 16, 14, 12, 10, 9];
  let blocks: Block[] = [];
  for (const size of sizes) {
    blocks = facts(doc, ticket, size);
    if (heightOf(blocks) <= spare) break;
  }
  const grown = Math.max(0, heightOf(blocks) - spare);
  doc.addPage({ size: [page.width, page.height + grown], margin: 0 });
  doc.rect(0, 0, page.width, head).fill(categories[ticket.category].colour);
  writeLine(doc, 'Usher', page.margin, 8, { size: 12, colour: '#fff', bold: true });
  const right = '입장권 Ticket';
  const left = page.width - page.margin - widthOf(doc, right, 8);
  writeLine(doc, right, left, 11, { size: 8, colour: '#fff' });
  let y = head + gap;
  for (const block of blocks) {
    block.draw(page.margin, y);
    y += block.height;
  }
  const perforation = page.height + grown - foot;
  panel.draw(page.margin, perforation - gap - panel.height);
  drawFoot(doc, ticket, count, perforation);
};

/** The texts of tickets that people wrote. */
const listTexts = (tickets: PrintedTickets): string[] =>
  tickets.flatMap(({ showTitle, venueName, venueAddress, seat, buyerName }) => {
    const both = [showTitle, venueName, venueAddress, seat.section, seat.gradeName];
    const single = [seat.row, seat.label, buyerName ?? ''];
    return [...both.flatMap(({ ko, en }) => [ko, en]), ...single].map(oneLine);
  });

/** One page per ticket. The same tickets give the same bytes. */
export const renderTicketPdf = async (
  font: TicketFont,
  tickets: PrintedTickets,
): Promise<Buffer> => {
  const [first] = tickets;
  const plain = new PDFDocument({
    autoFirstPage: false,
    // Empty, because pdfkit would otherwise load Helvetica, 5 ms.
    font: '',
    lang: 'ko-KR',
    displayTitle: true,
    info: {
      Title: `${oneLine(first.showTitle.ko)} · ${first.orderId}`,
      Author: 'Usher',
      CreationDate: new Date(first.issuedAt),
    },
  });
  const typeface = await font.makeTypeface(listTexts(tickets));
  const doc = Object.assign(plain, { typeface });
  for (const [at, ticket] of tickets.entries())
    drawPage(doc, ticket, `${at + 1} / ${tickets.length}`);
  doc.end();
  const pieces: Buffer[] = await Array.fromAsync(doc);
  return Buffer.concat(pieces);
};

/** Parsed when the side thread draws its first ticket. */
let ticketFont: TicketFont | null = null;

/** Exported because the side thread finds them by their names; see nameTask. */
export const drawPdf = async (tickets: PrintedTickets): Promise<Uint8Array> => {
  ticketFont ??= loadTicketFont();
  return renderTicketPdf(ticketFont, tickets);
};
export const drawQr = (code: string): string => renderQrSvg(code);
/** The characters of these texts that become boxes. */
export const findUnprintable = async (texts: readonly string[]): Promise<string[]> => {
  ticketFont ??= loadTicketFont();
  return ticketFont.findMissing(texts.map(oneLine));
};
export const pdfTask = nameTask<PrintedTickets, Uint8Array>(import.meta.url, 'drawPdf');
export const qrTask = nameTask<string, string>(import.meta.url, 'drawQr');
export const unprintableTask = nameTask<readonly string[], string[]>(
  import.meta.url,
  'findUnprintable',
);
