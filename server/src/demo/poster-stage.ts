import {
  circle,
  column,
  footer,
  gradient,
  group,
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

/** Posters of musicals. */

const wave = (y: number, height: number, length: number, shift: number): string => {
  const bends = times(
    Math.ceil(800 / length),
    () => `q${length / 4} ${-height} ${length / 2} 0t${length / 2} 0`,
  );
  return `M${shift} ${y}${bends.join('')}V800H${shift}Z`;
};

export const redLighthouse: PosterArt = (words) => {
  const [cream, red, dark] = ['#fbf0d9', '#d7352b', '#241a2e'];
  const beam = (opacity: number, ...corners: number[]) =>
    polygon(corners, `fill="#ffe9a8" opacity="${opacity}"`);
  const halfWidth = (y: number) => 38 + (y - 250) * 0.085;
  const band = (top: number, bottom: number, colour: string) => {
    const [a, b] = [halfWidth(top), halfWidth(bottom)];
    const corners = [410 - a, top, 410 + a, top, 410 + b, bottom, 410 - b, bottom];
    return polygon(corners, `fill="${colour}"`);
  };
  const title = { size: 98, fill: cream, serif: true, weight: 800 } as const;
  const seas = ['#2b5876', '#1f4460', '#16344c', '#0e2539'].map((sea, i) =>
    path(wave(560 + i * 46, 26 - i * 3, 190 - i * 18, -60 - i * 25), `fill="${sea}"`),
  );
  return poster(
    'url(#d)',
    gradient('d', ['#0b1530', '#31305c', '#a84a55', '#f0a35e']),
    beam(0.5, 410, 205, -40, 40, -40, 250),
    beam(0.16, 410, 205, -40, 250, -40, 360),
    beam(0.32, 410, 205, 640, 130, 640, 262),
    band(250, 640, red),
    band(320, 390, cream),
    band(460, 530, cream),
    rect(356, 238, 108, 14, `fill="${dark}"`),
    rect(382, 176, 56, 62, 'fill="#fff3bf"'),
    polygon([374, 178, 410, 138, 446, 178], `fill="${red}"`),
    path('M400 176V238M420 176V238', `stroke="${dark}" stroke-width="4"`),
    ...seas,
    ...words.words.map((word, i) => column(88 + i * 104, 190 + i * 110, word, title)),
    text(40, 66, words.kind, { size: 26, fill: cream, weight: 700 }),
    text(560, 66, words.english, { size: 18, fill: cream, anchor: 'end', spacing: 1 }),
    footer(40, 744, words, { fill: cream }),
  );
};

export const clockTower: PosterArt = (words) => {
  const [deep, gold, cream, red] = ['#0f3a3d', '#e2a93b', '#f7ecd2', '#e4572e'];
  const gear = (x: number, y: number, r: number) =>
    circle(x, y, r, `stroke-width="14" stroke-dasharray="${short(r * 0.2618)}"`) +
    circle(x, y, r - 16, 'stroke-width="6"');
  const ticks = times(12, (i) => {
    const [length, width] = i % 3 === 0 ? [34, 12] : [22, 6];
    const turn = `rotate(${i * 30} 300 330)`;
    return path(`M300 148v${length}`, `stroke-width="${width}" transform="${turn}"`);
  });
  const children = [red, gold, cream, '#7fb7a3', red].map((colour, i) => {
    const degrees = [-66, -38, -14, 17, 43][i] ?? 0;
    const angle = (degrees * Math.PI) / 180;
    const [x, y] = [short(300 + 214 * Math.sin(angle)), short(330 - 214 * Math.cos(angle))];
    return group(
      `transform="translate(${x} ${y}) rotate(${degrees})" fill="${colour}"`,
      circle(0, -44, 11, ''),
      path('M0-36L14 0H-14Z', ''),
    );
  });
  const title = { size: 80, fill: cream, anchor: 'middle', serif: true, weight: 800 } as const;
  return poster(
    deep,
    group(
      `fill="none" stroke="${gold}" opacity=".5"`,
      gear(58, 470, 96),
      gear(560, 490, 74),
      gear(24, 150, 70),
    ),
    circle(300, 330, 214, `fill="${gold}"`),
    circle(300, 330, 196, `fill="${cream}"`),
    group(`stroke="${deep}"`, ...ticks),
    path('M300 350V190', `stroke="${deep}" stroke-width="10" stroke-linecap="round"`),
    polygon([292, 250, 300, 172, 308, 250], `fill="${red}"`),
    circle(300, 330, 20, `fill="${red}"`),
    ...children,
    text(300, 60, words.kind, { size: 25, fill: gold, anchor: 'middle', weight: 700, spacing: 6 }),
    text(300, 650, words.words.join(' '), { ...title, spacing: -3 }),
    text(300, 690, words.english, { size: 18, fill: gold, anchor: 'middle', spacing: 2 }),
    footer(300, 740, words, { fill: cream, anchor: 'middle' }),
  );
};

export const whale: PosterArt = (words) => {
  const [white, yellow, deep] = ['#ffffff', '#ffd23f', '#0a3d78'];
  const spots = scatter(91, 40);
  const bubbles = times(20, (i) => {
    const [x = 0, y = 0] = spots.slice(2 * i, 2 * i + 2);
    return circle(30 + x * 540, 170 + y * 450, 2 + (i % 5) * 1.6, '');
  });
  const body =
    'M60 470C60 350 190 300 310 322C420 342 470 400 520 372C512 330 530 296 566 280' +
    'C578 306 574 330 560 348C590 342 604 356 612 372C588 398 556 398 536 398' +
    'C512 500 420 580 290 580C150 580 60 540 60 470Z';
  const belly = 'M70 500C130 560 300 570 420 500C380 560 330 580 270 580C170 580 96 552 70 500Z';
  const line = (colour: string, width: number) =>
    `stroke="${colour}" stroke-width="${width}" fill="none" stroke-linecap="round"`;
  const title = { size: 74, fill: white, anchor: 'middle', weight: 800 } as const;
  return poster(
    'url(#w)',
    gradient('w', ['#7fd6ee', '#2f97d3', '#0f5aa6']),
    group(`fill="${white}" opacity=".5"`, ...bubbles),
    group(
      'transform="translate(-14 26) scale(.93)"',
      path(body, `fill="${deep}"`),
      path(belly, 'fill="#cfe9f6"'),
      path('M110 528q90 34 200 14M150 552q70 20 140 8', `${line(deep, 4)} opacity=".5"`),
      circle(146, 450, 11, `fill="${white}"`),
      circle(149, 452, 6, 'fill="#062746"'),
      path('M92 486Q130 512 176 494', line(white, 5)),
      path('M230 320C230 270 190 262 182 286M234 320C234 262 276 250 286 280', line(white, 9)),
      path('M196 236h78l-16 26h-46z', `fill="${yellow}"`),
      polygon([234, 232, 234, 190, 262, 224], `fill="${white}"`),
      circle(222, 222, 9, 'fill="#f4845f"'),
    ),
    text(300, 66, words.kind, { size: 26, fill: deep, anchor: 'middle', weight: 700 }),
    text(300, 144, words.words.join(' '), title),
    text(300, 664, words.english, { ...title, size: 20, fill: yellow, spacing: 1 }),
    footer(300, 726, words, { fill: white, anchor: 'middle' }),
  );
};
