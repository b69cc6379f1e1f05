import type { Place, RoomNow } from '@usher/contract/waiting-room.ts';
import { claimPass, joinRoom } from '@usher/contract/waiting-room.ts';
import { wordsOf } from '@usher/tests/support/plain-browser.ts';
import { describe, expect, test } from 'vitest';
import { faultWords, pageWords } from './texts.ts';
import { type QueuePage, type QueuePerson, renderQueueNotice, renderQueuePage } from './view.ts';

const atMs = Date.parse('2026-12-24T10:00:00Z');
const now: RoomNow = {
  rev: 3,
  epoch: 1,
  phase: 'open',
  override: 'none',
  now: atMs,
  front: 1200,
  tail: 25_000,
  waiting: 23_000,
  perMinute: 600,
  spread: 1.2,
  near: 1800,
  poll: { f: 2000, c: 60_000, d: 8, m: 1 },
  left: { VIP: 12, R: 20_340 },
  draw: null,
};
const place: Place = {
  standing: 'WAITING',
  number: 4321,
  ahead: 3120,
  receipt: { entry: 17, key: 'kkkkkkkkkkk' },
  etaMs: { from: 312_000, to: 401_000 },
  token: 'place.token',
  heartbeatEveryMs: null,
  claimBy: null,
  pass: null,
};
const show = {
  id: 'show_01jd8zk3v7q2m4x6t9w1y5b0ce',
  title: { ko: '밤의 노래', en: 'Night song' },
  venueName: { ko: '시험극장', en: 'Trial Theatre' },
  timeZone: 'Asia/Seoul',
};
const inside = (more: Partial<Place> = {}): QueuePerson => ({
  kind: 'inside',
  place: { ...place, ...more },
});
const html = (more: Partial<QueuePage> = {}): string =>
  renderQueuePage({
    locale: 'ko',
    show,
    room: now,
    refreshS: 20,
    person: { kind: 'watching', fault: null },
    ...more,
  });
const words = (more: Partial<QueuePage> = {}): string => wordsOf(html(more));
const formsIn = (page: string): string[] =>
  [...page.matchAll(/name="deed" value="([\w-]+)"/g)].map(([, deed]) => deed ?? '');

const pass = {
  token: 'pass.token',
  endsAt: '2026-12-24T10:10:00.000Z',
  endsBy: '2026-12-24T10:30:00.000Z',
};
const standings: readonly Partial<Place>[] = [
  { standing: 'LOBBY', number: null, ahead: null, etaMs: null },
  { standing: 'WAITING' },
  { standing: 'CALLED', ahead: 0, etaMs: null },
  { standing: 'LATE', ahead: 0, etaMs: null },
  { standing: 'ACTIVE', ahead: 0, etaMs: null, pass },
  { standing: 'OVER', ahead: null, etaMs: null },
];
const people: readonly QueuePerson[] = [
  { kind: 'watching', fault: null },
  { kind: 'logging-in', email: '', fault: 'CREDENTIALS_WRONG' },
  { kind: 'outside', fault: null },
  ...standings.map(inside),
];
const rooms: readonly (RoomNow | null)[] = [
  null,
  { ...now, phase: 'idle', front: 0, lobbyAt: atMs + 60_000, opensAt: atMs + 120_000 },
  { ...now, phase: 'lobby', front: 0, opensAt: atMs + 120_000 },
  now,
  { ...now, soldOut: true },
  { ...now, phase: 'draining' },
  { ...now, phase: 'closed' },
  ...(['paused', 'bypass', 'reject'] as const).map((override) => ({ ...now, override })),
];
const all = (['ko', 'en'] as const).flatMap((locale) =>
  rooms.flatMap((room) => people.map((person) => ({ locale, room, person }))),
);

