import { barChart, element, escaped, heading, lineChart, rankedBars } from './charts.ts';
import { pageStyle } from './page-style.ts';
import { isBroken, type Report } from './report.ts';
import { waitsOf } from './room-report.ts';
import { binned, type Evening, type Timeline, timelineOf } from './timeline.ts';

const number = (value: number): string => value.toLocaleString('en-GB');
const seconds = (ms: number): string => `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`;

/** `-1:30`, `0:00`, `2:05`: minutes and seconds from the opening. */
const fromOpening = (s: number): string => {
  const whole = Math.abs(Math.round(s));
  return `${s < -0.5 ? '−' : ''}${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
};

/** The report as one self-contained page. */
export const renderPage = (report: Report, evening: Evening, madeAtMs: number): string => {
  const title = `Stampede: ${number(report.buyers)} people, ${number(report.seats)} seats`;
  const isOk = !isBroken(report);
  const verdict = isOk
    ? 'Every promise that was checked held'
    : `${report.invariantViolations} breaches: a promise was broken`;
  const made = new Date(madeAtMs).toISOString().slice(0, 16).replace('T', ' ');
  const how = `${made} UTC · seed ${report.seed} · pace ${report.pace} · ${report.url}`;
  const charts = [
    ...roomCharts(report, timelineOf(evening, report.seats), evening),
    endsChart(report),
    stepsChart(report),
  ];
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escaped(title)}</title><style>${pageStyle}</style></head>
<body><header><h1>${escaped(title)}</h1>
<p class="${isOk ? 'held' : 'broken'}">${verdict}</p>
<p class="made">${escaped(how)}</p></header>
<main>
<section class="tiles">${tiles(report).join('')}</section>
<section class="charts">
${charts.join('\n')}
</section>
${checksTable(report)}
</main></body></html>
`;
};

const tiles = (report: Report): string[] => {
  const { waitingMs, admissions, fairness } = report;
  const tile = (value: string, label: string, isBad = false): string =>
    element(
      'div',
      { class: isBad ? 'tile bad' : 'tile' },
      element('b', {}, escaped(value)) + element('span', {}, escaped(label)),
    );
  const none = (value: number, label: string): string => tile(number(value), label, value > 0);
  return [
    tile(number(report.paidOrders), 'paid orders'),
    tile(number(report.ticketsIssued), `tickets for ${number(report.seats)} seats`),
    tile(`₩${number(report.revenueWon)}`, 'revenue'),
    none(report.doubleSold, 'sold twice'),
    ...(waitingMs === undefined || admissions === undefined
      ? []
      : [
          tile(number(admissions.people), 'admitted'),
          tile(`${seconds(waitingMs.p50)} · ${seconds(waitingMs.p99)}`, 'waited, p50 · p99'),
          none(report.inversions ?? 0, 'overtaken'),
          none(report.duplicates ?? 0, 'duplicate places'),
          none(report.aboveCap ?? 0, 'above the cap'),
          tile(fairness?.outcome ?? '', 'the draw', fairness?.outcome === 'broken'),
        ]),
  ];
};

const roomCharts = (report: Report, time: Timeline, evening: Evening): string[] => {
  if (report.admissions === undefined || time.samples.length === 0) return [];
  const plot = {
    fromX: time.fromS,
    toX: time.toS,
    xLabel: fromOpening,
    isTime: true,
    mark: { x: 0, label: 'opening' },
  };
  const line = (y: (sample: Timeline['samples'][number]) => number) =>
    time.samples.map((sample) => ({ x: sample.atS, y: y(sample) }));
  return [
    barChart(
      { ...plot, title: 'Coming in', caption: 'People per second who asked for a place.' },
      { label: 'people a second', colour: '--blue', values: time.arrivals },
    ),
    lineChart({ ...plot, title: 'In line', caption: 'People who waited to be called.' }, [
      { label: 'waiting', colour: '--blue', points: line(({ waiting }) => waiting) },
    ]),
    lineChart(
      {
        ...plot,
        title: 'Inside',
        caption: 'Called and active together, against the cap.',
        limits: [{ label: 'cap', y: time.activeMax }],
      },
      [
        { label: 'active', colour: '--blue', points: line(({ active }) => active) },
        { label: 'called', colour: '--orange', points: line(({ called }) => called) },
      ],
      true,
    ),
    barChart(
      {
        ...plot,
        title: 'Admitted',
        caption: 'Passes a second, against the rate of calls.',
        limits: [{ label: 'rate', y: time.ratePerS }],
      },
      { label: 'passes a second', colour: '--orange', values: time.admissions },
    ),
    lineChart(
      {
        ...plot,
        title: 'Sold',
        caption: 'Seats that are paid for.',
        limits: [{ label: 'seats', y: report.seats }],
      },
      [{ label: 'sold', colour: '--green', points: line(({ seatsSold }) => seatsSold) }],
    ),
    waitsChart(
      waitsOf(
        evening.buyers.map(({ visit }) => visit),
        evening.opensAtMs,
      ),
    ),
  ];
};

