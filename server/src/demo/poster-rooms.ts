import {
  circle,
  footer,
  gradient,
  group,
  type PosterArt,
  path,
  polygon,
  poster,
  rect,
  short,
  text,
  times,
} from './poster-parts.ts';

/** Posters of plays and exhibitions. */

export const lastPostOffice: PosterArt = (words) => {
  const [kraft, cream, ink] = ['#d8b88a', '#fbf3e0', '#3c2a1e'];
  const [red, blue] = ['#b8392e', '#2d4f7c'];
  const airmail = (colour: string, offset: number) =>
    rect(77, 257, 446, 286, `stroke="${colour}" stroke-dashoffset="${offset}"`);
  const perforated = `stroke="${ink}" stroke-width="5" stroke-dasharray="0 9"`;
  const postmark = times(4, (i) => path(`M150 ${346 + i * 15}${'q14-10 28 0t28 0'.repeat(3)}`, ''));
  const title = { size: 88, fill: ink, anchor: 'middle', serif: true, weight: 800 } as const;
  const small = { size: 20, fill: red, anchor: 'middle', weight: 700, spacing: 4 } as const;
  return poster(
    kraft,
    rect(70, 250, 460, 300, `fill="${cream}"`),
    group(
      'fill="none" stroke-width="14" stroke-dasharray="30 60"',
      airmail(red, 0),
      airmail(blue, 45),
    ),
    path('M84 264L300 420L516 264', `fill="none" stroke="${ink}" stroke-width="2.5"`),
    group(
      'transform="rotate(6 440 330)" stroke-linecap="round"',
      rect(392, 268, 96, 118, `fill="${cream}" ${perforated}`),
      rect(400, 276, 80, 102, `fill="${blue}"`),
      polygon([414, 352, 414, 318, 440, 296, 466, 318, 466, 352], `fill="${cream}"`),
      rect(432, 328, 16, 24, `fill="${red}"`),
    ),
    group(
      `fill="none" stroke="${ink}" stroke-width="4" opacity=".75"`,
      circle(372, 368, 52, ''),
      circle(372, 368, 38, ''),
      ...postmark,
    ),
    path('M130 470H330M130 500H270', `stroke="${ink}" stroke-width="3" stroke-dasharray="3 7"`),
    text(300, 84, words.kind, { ...small, size: 27, fill: ink, spacing: 8 }),
    text(300, 186, words.words.join(' '), title),
    text(300, 626, words.english.toUpperCase(), small),
    footer(300, 700, words, { fill: ink, anchor: 'middle' }),
  );
};

export const refrigerator: PosterArt = (words) => {
  const [pink, mint, navy, white] = ['#ff8c94', '#a8e6cf', '#26325c', '#fffaf0'];
  const outline = `stroke="${navy}" stroke-width="8" stroke-linejoin="round"`;
  const rays = times(9, (i) => path('M318 458V432', `transform="rotate(${-80 + i * 20} 318 520)"`));
  const floor = (y: number, colour: string) =>
    path(`M222 ${y}${'q24-18 49 0t49 0'.repeat(2)}V640q0 10-12 10H234q-12 0-12-10Z`, colour);
  const leaves = [-70, -25, 25, 70].map((turn) =>
    path('M0 0Q-14-34 0-62Q14-34 0 0Z', `transform="translate(366 556) rotate(${turn})"`),
  );
  return poster(
    pink,
    circle(300, 470, 262, 'fill="#ffb3a7"'),
    rect(200, 270, 240, 400, `rx="26" fill="${mint}" ${outline}`),
    rect(222, 360, 196, 290, 'rx="12" fill="#5fc9e8"'),
    group('stroke="#ffe066" stroke-width="9" stroke-linecap="round"', ...rays),
    circle(318, 520, 52, 'fill="#ffd23f"'),
    floor(540, 'fill="#2f7fc1"'),
    floor(590, 'fill="#f7dba7"'),
    path('M358 628Q354 590 366 556', 'fill="none" stroke="#8a5a3c" stroke-width="8"'),
    group('fill="#23906a"', ...leaves),
    polygon([200, 352, 96, 310, 96, 690, 200, 664], `fill="#8fd6bb" ${outline}`),
    path('M112 470V530M226 300V334', `${outline} stroke-linecap="round"`),
    text(40, 62, words.kind, { size: 26, fill: navy, weight: 700 }),
    text(36, 142, words.words.slice(0, 1).join(''), { size: 82, fill: white, weight: 800 }),
    text(36, 226, words.words.slice(1).join(' '), { size: 82, fill: white, weight: 800 }),
    text(560, 62, 'SUMMER INSIDE', { size: 16, fill: navy, anchor: 'end', spacing: 3 }),
    footer(40, 742, words, { fill: navy }),
  );
};

