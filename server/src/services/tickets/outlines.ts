import type { Font, Glyph, PathCommand } from 'fontkit';
import { assert } from '../../platform/failure.ts';

/**
 * A font file with only the outlines that a document uses, written for a weight of a variable font,
 * which fontkit can draw but not embed. The tables are those that PDF wants of a TrueType font
 * (ISO 32000-1, 9.9); their layout is in the OpenType specification.
 */

type Point = { readonly x: number; readonly y: number; readonly isOnCurve: boolean };
type Contour = Point[];

const listContours = (commands: readonly PathCommand[]): Contour[] => {
  const contours: Contour[] = [];
  let contour: Contour = [];
  const put = (x: number | undefined, y: number | undefined, isOnCurve: boolean): void => {
    assert(x !== undefined && y !== undefined, 'a command has both coordinates');
    contour.push({ x: Math.round(x), y: Math.round(y), isOnCurve });
  };
  for (const { command, args } of commands) {
    const [x1, y1, x2, y2] = args;
    switch (command) {
      case 'moveTo':
        contour = [];
        contours.push(contour);
        put(x1, y1, true);
        break;
      case 'lineTo':
        put(x1, y1, true);
        break;
      case 'quadraticCurveTo':
        put(x1, y1, false);
        put(x2, y2, true);
        break;
      case 'closePath':
        break;
      default:
        assert(false, `a TrueType outline has no ${command}`);
    }
  }
  return contours;
};

/** Numbers are big-endian; a negative one is written as its two's complement. */
const packShorts = (numbers: readonly number[]): Buffer => {
  const bytes = Buffer.alloc(numbers.length * 2);
  for (const [at, number] of numbers.entries()) bytes.writeUInt16BE(number & 0xffff, at * 2);
  return bytes;
};
const packLongs = (numbers: readonly number[]): Buffer => {
  const bytes = Buffer.alloc(numbers.length * 4);
  for (const [at, number] of numbers.entries()) bytes.writeUInt32BE(number, at * 4);
  return bytes;
};
/** Tables, and the outlines in theirs, begin at multiples of four bytes. */
const padToLongs = (bytes: Buffer): Buffer =>
  Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);

const listDifferences = (numbers: readonly number[]): number[] =>
  numbers.map((number, at) => number - (numbers[at - 1] ?? 0));

/** An entry of `glyf`, without any of its compression: the PDF compresses the whole file. */
const packOutline = (contours: readonly Contour[]): Buffer => {
  const points = contours.flat();
  if (points.length === 0) return Buffer.alloc(0);
  const xs = points.map(({ x }) => x);
  const ys = points.map(({ y }) => y);
  let end = -1;
  const ends = contours.map((contour) => {
    end += contour.length;
    return end;
  });
  const box = [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
  const instructions = 0;
  return padToLongs(
    Buffer.concat([
      packShorts([contours.length, ...box, ...ends, instructions]),
      Buffer.from(points.map(({ isOnCurve }) => (isOnCurve ? 1 : 0))),
      packShorts(listDifferences(xs)),
      packShorts(listDifferences(ys)),
    ]),
  );
};

const version1 = [1, 0];

const packHead = ({ unitsPerEm, bbox }: Font): Buffer => {
  const box = [bbox.minX, bbox.minY, bbox.maxX, bbox.maxY].map(Math.round);
  const revisionAndChecksum = [1, 0, 0, 0];
  const magic = [0x5f0f, 0x3cf5];
  const flags = 0;
  const dates = [0, 0, 0, 0, 0, 0, 0, 0];
  const [style, smallestSize, direction, longOffsets, glyphFormat] = [0, 8, 2, 1, 0];
  return packShorts([
    ...version1,
    ...revisionAndChecksum,
    ...magic,
    flags,
    unitsPerEm,
    ...dates,
    ...box,
    style,
    smallestSize,
    direction,
    longOffsets,
    glyphFormat,
  ]);
};

const packHhea = ({ ascent, descent }: Font, glyphs: number): Buffer => {
  const heights = [Math.round(ascent), Math.round(descent), 0];
  // Greatest widths and bearings, the slope of the caret and reserved fields: for text editors.
  const unused = new Array<number>(12).fill(0);
  return packShorts([...version1, ...heights, ...unused, glyphs]);
};

const packMaxp = (outlines: readonly (readonly Contour[])[]): Buffer => {
  const points = Math.max(...outlines.map((contours) => contours.flat().length));
  const contours = Math.max(...outlines.map(({ length }) => length));
  const zones = 2;
  // Composite outlines and instructions: there are none.
  const unused = new Array<number>(8).fill(0);
  return packShorts([...version1, outlines.length, points, contours, 0, 0, zones, ...unused]);
};

const sumLongs = (bytes: Buffer): number => {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 4) sum = (sum + bytes.readUInt32BE(at)) >>> 0;
  return sum;
};

const packFile = (tables: readonly (readonly [tag: string, bytes: Buffer])[]): Buffer => {
  const log = Math.floor(Math.log2(tables.length));
  const range = 16 * 2 ** log;
  const header = packShorts([...version1, tables.length, range, log, 16 * tables.length - range]);
  let offset = header.length + 16 * tables.length;
  const entries = tables.map(([tag, bytes]) => {
    const padded = padToLongs(bytes);
    const numbers = packLongs([sumLongs(padded), offset, bytes.length]);
    offset += padded.length;
    return Buffer.concat([Buffer.from(tag, 'latin1'), numbers]);
  });
  return Buffer.concat([header, ...entries, ...tables.map(([, bytes]) => padToLongs(bytes))]);
};

/** What pdfkit asks of the font that it embeds: numbers for its glyphs, and then its file. */
export const makeOutlineSubset = (font: Font) => {
  /** The new number of each glyph of the font; glyph 0 is the box for what is missing. */
  const numbers = new Map<number, number>([[0, 0]]);
  const includeGlyph = (glyph: Glyph | number): number => {
    const id = typeof glyph === 'number' ? glyph : glyph.id;
    const number = numbers.get(id) ?? numbers.size;
    numbers.set(id, number);
    return number;
  };
  const encode = (): Uint8Array => {
    const glyphs = [...numbers.keys()].map((id) => font.getGlyph(id));
    const outlines = glyphs.map(({ path }) => listContours(path.commands));
    const packed = outlines.map(packOutline);
    let offset = 0;
    const offsets = packed.map((bytes) => {
      offset += bytes.length;
      return offset;
    });
    const metrics = glyphs.flatMap(({ advanceWidth }, at) => {
      const xs = (outlines[at] ?? []).flat().map(({ x }) => x);
      return [Math.round(advanceWidth), xs.length === 0 ? 0 : Math.min(...xs)];
    });
    return packFile([
      ['glyf', Buffer.concat(packed)],
      ['head', packHead(font)],
      ['hhea', packHhea(font, glyphs.length)],
      ['hmtx', packShorts(metrics)],
      ['loca', packLongs([0, ...offsets])],
      ['maxp', packMaxp(outlines)],
    ]);
  };
  return { includeGlyph, encode };
};
