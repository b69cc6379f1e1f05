/**
 * Charts as HTML around inline SVG. The drawing stretches to the available width; its labels are
 * HTML beside it, so that they are as large on a phone as on a screen. No script, nothing to load.
 */

type Series = {
  label: string;
  /** A colour of the page: a custom property such as `--blue`. */
  colour: string;
  /** In the units of the axes, ascending in x. */
  points: readonly { x: number; y: number }[];
};
type Limit = { label: string; y: number };

type Plot = {
  title: string;
  /** What the chart shows, in a sentence. */
  caption: string;
  fromX: number;
  toX: number;
  xLabel: (x: number) => string;
  /** In seconds, so that the axis has ticks at minutes and half minutes. */
  isTime?: boolean;
  /** A moment to mark: the opening. */
  mark?: { x: number; label: string };
  limits?: readonly Limit[];
};

export const escaped = (text: string): string =>
  text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');

/** `<name a="1">inner</name>`; `inner` is HTML already, attributes are not. */
export const element = (
  name: string,
  attributes: Readonly<Record<string, string | number>>,
  inner = '',
): string => {
  const words = Object.entries(attributes).map(
    ([key, value]) => ` ${key}="${escaped(`${value}`)}"`,
  );
  return `<${name}${words.join('')}>${inner}</${name}>`;
};
const titled = (shape: Readonly<Record<string, string | number>>, title: string): string =>
  element('rect', shape, element('title', {}, escaped(title)));

const width = 1000;
const height = 300;
const number = (value: number): string =>
  value.toLocaleString('en-GB', { maximumFractionDigits: value < 10 ? 1 : 0 });
const at = (value: number): string => value.toFixed(1);

/** 1, 2 or 5 times a power of ten, so that about `count` of them cover the span. */
const niceStep = (span: number, count: number): number => {
  const rough = Math.max(span, 1e-9) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10);
};
const timeSteps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600];
const timeStep = (span: number, count: number): number =>
  timeSteps.find((step) => span / step <= count) ?? niceStep(span, count);
const ticks = (from: number, to: number, step: number): number[] => {
  const first = Math.ceil(from / step) * step;
  return Array.from({ length: Math.floor((to - first) / step + 1e-9) + 1 }, (_, i) =>
    Number((first + i * step).toPrecision(12)),
  );
};

type Scale = { x: (value: number) => number; y: (value: number) => number; topY: number };
const scaleOf = ({ fromX, toX }: Plot, most: number): Scale => {
  const step = niceStep(Math.max(most, 1e-9), 4);
  const topY = Math.max(step, Math.ceil(most / step) * step);
  return {
    x: (value) => ((value - fromX) / Math.max(toX - fromX, 1e-9)) * width,
    y: (value) => height - (value / topY) * height,
    topY,
  };
};

/** Lines over time; with `isStacked` each lies on the one before it. */
export const lineChart = (plot: Plot, series: readonly Series[], isStacked = false): string => {
  const stacked = isStacked ? stack(series) : series.map((one) => ({ ...one, floor: null }));
  const most = Math.max(
    0,
    ...stacked.flatMap(({ points }) => points.map(({ y }) => y)),
    ...(plot.limits ?? []).map(({ y }) => y),
  );
  const scale = scaleOf(plot, most);
  const path = (points: Series['points']): string =>
    points.map(({ x, y }) => `${at(scale.x(x))},${at(scale.y(y))}`).join(' ');
  const shapes = stacked.map(({ colour, points, floor }) => {
    const [first, last] = [points[0], points.at(-1)];
    if (first === undefined || last === undefined) return '';
    const base = floor ?? [
      { x: first.x, y: 0 },
      { x: last.x, y: 0 },
    ];
    const area = `${path(points)} ${path([...base].reverse())}`;
    return `<polygon class="area" style="fill:var(${colour})" points="${area}"/>
<polyline class="line" style="stroke:var(${colour})" points="${path(points)}"/>`;
  });
  return frame(plot, scale, shapes.join('\n') + hovers(plot, scale, series), series);
};

type Stacked = Series & { floor: Series['points'] | null };
const stack = (series: readonly Series[]): Stacked[] => {
  let floor: Series['points'] | null = null;
  return series.map((one) => {
    const below = floor;
    const points = one.points.map(({ x, y }, i) => ({ x, y: y + (below?.[i]?.y ?? 0) }));
    floor = points;
    return { ...one, points, floor: below };
  });
};

const hoverStrips = 60;
/** Invisible strips that show what is beneath them under the pointer. */
const hovers = (plot: Plot, scale: Scale, series: readonly Series[]): string => {
  const [first] = series;
  if (first === undefined || first.points.length === 0) return '';
  const step = Math.max(1, Math.ceil(first.points.length / hoverStrips));
  const strips: string[] = [];
  for (let i = 0; i < first.points.length; i += step) {
    const [point, next] = [
      first.points[i],
      first.points[Math.min(i + step, first.points.length - 1)],
    ];
    if (point === undefined || next === undefined) continue;
    const values = series.map(({ label, points }) => `${label} ${number(points[i]?.y ?? 0)}`);
    const title = `${plot.xLabel(point.x)}: ${values.join(', ')}`;
    const [x, wide] = [scale.x(point.x), Math.max(1, scale.x(next.x) - scale.x(point.x))];
    const shape = { class: 'hover', x: at(x), y: 0, width: at(wide), height };
    strips.push(titled(shape, title));
  }
  return strips.join('');
};

