import type { ProblemCode } from '@usher/contract/problems.ts';
import type { Place, RoomNow } from '@usher/contract/waiting-room.ts';
import { crowdedPerSeat } from '@usher/domain/room/constants.ts';
import type { Locale, LocalText } from '@usher/domain/text.ts';
import { faultWords, pageWords, type Saying } from './texts.ts';

/** The reader of the page. `fault`: why the last action was not done. */
export type QueuePerson =
  | { kind: 'watching' | 'outside'; fault: ProblemCode | null }
  | { kind: 'logging-in'; email: string; fault: ProblemCode | null }
  | { kind: 'inside'; place: Place };

export type QueuePage = {
  readonly locale: Locale;
  readonly show: {
    readonly id: string;
    readonly title: LocalText;
    readonly venueName: LocalText;
    readonly timeZone: string;
  };
  /** Null: the show has no waiting room. */
  readonly room: RoomNow | null;
  readonly person: QueuePerson;
  /** When the page refreshes itself, s; null: it does not. */
  readonly refreshS: number | null;
};

const signs: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
const safe = (text: string): string => text.replace(/[&<>"']/g, (sign) => signs[sign] ?? '');
const tags: Readonly<Record<Locale, string>> = { ko: 'ko-KR', en: 'en-GB' };

/** The same for all parts of a page. */
const speakerOf = ({ locale, show }: Pick<QueuePage, 'locale' | 'show'>) => {
  const format = (more: Intl.DateTimeFormatOptions) => {
    const made = new Intl.DateTimeFormat(tags[locale], { timeZone: show.timeZone, ...more });
    return (at: number | string) => made.format(new Date(at));
  };
  const hour = { hour: 'numeric', minute: '2-digit', hour12: locale === 'ko' } as const;
  const date = format({ month: 'long', day: 'numeric', weekday: 'short' });
  const zoned = format({ ...hour, timeZoneName: 'shortOffset' });
  const joint = locale === 'ko' ? ' ' : ', ';
  const numbers = new Intl.NumberFormat(tags[locale]);
  return {
    say: pageWords[locale],
    number: (value: number) => numbers.format(value),
    day: (atMs: number) => date(atMs) + joint + format(hour)(atMs),
    dayInZone: (atMs: number) => date(atMs) + joint + zoned(atMs),
    clock: format({ ...hour, second: '2-digit' }),
    path: `/shows/${show.id}/queue`,
  };
};
type Speaker = ReturnType<typeof speakerOf>;

const sumOf = (left: RoomNow['left']): number =>
  Object.values(left).reduce((sum, seats) => sum + seats, 0);

/** The state of the room, for a person who is not in it. */
const ofRoom = (room: RoomNow | null, { say, number, dayInZone }: Speaker): Saying => {
  if (room === null) return say.noRoom;
  if (room.override === 'bypass') return say.bypass;
  if (room.soldOut) return say.soldOut;
  if (room.override === 'reject' && room.phase !== 'closed') return say.reject;
  switch (room.phase) {
    case 'idle':
      return say.idle(dayInZone(room.lobbyAt ?? room.now));
    case 'lobby':
      return say.lobby(dayInZone(room.opensAt ?? room.now));
    case 'open': {
      const isCrowded = room.waiting > crowdedPerSeat * sumOf(room.left);
      const open = say.open(number(room.waiting));
      return isCrowded ? [...open, say.crowded] : open;
    }
    case 'draining':
      return say.draining;
    case 'closed':
      return say.closed;
  }
};

const minutesOf = (minutes: number, { say }: Speaker): string =>
  minutes < 60 ? say.minutes(minutes) : say.hours(Math.floor(minutes / 60), minutes % 60);

const etaOf = (eta: Place['etaMs'], speaker: Speaker): string => {
  const { say } = speaker;
  if (eta === null) return say.etaUnknown;
  const [from, to] = [Math.floor(eta.from / 60_000), Math.ceil(eta.to / 60_000)];
  if (to <= 1) return say.etaSoon;
  const least = Math.max(from, 1);
  const span = minutesOf(to, speaker);
  return say.eta(least === to ? span : `${minutesOf(least, speaker)} – ${span}`);
};

/** In line after the draw, and not called yet. */
const ofWaiting = (place: Place, room: RoomNow, speaker: Speaker): Saying => {
  const { say, number } = speaker;
  const ahead = place.ahead ?? 0;
  return [
    say.number(number(place.number ?? 0)),
    ahead === 0 ? say.next : say.ahead(number(ahead)),
    room.override === 'paused' ? say.paused : etaOf(place.etaMs, speaker),
    ...(room.longer === undefined ? [] : [say.longer[room.longer]]),
    place.heartbeatEveryMs === null ? say.meanwhile : say.near,
  ];
};

/** The state of a person in the room. */
const ofPlace = (place: Place, room: RoomNow, speaker: Speaker): Saying => {
  const { say, number, dayInZone, clock } = speaker;
  const mine = place.number === null ? [] : [say.number(number(place.number))];
  switch (place.standing) {
    case 'LOBBY':
      return [...say.inLobby(dayInZone(room.opensAt ?? room.now)), say.meanwhile];
    case 'WAITING':
      if (room.override === 'bypass') return [...say.bypass, ...mine];
      if (room.soldOut) return [...say.soldOut, ...mine];
      if (room.phase === 'closed') return [...say.closed, ...mine];
      return ofWaiting(place, room, speaker);
    case 'CALLED':
      return [...say.called, ...mine];
    case 'LATE':
      return [...say.late, ...mine, ...(room.override === 'paused' ? [say.paused] : [])];
    case 'ACTIVE': {
      const { pass } = place;
      const times = pass === null ? [] : [say.until(clock(pass.endsAt), clock(pass.endsBy))];
      return [...say.active, ...times, say.goOnHow];
    }
    case 'OVER':
      return say.over;
  }
};

const paragraphs = (texts: readonly string[]): string =>
  texts.map((text) => `<p>${safe(text)}</p>`).join('\n');
const rows = (pairs: readonly (readonly [name: string, value: string])[]): string =>
  pairs.map(([name, value]) => `<dt>${safe(name)}</dt><dd>${safe(value)}</dd>`).join('\n');
/** A form that does one thing; `fields` stand before its button. */
const form = (path: string, deed: string, label: string, fields = ''): string => {
  const look = deed === 'join' || deed === 'log-in' ? ' class="go-on"' : '';
  return `<form method="post" action="${path}">${fields}
<input type="hidden" name="deed" value="${deed}">
<button type="submit"${look}>${safe(label)}</button></form>`;
};
const link = (href: string, label: string, more = ''): string =>
  `<a ${more}href="${safe(href)}">${safe(label)}</a>`;

const faultOf = (fault: ProblemCode | null, locale: Locale): string => {
  if (fault === null) return '';
  const text = (faultWords[fault] ?? faultWords.INTERNAL)[locale];
  return `<p class="state stop" role="alert">${safe(text)}</p>`;
};

const logInForm = (email: string, { say, path }: Speaker): string =>
  form(
    path,
    'log-in',
    say.enter,
    `<label>${safe(say.email)}
<input type="email" name="email" value="${safe(email)}" required maxlength="254" \
autocomplete="username"></label>
<label>${safe(say.password)}
<input type="password" name="password" required maxlength="200" \
autocomplete="current-password"></label>`,
  );

/** Whether it makes sense to get in line now. */
const takesIn = ({ phase, override, soldOut }: RoomNow): boolean =>
  (phase === 'lobby' || phase === 'open') &&
  !soldOut &&
  (override === 'none' || override === 'paused');

/** What the reader can do. */
const deeds = ({ room, person, show }: QueuePage, speaker: Speaker): string => {
  const { say, path } = speaker;
  const goOn = `<p>${link(`/shows/${show.id}`, say.goOn, 'class="go-on" ')}</p>`;
  if (room === null || room.override === 'bypass') return goOn;
  switch (person.kind) {
    case 'logging-in':
      return `${logInForm(person.email, speaker)}\n<p>${link(path, say.cancel)}</p>`;
    case 'watching':
      return takesIn(room) ? `<p>${link(`${path}?log-in`, say.enter, 'class="go-on" ')}</p>` : '';
    case 'outside':
      return takesIn(room) ? form(path, 'join', say.join) : '';
    case 'inside':
      if (person.place.standing === 'OVER')
        return takesIn(room) ? form(path, 'join', say.joinAgain) : '';
      return person.place.standing === 'ACTIVE' ? goOn : '';
  }
};

const facts = (room: RoomNow, { say, number, day }: Speaker): string => {
  const left = Object.entries(room.left).map(([grade, seats]) => say.seats(grade, number(seats)));
  return `<dl class="card">${rows([
    ...(room.opensAt === undefined ? [] : [[say.opens, day(room.opensAt)] as const]),
    [say.waiting, say.people(number(room.waiting))],
    ...(room.front === 0 ? [] : [[say.front, say.upTo(number(room.front))] as const]),
    ...(left.length === 0 ? [] : [[say.left, left.join(', ')] as const]),
  ])}</dl>`;
};

const details = (title: string, body: string): string =>
  `<details><summary>${safe(title)}</summary>\n${body}</details>`;

/** What few people want to see: the proof, the pass as text, leaving and logging out. */
const aside = ({ room, person, show }: QueuePage, speaker: Speaker): string => {
  const { say, number, path } = speaker;
  const place = person.kind === 'inside' ? person.place : null;
  const api = `/api/v1/shows/${show.id}/queue`;
  const records = [
    link(`${api}/commitment`, say.commitment),
    ...(room?.draw ? [link(`${api}/draw`, say.record)] : []),
  ];
  const receipt =
    place === null
      ? ''
      : `<p>${safe(say.receipt(number(place.receipt.entry + 1)))}
<code>${safe(place.receipt.key)}</code></p>`;
  const proof = details(
    say.proof,
    `<p>${safe(say.proofHow)}</p>\n<p>${records.join(' · ')}</p>\n${receipt}`,
  );
  const pass = place?.pass
    ? details(say.pass, `<p>${safe(say.passHow)}</p>\n<pre>${safe(place.pass.token)}</pre>`)
    : '';
  const isIn = place !== null && place.standing !== 'OVER';
  const leave = isIn
    ? details(say.leave, `<p>${safe(say.leaveHow)}</p>\n${form(path, 'leave', say.leaveNow)}`)
    : '';
  const isKnown = person.kind === 'inside' || person.kind === 'outside';
  return `${pass}\n${proof}\n${leave}\n${isKnown ? form(path, 'log-out', say.logOut) : ''}`;
};

/** When the page was made, and what it does next. */
const footnote = (page: QueuePage, { say, number, clock, path }: Speaker): string => {
  const { room, refreshS, person } = page;
  if (room === null || person.kind === 'logging-in') return '';
  const at = new Date(room.now).toISOString();
  const asOf = `<time datetime="${at}">${safe(say.asOf(clock(room.now)))}</time>`;
  const again = link(refreshS === null ? `${path}?still` : path, say.again);
  const said =
    refreshS === null
      ? `${safe(say.still)} ${again} · ${link(path, say.move)}`
      : `${safe(say.every(number(refreshS)))} ${again} · ${link(`${path}?still`, say.stand)}`;
  return `<p class="soft small">${asOf} ${said}</p>`;
};

/** `title` is what a screen reader says first, each time the page reloads. */
const documentOf = (locale: Locale, title: string, main: string, foot: string): string =>
  `<!doctype html>
<html lang="${locale}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${safe(title)}</title>
<link rel="icon" href="/assets/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/assets/shell.css">
</head>
<body class="narrow">
<header>
  <a class="brand" href="/"><img src="/assets/icon.svg" alt="" width="28" height="28">Usher</a>
</header>
<main>
${main}
</main>
<footer>${foot}</footer>
</body>
</html>
`;

/** The waiting room for browsers without JavaScript. */
export const renderQueuePage = (page: QueuePage): string => {
  const { locale, show, room, person } = page;
  const speaker = speakerOf(page);
  const { say } = speaker;
  const [headline, ...more] =
    person.kind === 'inside' && room !== null
      ? ofPlace(person.place, room, speaker)
      : ofRoom(room, speaker);
  const fault = person.kind === 'inside' ? '' : faultOf(person.fault, locale);
  const message =
    room?.message === undefined
      ? ''
      : `<section class="card"><h2>${safe(say.message)}</h2>
<p class="lines">${safe(room.message[locale])}</p></section>`;
  const main = `<h1>${safe(show.title[locale])}</h1>
<p class="soft">${safe(say.lead(show.venueName[locale]))}</p>
<section class="card">
<div role="status">
<p class="countdown">${safe(headline)}</p>
${paragraphs(more)}
</div>
${fault}
${deeds(page, speaker)}
</section>
${message}
${room === null ? '' : facts(room, speaker)}
${footnote(page, speaker)}
${room === null ? '' : aside(page, speaker)}`;
  const foot = link(`/shows/${show.id}`, say.show);
  return documentOf(locale, `${headline} · ${show.title[locale]}`, main, foot);
};

/** The text when there is nothing to show: no such show, no response, too many requests. */
export const renderQueueNotice = (kind: 'absent' | 'away' | 'busy', locale: Locale): string => {
  const say = pageWords[locale];
  const [headline, ...more] = say[kind];
  const main = `<h1>${safe(headline)}</h1>\n<div role="status">${paragraphs(more)}</div>`;
  return documentOf(locale, headline, main, link('/', say.shows));
};