const waitBins = 40;
const waitsChart = (waitsMs: readonly number[]): string => {
  const toX = Math.max(1, Math.ceil(Math.max(0, ...waitsMs) / 1000));
  const inS = waitsMs.map((ms) => ms / 1000);
  return barChart(
    {
      title: 'How long people waited',
      caption: 'Those who were admitted, from coming in or from the opening.',
      fromX: 0,
      toX,
      xLabel: fromOpening,
      isTime: true,
    },
    { label: 'people', colour: '--blue', values: binned(inS, toX, waitBins) },
  );
};

const endsChart = (report: Report): string => {
  const rows = Object.entries(report.ends)
    .sort(([, a], [, b]) => b - a)
    .map(([label, value]) => ({
      label,
      value,
      note: number(value),
      colour: label === 'paid' ? '--green' : '--blue',
    }));
  return rankedBars('How it ended', 'For each of the people; why they went home.', rows);
};

const stepsChart = (report: Report): string => {
  const steps = Object.entries(report.latencyMs);
  const mostMs = Math.max(10, ...steps.map(([, { p99 }]) => p99));
  /** Share of the width on a logarithmic scale. */
  const place = (value: number): number =>
    (100 * Math.log10(Math.max(1, value))) / Math.log10(mostMs);
  const rows = steps.map(([step, { count, p50, p99, max }]) => {
    const wide = Math.max(1.5, place(p99) - place(p50)).toFixed(1);
    const bar = element('i', { style: `margin-left:${place(p50).toFixed(1)}%;width:${wide}%` });
    const name = escaped(step) + element('span', { class: 'range' }, bar);
    const cells = [number(count), ms(p50), ms(p99), ms(max)].map((text) => element('td', {}, text));
    return element('tr', {}, element('th', { scope: 'row' }, name) + cells.join(''));
  });
  const heads = ['step', 'calls', 'p50', 'p99', 'max'].map((text) =>
    element('th', { scope: 'col' }, text),
  );
  const caption =
    'Milliseconds, from the wish to the response. The bars go from p50 to p99, on a log scale.';
  return `<figure class="card">${heading('How long each step took', caption)}
<div class="scroll"><table class="steps"><thead><tr>${heads.join('')}</tr></thead>
<tbody>${rows.join('\n')}</tbody></table></div></figure>`;
};
const ms = (value: number): string => (value < 10 ? value.toFixed(1) : number(Math.round(value)));

const checksTable = (report: Report): string => {
  const { checks, invariantsChecked, notChecked } = report;
  const isKept = ({ id, ok }: Report['checks'][number]): boolean =>
    ok && invariantsChecked.includes(id);
  const rows = checks.filter((check) => !isKept(check)).map(checkRow);
  // Promises that hold need no row each: their texts are in docs/ARCHITECTURE.md.
  const kept = checks.filter(isKept).map(({ id }) => id);
  if (kept.length > 0)
    rows.push(checkRow({ id: 'SQL', promise: kept.join(' '), ok: true, breaches: [] }));
  const missing = notChecked.map((text) => element('li', {}, `not checked: ${escaped(text)}`));
  return `<section class="card"><h2>What was checked</h2>
<div class="scroll"><table class="checks"><tbody>${rows.join('\n')}</tbody></table></div>
${missing.length === 0 ? '' : element('ul', {}, missing.join(''))}</section>`;
};

const checkRow = ({ id, promise, ok, breaches }: Report['checks'][number]): string => {
  const found = breaches.map((text) => element('li', {}, escaped(text)));
  const cells = [
    element('th', { scope: 'row' }, escaped(id)),
    element('td', {}, escaped(promise) + (ok ? '' : element('ul', {}, found.join('')))),
    element('td', {}, ok ? 'held' : 'broken'),
  ];
  return element('tr', { class: ok ? 'ok' : 'bad' }, cells.join(''));
};
