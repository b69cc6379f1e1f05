import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { create, type Font, type Glyph } from 'fontkit';
import decompress from 'woff2-encoder/decompress';
import { makeOutlineSubset } from './outlines.ts';

/** A font of a document; pdfkit knows it by its key from the second use on. */
type Face = {
  readonly key: string;
  readonly source: Buffer;
  has(codePoint: number): boolean;
};

/** pdfkit accepts a parsed font wherever it accepts the bytes of one; its types do not say so. */
const toSource = (font: object): Buffer => font as Buffer;

/** A part of a line in one font. */
export type Run = { readonly face: Face; readonly text: string };

/** The fonts of one document. */
export type Typeface = {
  /** Height above the baseline, as a fraction of the size: the same for every font of a line. */
  readonly ascent: number;
  /** The runs of a line, from left to right. What no font has becomes a box. */
  split(text: string): readonly Run[];
};

export type TicketFont = {
  /** Loads the fonts that these texts need. A line of other texts gets no other fonts. */
  makeTypeface(texts: readonly string[]): Promise<Typeface>;
  /** The characters of these texts that no font has. */
  findMissing(texts: readonly string[]): Promise<string[]>;
};

const segmenter = new Intl.Segmenter('und', { granularity: 'grapheme' });
/** What readers see as single characters: `한`, a letter with its marks, a family of emoji. */
export const listClusters = (text: string): string[] =>
  [...segmenter.segment(text)].map(({ segment }) => segment);

/** Joiners, selectors and fillers need no glyph: they only change those of their neighbours. */
const invisible = /\p{Default_Ignorable_Code_Point}/gu;
const dropInvisible = (text: string): string => text.replace(invisible, '');
const hasInvisible = (text: string): boolean => dropInvisible(text) !== text;

const hasCluster = (face: Face, cluster: string): boolean =>
  [...dropInvisible(cluster)].every((letter) => face.has(letter.codePointAt(0) ?? 0));

/**
 * Parses Pretendard once: 60 ms of a core, which pdfkit would spend on every document. Its shaping
 * rules are skipped (10 ms a page): whole syllables, Latin letters and digits need none.
 */
const loadPretendard = () => {
  const font = create(
    readFileSync(new URL('../../../assets/fonts/Pretendard-Regular.ttf', import.meta.url)),
  ) as Font;
  const layout = (text: string) => {
    const glyphs: Glyph[] = font.glyphsForString(text);
    const still = { yAdvance: 0, xOffset: 0, yOffset: 0 };
    const positions = glyphs.map(({ advanceWidth }) => ({ ...still, xAdvance: advanceWidth }));
    return {
      glyphs,
      positions,
      // Read after pdfkit has scaled the positions to its own units.
      get advanceWidth() {
        return positions.reduce((sum, { xAdvance }) => sum + xAdvance, 0);
      },
    };
  };
  const face: Face = {
    key: 'Pretendard',
    source: toSource(Object.assign(Object.create(font), { layout })),
    has: (codePoint) => font.hasGlyphForCodePoint(codePoint),
  };
  return { face, ascent: font.ascent / font.unitsPerEm };
};

/**
 * Asked in this order for what Pretendard lacks. Alphabets come before Han and kana, whose fonts
 * have alphabets as wide as Han; of Han the Japanese shapes come first, as in Korean print. The
 * packages have a file for about 100 characters each, and a list of what is in which file.
 */
const families = [
  'variable/noto-sans',
  'variable/noto-sans-jp',
  'variable/noto-sans-sc',
  'variable/noto-sans-tc',
  'variable/noto-sans-arabic',
  'variable/noto-sans-hebrew',
  'variable/noto-sans-thai',
  'static/noto-emoji',
] as const;

/** A file of a family, and the code points that it claims to have: first, last, first, last … */
type Part = { readonly key: string; readonly path: string; readonly ranges: readonly number[] };

const parseRanges = (list: string): number[] =>
  list.split(',').flatMap((range) => {
    const [first = '', last = first] = range.trim().replace(/^U\+/i, '').split('-');
    return [Number.parseInt(first, 16), Number.parseInt(last, 16)];
  });

const isInRanges = (ranges: readonly number[], codePoint: number): boolean => {
  for (let at = 0; at < ranges.length; at += 2)
    if (codePoint >= (ranges[at] ?? 0) && codePoint <= (ranges[at + 1] ?? 0)) return true;
  return false;
};

const listParts = (family: (typeof families)[number]): Part[] => {
  const [kind, name = ''] = family.split('/');
  const [scope, weight] =
    kind === 'variable' ? ['@fontsource-variable', 'wght'] : ['@fontsource', '400'];
  const list = createRequire(import.meta.url).resolve(`${scope}/${name}/unicode.json`);
  const parts = JSON.parse(readFileSync(list, 'utf8')) as Record<string, string>;
  return Object.entries(parts).map(([part, ranges]) => {
    const key = `${name}-${part.replace(/[[\]]/g, '')}`;
    const path = join(dirname(list), 'files', `${key}-${weight}-normal.woff2`);
    return { key, path, ranges: parseRanges(ranges) };
  });
};

