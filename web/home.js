import { categories, states } from './catalogue-words.js';
import {
  call,
  day,
  dayAndTime,
  dayTimeAndZone,
  element,
  say,
  serverNowMs,
  startPage,
  won,
  zoneName,
} from './shell.js';

const pollMs = 15_000;
const list = document.querySelector('#shows');
const note = document.querySelector('#note');
const next = document.querySelector('#next');
const more = document.querySelector('#more');
let shows = [];
/** Pages of 100 shows that are shown. */
let pages = 1;
let hasMore = false;
let lastText = '';
let isSilent = false;
/** Shows whose sale has opened while this page was open. */
let opened = [];

const opensAtMs = (show) => Date.parse(show.saleOpensAt);
const nextToOpen = () =>
  shows
    .filter(({ saleState }) => saleState === 'UPCOMING')
    .sort((a, b) => opensAtMs(a) - opensAtMs(b))[0];

function run(show) {
  if (show.firstStartsAt === null) return '';
  const [first, last] = [show.firstStartsAt, show.lastStartsAt].map((at) => day(at, show.timeZone));
  return first === last ? first : `${first} – ${last}`;
}

function card(show) {
  const state = states[show.saleState];
  const opens = {
    ko: `${dayAndTime(show.saleOpensAt)} 예매 시작`,
    en: `Opens ${dayAndTime(show.saleOpensAt)}`,
  };
  const from = { ko: `${won(show.lowestPrice)}부터`, en: `from ${won(show.lowestPrice)}` };
  const title = say(show.title);
  return element(
    'li',
    {},
    element('img', { src: show.posterUrl, alt: '', width: '600', height: '800', loading: 'lazy' }),
    element('span', { class: `state ${state.mark}` }, say(state.words)),
    element('h3', {}, element('a', { href: `/shows/${show.id}` }, title)),
    element('p', {}, `${say(categories[show.category])} · ${say(show.venueName)}`),
    element('p', {}, run(show)),
    element('p', { class: 'price' }, say(from)),
    ...(show.saleState === 'UPCOMING' ? [element('p', {}, say(opens))] : []),
  );
}

function countdown(leftMs) {
  const seconds = Math.max(0, Math.ceil(leftMs / 1000));
  const two = (value) => String(value).padStart(2, '0');
  const clock = [Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60, seconds % 60];
  const days = Math.floor(seconds / 86_400);
  const time = clock.map(two).join(':');
  if (days === 0) return time;
  return say({ ko: `${days}일 ${time}`, en: `${days} ${days === 1 ? 'day' : 'days'} ${time}` });
}

function tick() {
  const show = nextToOpen();
  const timer = document.querySelector('#countdown');
  if (show === undefined || timer === null) return;
  const leftMs = opensAtMs(show) - serverNowMs();
  const text = leftMs > 0 ? countdown(leftMs) : say({ ko: '지금 열립니다', en: 'Opening now' });
  if (timer.textContent !== text) timer.textContent = text;
}

function drawNext() {
  const show = nextToOpen();
  next.hidden = show === undefined;
  if (show === undefined) return;
  const at = dayTimeAndZone(show.saleOpensAt);
  next.replaceChildren(
    element('img', { src: show.posterUrl, alt: '', width: '600', height: '800' }),
    element(
      'div',
      {},
      element(
        'h2',
        { class: 'soft small', id: 'next-title' },
        say({ ko: '다음 예매 시작', en: 'Next to open' }),
      ),
      element('p', { class: 'title' }, say(show.title)),
      element('p', {
        class: 'countdown',
        id: 'countdown',
        role: 'timer',
        'aria-labelledby': 'next-title',
      }),
      element('p', { class: 'soft small' }, at),
    ),
  );
  tick();
}

function noteText() {
  if (isSilent)
    return {
      ko: '공연 목록을 읽지 못했습니다. 곧 다시 시도합니다.',
      en: 'The list of shows could not be loaded. Retrying shortly.',
    };
  if (opened.length > 0)
    return {
      ko: `예매가 시작되었습니다: ${opened.map(({ title }) => title.ko).join(', ')}`,
      en: `The sale has opened: ${opened.map(({ title }) => title.en).join(', ')}`,
    };
  if (shows.length === 0)
    return { ko: '지금은 판매하는 공연이 없습니다.', en: 'No show is on sale at the moment.' };
  const zone = zoneName(new Date(serverNowMs()).toISOString());
  return {
    ko: `공연 날짜는 공연장의 날짜이고, 예매 시각은 이 기기의 시간대(${zone}) 기준입니다.`,
    en: `Days are those of the house; sales open at times of this device’s zone (${zone}).`,
  };
}

function draw() {
  if (lastText === '' && !isSilent) return;
  note.textContent = say(noteText());
  list.replaceChildren(...shows.map(card));
  more.hidden = !hasMore;
  drawNext();
}

/** As many pages as are shown; null if one of them could not be read. */
async function readPages() {
  const items = [];
  let cursor = '';
  for (let page = 0; page < pages; page++) {
    const after = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const answer = await call(`/api/v1/shows?sort=starting&limit=100${after}`);
    if (answer.kind !== 'done') return null;
    items.push(...answer.body.items);
    if (answer.body.nextCursor === null) return { items, isLast: true };
    cursor = answer.body.nextCursor;
  }
  return { items, isLast: false };
}

async function read() {
  const found = await readPages();
  const wasSilent = isSilent;
  isSilent = found === null;
  const text = isSilent ? lastText : JSON.stringify(found);
  if (text === lastText && isSilent === wasSilent) return;
  if (!isSilent) {
    const waited = new Set(
      shows.filter(({ saleState }) => saleState === 'UPCOMING').map(({ id }) => id),
    );
    shows = found.items;
    hasMore = !found.isLast;
    opened = shows.filter(({ id, saleState }) => saleState === 'ON_SALE' && waited.has(id));
  }
  lastText = text;
  draw();
}

more.addEventListener('click', () => {
  pages += 1;
  void read();
});

/** Reloads every 15 s, and at once when a sale opens; not while the page is hidden. */
function watch() {
  let readAtMs = 0;
  const look = () => {
    if (document.hidden) return;
    tick();
    const show = nextToOpen();
    const isOpening = show !== undefined && opensAtMs(show) <= serverNowMs();
    const nowMs = performance.now();
    if (nowMs - readAtMs < (isOpening ? 1000 : pollMs) && readAtMs !== 0) return;
    readAtMs = nowMs;
    void read();
  };
  setInterval(look, 250);
  document.addEventListener('visibilitychange', look);
  look();
}

/** The outbox exists only if no SMTP server is configured. */
async function lookForOutbox() {
  const answer = await fetch('/outbox', { method: 'HEAD' }).catch(() => null);
  document.querySelector('#outbox').hidden = answer?.ok !== true;
}

startPage({ ko: 'Usher 예매 창구', en: 'Usher ticket office' }, draw);
watch();
void lookForOutbox();
