import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { create, type Font, type Glyph } from 'fontkit';
import { expect, test } from 'vitest';
import decompress from 'woff2-encoder/decompress';
import { makeOutlineSubset } from './outlines.ts';

const part =
  '@fontsource-variable/noto-sans-arabic/files/noto-sans-arabic-arabic-wght-normal.woff2';
const bytes = readFileSync(createRequire(import.meta.url).resolve(part));
const variable = create(Buffer.from(await decompress(bytes))) as Font;
const font = variable.getVariation({ wght: 400 });

const shapeOf = ({ path, advanceWidth }: Glyph) => ({
  advanceWidth: Math.round(advanceWidth),
  commands: path.commands.map(({ command, args }) => [command, ...args.map(Math.round)]),
});
/** The file of these glyphs, read as another program would. */
const writeAndRead = (glyphs: readonly Glyph[]): Font => {
  const subset = makeOutlineSubset(font);
  for (const glyph of glyphs) subset.includeGlyph(glyph);
  return create(Buffer.from(subset.encode())) as Font;
};
// Composed letters, a space, and a letter with many curves.
const glyphs = [...'آ ةي﷽'].map((letter) => font.glyphForCodePoint(letter.codePointAt(0) ?? 0));

test('the file of a subset has the outline and width of every glyph, curve for curve', () => {
  const written = writeAndRead(glyphs);
  expect(written.numGlyphs).toBe(glyphs.length + 1);
  for (const [at, glyph] of glyphs.entries())
    expect(shapeOf(written.getGlyph(at + 1)), glyph.name).toEqual(shapeOf(glyph));
  expect(shapeOf(written.getGlyph(0))).toEqual(shapeOf(font.getGlyph(0)));
});

test('a glyph keeps its number, however often it is asked for', () => {
  const subset = makeOutlineSubset(font);
  expect([7, 5, 7, 0, 5].map((glyph) => subset.includeGlyph(glyph))).toEqual([1, 2, 1, 0, 2]);
});

test('the file has the height of the font, which readers use to place lines', () => {
  const written = writeAndRead(glyphs);
  expect([written.unitsPerEm, written.ascent, written.descent]).toEqual([
    font.unitsPerEm,
    font.ascent,
    font.descent,
  ]);
});