const loadPart = async ({ key, path }: Part): Promise<Face> => {
  const font = create(Buffer.from(await decompress(await readFile(path)))) as Font;
  const isVariable = font.variationAxes['wght'] !== undefined;
  const regular = isVariable ? font.getVariation({ wght: 400 }) : font;
  Object.defineProperties(regular, {
    // All parts of a family have one name, by which pdfkit would take them for one font.
    postscriptName: { value: key },
    createSubset: { value: () => makeOutlineSubset(regular) },
  });
  return {
    key,
    source: toSource(regular),
    has: (codePoint) => regular.hasGlyphForCodePoint(codePoint),
  };
};

/** Parts that stay parsed, 0.5 MB each; loading one takes 6 ms. A Japanese title needs seven. */
const partsMax = 64;

const makeFallback = () => {
  let parts: readonly Part[] | null = null;
  const loaded = new Map<string, Promise<Face>>();

  const load = (part: Part): Promise<Face> => {
    const face = loaded.get(part.key) ?? loadPart(part);
    // Written again, so that the first of the map is the one that was not used for longest.
    loaded.delete(part.key);
    loaded.set(part.key, face);
    const [oldest] = loaded.keys();
    if (loaded.size > partsMax && oldest !== undefined) loaded.delete(oldest);
    return face;
  };

  /** The first font that has the whole cluster; null: none has it. */
  return async (cluster: string): Promise<Face | null> => {
    parts ??= families.flatMap(listParts);
    const base = cluster.codePointAt(0) ?? 0;
    for (const part of parts.filter(({ ranges }) => isInRanges(ranges, base))) {
      const face = await load(part);
      if (hasCluster(face, cluster)) return face;
    }
    return null;
  };
};

const isRightToLeft = ({ text }: Run): boolean =>
  /[\p{Script=Arabic}\p{Script=Hebrew}]/u.test(text);
/** Spaces, digits and signs go with the words around them. */
const isNeutral = ({ text }: Run): boolean => !/\p{L}/u.test(text);

/**
 * Puts words of scripts that are written from right to left in their order on the page. The letters
 * of a word are already in theirs; a line as a whole goes from left to right.
 */
const orderRuns = (runs: readonly Run[]): Run[] => {
  const ordered: Run[] = [];
  let group: Run[] = [];
  /** Neutral runs after the group: they belong to it if another of its words follows. */
  let pending: Run[] = [];
  const endGroup = (): void => {
    ordered.push(...group.reverse(), ...pending);
    group = [];
    pending = [];
  };
  for (const run of runs) {
    if (isRightToLeft(run)) {
      group.push(...pending, run);
      pending = [];
    } else if (group.length > 0 && isNeutral(run)) pending.push(run);
    else {
      endGroup();
      ordered.push(run);
    }
  }
  endGroup();
  return ordered;
};

export const loadTicketFont = (): TicketFont => {
  const { face: pretendard, ascent } = loadPretendard();
  const findFallback = makeFallback();
  const box = ['□', '?'].find((sign) => hasCluster(pretendard, sign)) ?? ' ';

  /** What Pretendard lacks, and the font that has it; null: no font has it. */
  const findOthers = async (texts: readonly string[]): Promise<Map<string, Face | null>> => {
    const others = new Map<string, Face | null>();
    for (const cluster of new Set(texts.flatMap(listClusters)))
      if (!hasCluster(pretendard, cluster)) others.set(cluster, await findFallback(cluster));
    return others;
  };

  const makeTypeface = async (texts: readonly string[]): Promise<Typeface> => {
    const others = await findOthers(texts);
    const place = (cluster: string): Run => {
      const other = others.get(cluster);
      if (other === undefined) return { face: pretendard, text: dropInvisible(cluster) };
      return other === null ? { face: pretendard, text: box } : { face: other, text: cluster };
    };
    const split = (text: string): readonly Run[] => {
      if (others.size === 0 && !hasInvisible(text)) return [{ face: pretendard, text }];
      const runs: { face: Face; text: string }[] = [];
      for (const placed of listClusters(text).map(place)) {
        const last = runs.at(-1);
        if (last?.face === placed.face) last.text += placed.text;
        else if (placed.text !== '') runs.push({ ...placed });
      }
      return orderRuns(runs);
    };
    return { ascent, split };
  };
  const findMissing = async (texts: readonly string[]): Promise<string[]> =>
    [...(await findOthers(texts))].filter(([, face]) => face === null).map(([cluster]) => cluster);

  return { makeTypeface, findMissing };
};