describe('in any room and for any reader', () => {
  test('the page is one document in one language, and runs and styles nothing by itself', () => {
    expect(all.length).toBeGreaterThan(150);
    for (const more of all) {
      const page = html(more);
      expect(page).toMatch(new RegExp(`^<!doctype html>\n<html lang="${more.locale}">`));
      expect(page).toContain('<meta name="viewport"');
      expect(page).toContain('<meta name="robots" content="noindex">');
      expect(page).not.toMatch(/<script|<style|style=|\son\w+=|javascript:/i);
      expect(page).not.toMatch(/undefined|null|NaN|\[object/);
      if (more.locale === 'en') expect(wordsOf(page)).not.toMatch(/\p{Script=Hangul}/u);
    }
  });

  test('the state comes first, in the title and for a screen reader', () => {
    for (const more of all) {
      const page = html(more);
      const said = /<div role="status">\s*<p class="countdown">([^<]+)<\/p>/.exec(page)?.[1];
      expect(said).toMatch(/\S/);
      expect(page).toContain(`<title>${said} · `);
    }
  });

  test('all forms go to the page itself', () => {
    for (const more of all)
      for (const [form] of html(more).matchAll(/<form[^>]*>/g))
        expect(form).toBe(`<form method="post" action="/shows/${show.id}/queue">`);
  });
});

describe('a person in line', () => {
  test('sees their number, how many are ahead, and a range of time', () => {
    const ko = words({ person: inside() });
    for (const part of ['내 번호 4,321', '앞에 3,120명', '5분 – 7분', '1,200번까지', 'R 20,340석'])
      expect(ko).toContain(part);
    const en = words({ locale: 'en', person: inside() });
    for (const part of ['Your number: 4,321', 'Ahead of you: 3,120', '5 minutes – 7 minutes'])
      expect(en).toContain(part);
  });

  test.each([
    [null, 'is not known yet'],
    [{ from: 1000, to: 59_000 }, 'within a minute'],
    [{ from: 20_000, to: 90_000 }, 'about 1 minute – 2 minutes.'],
    [{ from: 130_000, to: 179_000 }, 'about 2 minutes – 3 minutes.'],
    [{ from: 180_000, to: 180_000 }, 'about 3 minutes.'],
    [{ from: 3_540_000, to: 7_260_000 }, 'about 59 minutes – 2 h 1 min.'],
  ])('sees no exact time: %o', (etaMs, expected) => {
    expect(words({ locale: 'en', person: inside({ etaMs }) })).toContain(expected);
  });

  test('sees why the wait has grown, while it grows', () => {
    const said = (longer: RoomNow['longer']) =>
      words({ locale: 'en', room: { ...now, longer }, person: inside() });
    expect(said('room')).toContain(pageWords.en.longer.room);
    expect(said('seats')).toContain(pageWords.en.longer.seats);
    expect(said(undefined)).not.toContain('longer');
  });

  test('is asked to stay when the turn is near, and otherwise told that they need not', () => {
    expect(words({ person: inside() })).toContain(pageWords.ko.meanwhile);
    const near = words({ person: inside({ heartbeatEveryMs: 20_000 }) });
    expect(near).toContain(pageWords.ko.near);
    expect(near).not.toContain(pageWords.ko.meanwhile);
  });

  test('sees that the room is paused instead of a waiting time that would be wrong', () => {
    const paused = words({ room: { ...now, override: 'paused' }, person: inside() });
    expect(paused).toContain(pageWords.ko.paused);
    expect(paused).not.toContain('5분 –');
  });

  test('can give up the place or log out, and nothing else', () => {
    expect(formsIn(html({ person: inside() }))).toEqual(['leave', 'log-out']);
  });
});

test('an admitted person sees the deadline, where to go, and the pass for the API', () => {
  const active = inside({ standing: 'ACTIVE', ahead: 0, etaMs: null, pass });
  const page = html({ person: active });
  expect(wordsOf(page)).toContain('오후 7:10:00까지');
  expect(wordsOf(page)).toContain('오후 7:30:00까지');
  expect(page).toContain(`<a class="go-on" href="/shows/${show.id}">`);
  expect(page).toContain('<pre>pass.token</pre>');
  expect(wordsOf(html({ person: active, locale: 'en' }))).toContain('until 19:10:00');
});

test('a person whose time has run out can get in line again', () => {
  const over = inside({ standing: 'OVER', ahead: null, etaMs: null });
  expect(formsIn(html({ person: over }))).toEqual(['join', 'log-out']);
});

describe('a person who is not in the room', () => {
  test('can get in line only while the room admits people', () => {
    const outside: QueuePerson = { kind: 'outside', fault: null };
    const can = rooms.map((room) => formsIn(html({ room, person: outside })).includes('join'));
    expect(can).toEqual([false, false, true, true, false, false, false, true, false, false]);
  });

  test('sees when it opens, in the venue’s time', () => {
    const idle = rooms[1] ?? null;
    expect(words({ room: idle })).toContain('12월 24일 (목) 오후 7:01 GMT+9에 열립니다');
    expect(words({ room: idle, locale: 'en' })).toContain('Thu 24 December, 19:01 GMT+9');
  });

  test('is warned if more than two people wait for each seat left', () => {
    const { crowded } = pageWords.ko;
    expect(words({ room: { ...now, left: { R: 11_500 } } })).not.toContain(crowded);
    expect(words({ room: { ...now, left: { R: 11_499 } } })).toContain(crowded);
  });

  test('goes straight to the seats if there is no need to wait', () => {
    for (const room of [null, { ...now, override: 'bypass' as const }])
      expect(html({ room })).toContain(`<a class="go-on" href="/shows/${show.id}">`);
  });
});

test('a page says when it refreshes itself and how to stop that, or that it does not', () => {
  expect(words({ refreshS: 20 })).toContain('20초 뒤에 스스로');
  expect(html({ refreshS: 20 })).toContain(`/shows/${show.id}/queue?still`);
  expect(words({ refreshS: null })).toContain(pageWords.ko.still);
});

test('what people typed is escaped, whatever it contains', () => {
  const bad = `"'><script>alert(1)</script>&amp;`;
  const text = { ko: bad, en: bad };
  const page = html({
    show: { ...show, title: text, venueName: text },
    room: { ...now, message: text },
    person: { kind: 'logging-in', email: bad, fault: null },
  });
  expect(page).not.toContain('<script');
  expect(page.split('&lt;script&gt;alert(1)&lt;/script&gt;&amp;amp;')).toHaveLength(6);
  expect(page).toContain('value="&quot;&#39;&gt;&lt;script');
});

test('each refusal that can reach a page has its text in both languages', () => {
  const solved = ['CHALLENGE_FAILED', 'NOT_FOUND'];
  const codes = [...joinRoom.problems, ...claimPass.problems].filter(
    // A page cannot send a solution; the shows and tokens that it names exist.
    (code) => !solved.includes(code) && joinRoom.problems.some((each) => each === code),
  );
  for (const code of [...codes, 'CREDENTIALS_WRONG', 'TOO_MANY_REQUESTS', 'ORIGIN_REFUSED']) {
    expect([code, Object.keys(faultWords)]).toEqual([code, expect.arrayContaining([code])]);
    const person = { kind: 'outside', fault: code as 'ROOM_CLOSED' } as const;
    for (const locale of ['ko', 'en'] as const)
      expect(html({ person, locale })).toMatch(/<p class="state stop" role="alert">[^<]+<\/p>/);
  }
  const strange = { kind: 'outside', fault: 'AMOUNT_MISMATCH' } as const;
  expect(words({ person: strange })).toContain(faultWords.INTERNAL.ko);
});

test('a page with nothing to show says so, and what will happen', () => {
  for (const kind of ['absent', 'away', 'busy'] as const)
    for (const locale of ['ko', 'en'] as const)
      expect(wordsOf(renderQueueNotice(kind, locale))).toContain(pageWords[locale][kind][1]);
});
