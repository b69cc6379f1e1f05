/** The words of a poster; the art does the rest. */
export type PosterWords = {
  /** The genre or company before the title, such as 뮤지컬. */
  kind: string;
  /** The Korean title, word by word. */
  words: string[];
  english: string;
  dates: string;
  venue: string;
};

export type PosterArt = (words: PosterWords) => string;

export const posterWidth = 600;
export const posterHeight = 800;

/** Installed fonts only: an image in a page cannot load one. */
const sansFont =
  'Pretendard,NanumSquare,NanumGothic,Nanum Gothic,Apple SD Gothic Neo,Malgun Gothic';
const serifFont = 'NanumMyeongjo,Nanum Myeongjo,Noto Serif KR,AppleMyungjo,Batang';

export const poster = (background: string, ...content: readonly string[]): string => {
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${posterWidth} ${posterHeight}">` +
    `<style>text{font-family:${sansFont},sans-serif}.m{font-family:${serifFont},serif}</style>` +
    `${rect(0, 0, posterWidth, posterHeight, `fill="${background}"`)}${content.join('')}</svg>`
  );
};

export type TextStyle = {
  size: number;
  fill: string;
  weight?: 400 | 700 | 800;
  anchor?: 'start' | 'middle' | 'end';
  serif?: boolean;
  spacing?: number;
};

export const text = (x: number, y: number, content: string, style: TextStyle): string => {
  const { size, fill, weight = 400, anchor = 'start', serif = false, spacing = 0 } = style;
  const attributes = [
    `x="${x}" y="${y}" font-size="${size}" fill="${fill}"`,
    weight === 400 ? '' : `font-weight="${weight}"`,
    anchor === 'start' ? '' : `text-anchor="${anchor}"`,
    serif ? 'class="m"' : '',
    spacing === 0 ? '' : `letter-spacing="${spacing}"`,
  ];
  return `<text ${attributes.filter((each) => each !== '').join(' ')}>${escapeXml(content)}</text>`;
};

/** Lines of text, one below the other. */
export const lines = (
  x: number,
  y: number,
  step: number,
  content: readonly string[],
  style: TextStyle,
): string => content.map((line, i) => text(x, y + i * step, line, style)).join('');

/** One character below the other, as Korean titles may be set. */
export const column = (x: number, y: number, content: string, style: TextStyle): string =>
  lines(x, y, style.size * 1.06, [...content], { ...style, anchor: 'middle' });

/** Dates above the venue. */
export const footer = (
  x: number,
  y: number,
  { dates, venue }: PosterWords,
  style: Omit<TextStyle, 'size'>,
): string =>
  text(x, y, dates, { ...style, size: 26, weight: 700 }) +
  text(x, y + 30, venue, { ...style, size: 19 });

export const circle = (x: number, y: number, r: number, attributes: string): string =>
  `<circle cx="${short(x)}" cy="${short(y)}" r="${short(r)}" ${attributes}/>`;

export const rect = (x: number, y: number, w: number, h: number, attributes: string): string => {
  const box = `x="${short(x)}" y="${short(y)}" width="${short(w)}" height="${short(h)}"`;
  return `<rect ${box} ${attributes}/>`;
};

/** Attributes that all of the content shares. */
export const group = (attributes: string, ...content: readonly string[]): string =>
  `<g ${attributes}>${content.join('')}</g>`;

export const path = (d: string, attributes: string): string => `<path d="${d}" ${attributes}/>`;

/** A polygon through x0, y0, x1, y1, … */
export const polygon = (points: readonly number[], attributes: string): string =>
  `<polygon points="${points.map(short).join(' ')}" ${attributes}/>`;

/** From top to bottom. */
export const gradient = (id: string, colours: readonly string[]): string => {
  const stops = colours.map(
    (colour, i) => `<stop offset="${short(i / (colours.length - 1))}" stop-color="${colour}"/>`,
  );
  return `<linearGradient id="${id}" x2="0" y2="1">${stops.join('')}</linearGradient>`;
};

/** The same for every seed, so that a poster never changes. */
export const scatter = (seed: number, count: number): number[] => {
  const values: number[] = [];
  let state = seed;
  for (let i = 0; i < count; i++) {
    state = (state * 16_807) % 2_147_483_647;
    values.push(state / 2_147_483_647);
  }
  return values;
};

/** A number in an attribute; a twentieth of a unit is invisible. */
export const short = (value: number): number => Math.round(value * 10) / 10;

export const times = <T>(count: number, make: (i: number) => T): T[] =>
  Array.from({ length: count }, (_, i) => make(i));

const escapeXml = (content: string): string =>
  content.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