/** Bars of equal width from `fromX` to `toX`. */
export const barChart = (
  plot: Plot,
  bars: { label: string; colour: string; values: readonly number[] },
): string => {
  const { values, colour, label } = bars;
  const most = Math.max(0, ...values, ...(plot.limits ?? []).map(({ y }) => y));
  const scale = scaleOf(plot, most);
  const wide = (plot.toX - plot.fromX) / Math.max(1, values.length);
  const shapes = values.map((value, i) => {
    const fromX = plot.fromX + i * wide;
    const [x, y] = [scale.x(fromX), scale.y(value)];
    const title = `${plot.xLabel(fromX)}: ${number(value)} ${label}`;
    const barWidth = Math.max(0.8, scale.x(fromX + wide) - x - 1.5);
    const place = { x: at(x), y: at(y), width: at(barWidth), height: at(height - y) };
    return titled({ class: 'bar', style: `fill:var(${colour})`, ...place }, title);
  });
  return frame(plot, scale, shapes.join(''), [{ label, colour }]);
};

type Mark = NonNullable<Plot['mark']>;
const across = (kind: string, y: number): string =>
  element('line', { class: kind, x1: 0, x2: width, y1: at(y), y2: at(y) });
const upright = (kind: string, x: number): string =>
  element('line', { class: kind, x1: at(x), x2: at(x), y1: 0, y2: height });
const percent = (share: number): string => `${(100 * share).toFixed(2)}%`;

const frame = (
  plot: Plot,
  scale: Scale,
  shapes: string,
  series: readonly Pick<Series, 'label' | 'colour'>[],
): string => {
  const { title, caption, fromX, toX, xLabel, mark, limits = [] } = plot;
  const yTicks = ticks(0, scale.topY, niceStep(scale.topY, 4));
  const spanX = Math.max(toX - fromX, 1e-9);
  const xTicks = ticks(fromX, toX, plot.isTime ? timeStep(spanX, 6) : niceStep(spanX, 5));
  const drawn = [
    ...yTicks.map((y) => across('grid', scale.y(y))),
    shapes,
    ...limits.map(({ y }) => across('limit', scale.y(y))),
    ...(mark === undefined ? [] : [upright('mark', scale.x(mark.x))]),
  ].join('');
  const label = escaped(`${title}. ${caption}`);
  const viewBox = `viewBox="0 0 ${width} ${height}" preserveAspectRatio="none"`;
  const yLabels = yTicks.map((y) =>
    element('span', { style: `bottom:${percent(y / scale.topY)}` }, number(y)),
  );
  const xLabels = xTicks.map((x) =>
    element('span', { style: `left:${percent((x - fromX) / spanX)}` }, escaped(xLabel(x))),
  );
  return `<figure class="card">${heading(title, caption)}
<div class="plot"><div class="y">${yLabels.join('')}</div>
<svg ${viewBox} role="img" aria-label="${label}">${drawn}</svg>
<div class="x">${xLabels.join('')}</div></div>
${keysOf(series, limits, mark)}</figure>`;
};

export const heading = (title: string, caption: string): string =>
  element('figcaption', {}, element('h2', {}, escaped(title)) + element('p', {}, escaped(caption)));

const keysOf = (
  series: readonly Pick<Series, 'label' | 'colour'>[],
  limits: readonly Limit[],
  mark: Mark | undefined,
): string => {
  const keys = [
    // A single line is named by the title.
    ...(series.length > 1 || limits.length > 0 ? series : []).map(({ label, colour }) =>
      key({ class: 'swatch', style: `background:var(${colour})` }, label),
    ),
    ...limits.map(({ label, y }) => key({ class: 'dashed' }, `${label} ${number(y)}`)),
    ...(mark === undefined ? [] : [key({ class: 'upright' }, mark.label)]),
  ];
  return keys.length === 0 ? '' : element('ul', { class: 'keys' }, keys.join(''));
};

const key = (sign: Readonly<Record<string, string>>, label: string): string =>
  element('li', {}, element('i', sign) + escaped(label));

/** Names with a bar and a number each, in the order given. */
export const rankedBars = (
  title: string,
  caption: string,
  rows: readonly { label: string; value: number; note: string; colour: string }[],
): string => {
  const most = Math.max(1e-9, ...rows.map(({ value }) => value));
  const lines = rows.map(({ label, value, note, colour }) => {
    const style = `width:${percent(Math.max(0.005, value / most))};background:var(${colour})`;
    const texts = element('span', {}, escaped(label)) + element('b', {}, escaped(note));
    return element('li', {}, texts + element('i', { style }));
  });
  const list = element('ul', { class: 'ranked' }, lines.join('\n'));
  return `<figure class="card">${heading(title, caption)}${list}</figure>`;
};
