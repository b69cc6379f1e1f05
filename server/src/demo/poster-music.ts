import {
  circle,
  column,
  footer,
  gradient,
  group,
  lines,
  type PosterArt,
  path,
  polygon,
  poster,
  rect,
  scatter,
  short,
  text,
  times,
} from './poster-parts.ts';

/** Posters of concerts and classical music. */

export const coordinatesOfTheNight: PosterArt = (words) => {
  const [ink, pink, cyan] = ['#f6f2ff', '#ff4fa3', '#43e0ff'];
  const stars = [84, 412, 205, 300, 300, 390, 372, 205, 468, 318, 520, 165];
  const spots = scatter(7, 90);
  const dust = times(45, (i) => {
    const [x = 0, y = 0] = spots.slice(2 * i, 2 * i + 2);
    return circle(x * 600, y * 540, 0.8 + (i % 4) * 0.4, '');
  });
  const lights = times(6, (i) => {
    const [x = 0, y = 0] = stars.slice(2 * i, 2 * i + 2);
    return circle(x, y, 26, `fill="${pink}" opacity=".25"`) + circle(x, y, 9, `fill="${ink}"`);
  });
  const cyanText = { fill: cyan, anchor: 'end' } as const;
  return poster(
    'url(#n)',
    gradient('n', ['#080620', '#1d0d4d', '#571063']),
    group(`fill="${ink}" opacity=".55"`, ...dust),
    group(
      `fill="none" stroke="${cyan}" opacity=".4"`,
      ...times(5, (i) => circle(320, 330, 70 + i * 62, '')),
      path('M0 330H600M320 0V640', 'stroke-dasharray="2 9"'),
    ),
    path(`M${stars.join(' ')}`, `fill="none" stroke="${pink}" stroke-width="3"`),
    ...lights,
    text(40, 64, words.kind, { size: 30, fill: ink, weight: 700 }),
    text(560, 62, '37.5°N 127.0°E', { ...cyanText, size: 16, spacing: 2 }),
    lines(34, 576, 112, words.words, { size: 116, fill: ink, weight: 800, spacing: -4 }),
    text(560, 688, 'NEONHARU', { ...cyanText, size: 20, weight: 700, spacing: 5 }),
    footer(40, 748, words, { fill: ink }),
  );
};

export const midnightMapOfJazz: PosterArt = (words) => {
  const [night, cream, amber, slate] = ['#15161c', '#f5e9cf', '#e0a72e', '#37415c'];
  const colours = [amber, '#c4472f', '#2c7f86', '#efd9a7', slate];
  const cuts = scatter(23, 20);
  const blocks = times(20, (i) => {
    const [row, col] = [Math.floor(i / 4), i % 4];
    const cut = cuts[i] ?? 0;
    const [x, y] = [col * 150 - 20 + row * 8, 262 + row * 84 - col * 14];
    const [right, bottom] = [x + 96 + cut * 40, y + 58 + cut * 16];
    const corners = [x, y, right, y - 10, right + 12 * cut, bottom - 8, x + 14 - 20 * cut, bottom];
    return polygon(corners, `fill="${colours[(row * 3 + col * 2) % 5]}"`);
  });
  const keys = times(12, (i) => {
    const white = rect(i * 50 + 1, 700, 48, 100, `fill="${cream}"`);
    const hasBlack = i % 7 !== 2 && i % 7 !== 6;
    return hasBlack ? white + rect(i * 50 + 35, 700, 30, 58, `fill="${night}"`) : white;
  });
  const way = 'M-10 655C120 560 90 470 210 445S330 330 420 420S520 560 620 500';
  const dotted = 'stroke-width="5" stroke-dasharray="1 13" stroke-linecap="round"';
  return poster(
    night,
    ...blocks,
    circle(452, 330, 60, `fill="${cream}"`),
    circle(430, 318, 54, `fill="${slate}"`),
    path(way, `fill="none" stroke="${cream}" ${dotted}`),
    rect(0, 604, 600, 196, `fill="${night}"`),
    ...keys.toReversed(),
    text(36, 58, words.kind, { size: 26, fill: amber, weight: 700 }),
    text(34, 128, words.words.slice(0, 2).join(' '), { size: 68, fill: cream, weight: 800 }),
    text(34, 200, words.words.slice(2).join(' '), { size: 68, fill: cream, weight: 800 }),
    footer(36, 648, words, { fill: cream }),
  );
};

export const aTenderNoise: PosterArt = (words) => {
  const [paper, clay, sage, ink] = ['#f6e3d3', '#c8623f', '#8aa289', '#3b2a26'];
  const bars = times(25, (i) => {
    const swell = Math.exp(-(((i - 12) / 7) ** 2));
    const height = 24 + 330 * swell * (0.45 + 0.55 * Math.abs(Math.sin(i * 1.9 + 0.4)));
    const colour = i % 5 === 2 ? sage : clay;
    return rect(38 + i * 21.3, 330 - height / 2, 12, height, `rx="6" fill="${colour}"`);
  });
  const title = { size: 84, fill: ink, anchor: 'middle', serif: true, weight: 800 } as const;
  return poster(
    paper,
    circle(300, 330, 214, 'fill="#f0c7a4"'),
    ...bars,
    text(300, 76, words.kind, { size: 27, fill: ink, anchor: 'middle', weight: 700 }),
    text(300, 632, words.words.join(' '), title),
    text(300, 676, words.english, { size: 18, fill: clay, anchor: 'middle', spacing: 2 }),
    footer(300, 734, words, { fill: ink, anchor: 'middle' }),
  );
};