export const detective: PosterArt = (words) => {
  const [orange, ink, cream, red] = ['#f0a030', '#1c1512', '#ffedc9', '#b5301f'];
  const blinds = times(13, (i) => rect(0, 196 + i * 36, 600, 15, ''));
  const ticks = times(12, (i) => path('M150 254v12', `transform="rotate(${i * 30} 150 330)"`));
  return poster(
    orange,
    group('fill="#d98416"', ...blinds),
    group(
      `fill="${ink}"`,
      path('M262 652L276 470Q300 440 350 440Q400 440 424 470L438 652Z', ''),
      circle(350, 392, 46, ''),
      path('M266 376Q350 346 434 376Q350 396 266 376Z', ''),
      path('M304 372Q306 306 350 316Q394 306 396 372Z', ''),
    ),
    polygon([350, 436, 330, 470, 350, 540, 370, 470], `fill="${cream}"`),
    polygon([350, 470, 342, 486, 350, 530, 358, 486], `fill="${red}"`),
    path('M303 362Q350 350 397 362', `stroke="${red}" stroke-width="9" fill="none"`),
    circle(150, 330, 88, `fill="${cream}" stroke="${ink}" stroke-width="9"`),
    group(
      `stroke="${ink}" stroke-width="6" stroke-linecap="round"`,
      ...ticks,
      path('M150 330V272', ''),
      path('M150 330L188 352', `stroke="${red}" stroke-width="9"`),
    ),
    rect(0, 652, 600, 148, `fill="${ink}"`),
    text(40, 62, words.kind, { size: 26, fill: ink, weight: 700 }),
    text(36, 150, words.words.join(' '), { size: 70, fill: ink, weight: 800, spacing: -4 }),
    text(40, 696, words.english.toUpperCase(), { size: 17, fill: orange, spacing: 3 }),
    footer(40, 740, words, { fill: cream }),
  );
};

export const lettersInLight: PosterArt = (words) => {
  const white = '#fff';
  const [red, amber, yellow, green] = ['#c83a46', '#c46c32', '#c4a232', '#6dad54'];
  const hues = [red, amber, yellow, green, '#349f9a', '#3d6ec4', '#774bc4', '#c44b97'];
  const rays = times(24, (i) => {
    const x = -140 + i * 37;
    return polygon([300, 96, x, 560, x + 20 + (i % 3) * 6, 560], `fill="${hues[i % 8]}"`);
  });
  const title = { size: 74, fill: white, anchor: 'middle', serif: true, weight: 700 } as const;
  return poster(
    '#08080c',
    ...rays,
    path('M300 40V96', `stroke="${white}" stroke-width="5"`),
    circle(300, 96, 8, `fill="${white}"`),
    text(300, 640, words.words.join(' '), title),
    text(300, 680, words.english, { size: 18, fill: '#b9bccb', anchor: 'middle', spacing: 3 }),
    text(40, 60, words.kind, { size: 23, fill: white, weight: 700 }),
    footer(300, 738, words, { fill: white, anchor: 'middle' }),
  );
};

export const seaRemembers: PosterArt = (words) => {
  const [foam, light] = ['#dff5ef', '#5fd0c5'];
  const dots = times(17, (i) => {
    const swell = Math.sin(i * 0.52) * 0.5 + 0.5;
    const bends = `q80 ${short(-26 - swell * 20)} 160 0${'t160 0'.repeat(3)}`;
    const look = `stroke-width="${short(2 + swell * 9)}" opacity="${short(0.35 + swell * 0.6)}"`;
    return path(`M${-30 + (i % 2) * 11} ${150 + i * 19}${bends}`, look);
  });
  const ripples = times(6, (i) => {
    return circle(430, 236, 22 + i * 26, `opacity="${short(1 - i * 0.16)}"`);
  });
  const title = { size: 94, fill: foam, serif: true, weight: 800, spacing: -3 } as const;
  return poster(
    'url(#s)',
    gradient('s', ['#03161d', '#064a56', '#0a6d73']),
    group(`fill="none" stroke="${light}" stroke-linecap="round" stroke-dasharray="0 22"`, ...dots),
    group(`fill="none" stroke="${foam}" stroke-width="2"`, ...ripples),
    circle(430, 236, 12, `fill="${foam}"`),
    text(40, 66, words.kind, { size: 24, fill: foam, weight: 700 }),
    text(34, 606, words.words.join(' '), title),
    text(40, 654, words.english, { size: 19, fill: foam, spacing: 2 }),
    footer(40, 726, words, { fill: foam }),
  );
};
