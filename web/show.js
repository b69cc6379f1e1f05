import { categories, states } from './catalogue-words.js';
import {
  call,
  dayAndTime,
  dayTimeAndZone,
  element,
  say,
  startPage,
  won,
  zoneName,
} from './shell.js';

const listedMax = 12;
const page = document.querySelector('#page');
const showId = location.pathname.split('/').at(-1) ?? '';
let show = null;
let performances = [];
let hasRoom = false;
let fault = null;

const faults = {
  absent: {
    title: { ko: '이 주소에 공연이 없습니다', en: 'There is no show at this address' },
    says: {
      ko: '주소를 확인하시거나 공연 목록에서 골라 주십시오.',
      en: 'Check the address, or choose from all shows.',
    },
  },
  silent: {
    title: { ko: '답이 오지 않습니다', en: 'No response' },
    says: {
      ko: '잠시 후 페이지를 다시 열어 주십시오.',
      en: 'Please reload the page in a moment.',
    },
  },
};

const pairs = (rows) =>
  rows.flatMap(([name, value]) => [element('dt', {}, name), element('dd', {}, value)]);

function facts() {
  const { runningTimeMinutes: minutes, ageLimit } = show;
  const age =
    ageLimit === 0
      ? { ko: '전체', en: 'all ages' }
      : { ko: `${ageLimit}세 이상`, en: `${ageLimit} and over` };
  return element(
    'dl',
    {},
    ...pairs([
      [say({ ko: '장소', en: 'Where' }), `${say(show.venue.name)}, ${say(show.venue.address)}`],
      [
        say({ ko: '관람 시간', en: 'Running time' }),
        say({ ko: `${minutes}분`, en: `${minutes} minutes` }),
      ],
      [say({ ko: '관람 연령', en: 'Age' }), say(age)],
      ...show.grades.map(({ name, price }) => [say(name), won(price)]),
      [say({ ko: '예매 수수료 (장당)', en: 'Booking fee per ticket' }), won(show.bookingFee)],
    ]),
  );
}

function roomLink() {
  if (!hasRoom) return [];
  const words = { ko: '대기실로 가기', en: 'To the waiting room' };
  const link = element('a', { class: 'go-on', href: `/shows/${showId}/queue` }, say(words));
  return [element('p', {}, link)];
}

function gradeName(code) {
  const grade = show.grades.find((each) => each.code === code);
  return grade === undefined ? code : say(grade.name);
}

function performanceRow({ startsAt, seatsLeft }) {
  const left = seatsLeft
    .map(({ grade, left: seats }) => `${gradeName(grade)} ${seats.toLocaleString()}`)
    .join(' · ');
  return [element('dt', {}, dayAndTime(startsAt, show.venue.timeZone)), element('dd', {}, left)];
}

function performanceList() {
  const zone = zoneName(show.firstStartsAt ?? show.saleOpensAt, show.venue.timeZone);
  const heading = {
    ko: `가까운 회차와 남은 좌석 (${zone})`,
    en: `Next performances and seats left (${zone})`,
  };
  if (performances.length === 0) return [];
  return [
    element('h2', {}, say(heading)),
    element(
      'section',
      { class: 'card' },
      element('dl', { class: 'rows' }, ...performances.flatMap(performanceRow)),
    ),
  ];
}

function draw() {
  if (fault !== null) {
    const { title, says } = faults[fault];
    page.replaceChildren(element('h1', {}, say(title)), element('p', {}, say(says)));
    return;
  }
  if (show === null) return;
  document.title = `${say(show.title)} · Usher`;
  const { mark, words } = states[show.saleState];
  const opens = dayTimeAndZone(show.saleOpensAt, show.venue.timeZone);
  page.replaceChildren(
    element(
      'article',
      { class: 'show' },
      element('img', { src: show.posterUrl, alt: '', width: '600', height: '800' }),
      element(
        'div',
        {},
        element('h1', {}, say(show.title)),
        element('p', { class: `state ${mark}` }, say(words)),
        element(
          'p',
          { class: 'soft' },
          say({
            ko: `${categories[show.category].ko} · 예매 시작 ${opens}`,
            en: `${categories[show.category].en} · sale opens ${opens}`,
          }),
        ),
        ...roomLink(),
        element('p', {}, say(show.synopsis)),
        element('section', { class: 'card' }, facts()),
        ...performanceList(),
        element('h2', {}, say({ ko: '취소 수수료', en: 'Cancellation fees' })),
        element('p', { class: 'lines small' }, say(show.ladderInWords)),
      ),
    ),
  );
}

async function read() {
  const [one, list, room] = await Promise.all([
    call(`/api/v1/shows/${showId}`),
    call(`/api/v1/shows/${showId}/performances?limit=${listedMax}`),
    call(`/api/v1/shows/${showId}/queue/now`),
  ]);
  hasRoom = room.kind === 'done';
  if (one.kind === 'done') show = one.body;
  else fault = one.kind === 'refused' && one.status === 404 ? 'absent' : 'silent';
  if (list.kind === 'done') performances = list.body.items;
  draw();
}

startPage({ ko: '공연 · Usher', en: 'Show · Usher' }, draw);
void read();