/** Rays that fall a little at their ends. */
const burst = (x: number, y: number, radius: number, rays: number): string => {
  const at = (angle: number, share: number, fall: number) => {
    const below = radius * (Math.sin(angle) * share + fall);
    return `${short(x + radius * Math.cos(angle) * share)} ${short(y + below)}`;
  };
  return times(rays, (i) => {
    const angle = (i * 2 * Math.PI) / rays;
    const inner = i % 2 === 0 ? 0.22 : 0.42;
    return `M${at(angle, inner, 0)}Q${at(angle, 0.7, 0)} ${at(angle, 1, 0.16)}`;
  }).join('');
};

export const slowFireworks: PosterArt = (words) => {
  const [ink, gold, coral, mint] = ['#fff6e3', '#ffc857', '#ff6f59', '#8fe0c6'];
  const trails = 'M385 660Q372 420 385 270M500 660Q496 590 500 520';
  const crowd = times(21, (i) => circle(i * 30, 804 - ((i * 37) % 23), 24, ''));
  return poster(
    'url(#f)',
    gradient('f', ['#071a1f', '#0d2f35', '#1d4a45']),
    group(
      'fill="none" stroke-width="5" stroke-linecap="round" stroke-dasharray="26 9 2 9"',
      path(burst(385, 235, 200, 28), `stroke="${gold}"`),
      path(burst(130, 350, 112, 20), `stroke="${coral}"`),
      path(burst(500, 486, 78, 16), `stroke="${mint}"`),
    ),
    path(trails, `stroke="${ink}" fill="none" opacity=".35"`),
    text(40, 66, words.kind, { size: 28, fill: ink, weight: 700 }),
    lines(36, 562, 102, words.words, { size: 104, fill: ink, weight: 800, spacing: -3 }),
    footer(40, 712, words, { fill: ink }),
    group('fill="#04100f"', ...crowd),
  );
};

export const northSea: PosterArt = (words) => {
  const [paper, deep, sun] = ['#f4f1e8', '#0d2c54', '#f2542d'];
  const sea = times(13, (i) => {
    const opacity = short(0.3 + i * 0.055);
    return rect(0, 336 + i * i * 1.62 + i * 6, 600, 3 + i * 2.4, `opacity="${opacity}"`);
  });
  const glitter = times(6, (i) => rect(150 + i * 14, 336 + i * 15, 300 - i * 28, 5, ''));
  return poster(
    paper,
    path('M150 330A150 150 0 0 1 450 330Z', `fill="${sun}"`),
    group(`fill="${deep}"`, ...sea),
    group(`fill="${sun}" opacity=".8"`, ...glitter),
    text(40, 66, words.kind, { size: 24, fill: deep, weight: 700 }),
    text(36, 156, words.words.join(' '), { size: 92, fill: deep, weight: 800, spacing: -3 }),
    rect(0, 690, 600, 110, `fill="${deep}"`),
    footer(40, 738, words, { fill: paper }),
  );
};

export const fourWindows: PosterArt = (words) => {
  const ink = '#2b2440';
  const window = (x: number, y: number, sky: string, ...content: string[]) =>
    group(
      `transform="translate(${x} ${y})"`,
      path('M0 90A90 90 0 0 1 180 90V220H0Z', `fill="${sky}"`),
      ...content,
    );
  const hill = (colour: string) => path('M0 170Q60 130 110 165T180 150V220H0Z', `fill="${colour}"`);
  const strings = 'M288 60V600M296 60V600M304 60V600M312 60V600';
  const title = { size: 46, fill: ink, serif: true, weight: 800 } as const;
  return poster(
    '#f3ece0',
    window(102, 110, '#f7b7a3', circle(90, 150, 42, 'fill="#fde3b0"'), hill('#c9788a')),
    window(318, 110, '#9fd6e8', circle(90, 76, 34, 'fill="#ffd84d"'), hill('#4f9d86')),
    window(102, 352, '#f0803c', circle(90, 158, 48, 'fill="#ffd07a"'), hill('#7a3b69')),
    window(318, 352, '#1f2a5c', circle(112, 70, 28, 'fill="#f5f0d8"'), hill('#0e1433')),
    path(strings, `stroke="${ink}" stroke-width="1.5"`),
    text(300, 44, words.kind, { size: 23, fill: ink, anchor: 'middle', weight: 700 }),
    column(556, 150, words.words.join(''), title),
    text(300, 652, words.english, { size: 19, fill: ink, anchor: 'middle', spacing: 1 }),
    footer(300, 712, words, { fill: ink, anchor: 'middle' }),
  );
};
