import type { Place, RoomNow } from '@usher/contract/waiting-room.ts';
import { makePlainBrowser } from '@usher/tests/support/plain-browser.ts';
import { afterEach, describe, expect, test } from 'vitest';
import { Failure } from '../../platform/failure.ts';
import { refuse } from '../../platform/http/problem.ts';
import { openTestServer } from '../../platform/http/test-bed.ts';
import { silentLog } from '../../platform/log.ts';
import { chooseLocale, makeQueuePages, type QueuePagesDeps, refreshMsOf } from './routes.ts';
import { pageWords } from './texts.ts';

const showId = 'show_01jd8zk3v7q2m4x6t9w1y5b0ce';
const path = `/shows/${showId}/queue`;
const now: RoomNow = {
  rev: 3,
  epoch: 1,
  phase: 'open',
  override: 'none',
  now: 1_000_000,
  front: 10,
  tail: 500,
  waiting: 480,
  perMinute: 60,
  spread: 1,
  near: 180,
  poll: { f: 2000, c: 60_000, d: 8, m: 1 },
  left: { R: 400 },
  draw: { entries: 500 },
};
const place: Place = {
  standing: 'WAITING',
  number: 300,
  ahead: 289,
  receipt: { entry: 17, key: 'kkkkkkkkkkk' },
  etaMs: { from: 240_000, to: 300_000 },
  token: 'place.17',
  heartbeatEveryMs: null,
  claimBy: null,
  pass: null,
};
const caller = { accountId: 'acc_1', role: 'BUYER', sessionId: 'ses_1' };
const account = {
  id: 'acc_1',
  email: 'minji@example.com',
  name: '김민지',
  role: 'BUYER' as const,
  locale: 'ko' as const,
  emailConfirmed: true,
  createdAt: '2026-01-01T00:00:00.000Z',
};
const signedIn = (generation: number) => ({
  outcome: 'signed-in' as const,
  account,
  accessToken: `access.${generation}`,
  accessTokenEndsAtMs: 600_000,
  refreshToken: `refresh.${generation}`,
  sessionEndsAtMs: 1_000_000_000,
  browserToken: 'browser.1',
});

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** The pages with a room and an identity that answer as the test wants, and record the calls. */
const open = async (
  more: {
    room?: Partial<QueuePagesDeps['room']>;
    identity?: Partial<QueuePagesDeps['identity']>;
    ready?: RoomNow | 'away' | null;
    publicUrl?: string;
    rateLimits?: boolean;
  } = {},
) => {
  const asked: string[] = [];
  const note = <T>(what: string, answer: T): T => {
    asked.push(what);
    return answer;
  };
  const ready = more.ready === undefined ? now : more.ready;
  const { app, clock } = await openTestServer([]);
  closers.push(() => app.close());
  const deps: QueuePagesDeps = {
    room: {
      ready: () => (ready === null || ready === 'away' ? ready : ({ now: ready } as never)),
      join: async ({ place: shown }) =>
        note(`join with ${shown}`, { outcome: 'placed', isNew: true, place }),
      readPlace: async () => note('read', { outcome: 'stands', place }),
      beat: async (wish) => note(`beat with ${wish.place}`, { outcome: 'heard' }),
      claim: async (wish) => note(`claim with ${wish.place}`, { outcome: 'stands', place }),
      leave: async () => note('leave', { outcome: 'left' }),
      ...more.room,
    },
    catalogue: {
      show: async (id) =>
        id === showId
          ? ({
              id,
              title: { ko: '밤의 노래', en: 'Night song' },
              timeZone: 'Asia/Seoul',
              venueName: { ko: '시험극장', en: 'Trial Theatre' },
            } as never)
          : null,
    },
    identity: {
      authenticate: (token) => (token.startsWith('access.') ? caller : null),
      logIn: async ({ password }) =>
        note('log in', password === 'right' ? signedIn(1) : { outcome: 'wrong' }),
      refresh: async (token) =>
        note(`refresh ${token}`, token === 'refresh.1' ? signedIn(2) : { outcome: 'refused' }),
      logOut: async () => note('log out', undefined),
      ...more.identity,
    },
    clock,
    log: silentLog,
    publicUrl: more.publicUrl ?? 'http://usher.test',
    rateLimits: more.rateLimits ?? false,
  };
  await app.register(makeQueuePages(deps));
  const browser = makePlainBrowser(app);
  const logIn = () =>
    browser.submit(path, { deed: 'log-in', email: account.email, password: 'right' });
  return { app, clock, asked, browser, logIn };
};

describe('a person who has logged in', () => {
  test('is in line at once, and every page asks the room for their place', async () => {
    const { browser, logIn, asked } = await open();
    const page = await logIn();
    expect([page.status, asked]).toEqual([200, ['log in', 'join with null', 'read']]);
    expect(page.words).toContain('내 번호 300');
    await browser.open(path);
    expect(asked.slice(3)).toEqual(['read']);
  });

  test('has place and session in cookies that no script and no other site can read', async () => {
    const { browser, logIn } = await open();
    await logIn();
    expect(browser.jar.get(`usher_place_${showId}`)).toBe('place.17');
    expect(browser.setCookies.length).toBeGreaterThan(2);
    for (const line of browser.setCookies)
      expect(line).toMatch(/; Path=\/; HttpOnly; SameSite=Lax$/);
  });

  test('over TLS has them in cookies that belong to this host alone', async () => {
    const { browser, logIn } = await open({ publicUrl: 'https://tickets.example.com' });
    await logIn();
    for (const line of browser.setCookies)
      expect(line).toMatch(/^__Host-usher_.+; Path=\/; HttpOnly; SameSite=Lax; Secure$/);
  });

  test('stays logged in when the access token expires, but not when the session does', async () => {
    const { browser, logIn, asked } = await open({
      identity: { authenticate: (token) => (token === 'access.2' ? caller : null) },
    });
    await logIn();
    expect(asked).toContain('refresh refresh.1');
    expect(browser.jar.get('usher_queue')).toBe('access.2~refresh.2');
    browser.jar.set('usher_queue', 'access.9~refresh.9');
    const over = await browser.open(path);
    expect([over.status, over.words.includes('다시 로그인하시면 자리는 그대로')]).toEqual([
      401,
      true,
    ]);
    expect(browser.jar.has('usher_queue')).toBe(false);
    // The place is still theirs, once they have logged in again.
    expect(browser.jar.get(`usher_place_${showId}`)).toBe('place.17');
  });

  test('gets back a place that the room has lost, by the stored token', async () => {
    let isLost = true;
    const { browser, logIn, asked } = await open({
      room: {
        readPlace: async () => (isLost ? refuse('NO_PLACE') : { outcome: 'stands', place }),
        beat: async ({ place: shown }) => {
          asked.push(`beat with ${shown}`);
          isLost = false;
          return { outcome: 'heard' };
        },
      },
    });
    await logIn();
    expect(asked).toContain('beat with place.17');
    isLost = true;
    expect((await browser.open(path)).words).toContain('내 번호 300');
  });

  test.each(['CALLED', 'LATE'] as const)(
    'is let in by loading the page when %s',
    async (standing) => {
      const active: Place = {
        ...place,
        standing: 'ACTIVE',
        ahead: 0,
        etaMs: null,
        pass: {
          token: 'pass.300',
          endsAt: '2026-12-24T10:10:00.000Z',
          endsBy: '2026-12-24T10:30:00.000Z',
        },
      };
      const { logIn } = await open({
        room: {
          readPlace: async () => ({ outcome: 'stands', place: { ...place, standing } }),
          claim: async () => ({ outcome: 'stands', place: active }),
        },
      });
      const page = await logIn();
      expect(page.words).toContain(pageWords.ko.active[0]);
      expect(page.html).toContain('pass.300');
    },
  );

  test('can leave and log out, after which nothing is stored', async () => {
    const { browser, logIn, asked } = await open();
    await logIn();
    await browser.submit(path, { deed: 'leave' });
    expect(asked).toContain('leave');
    await browser.submit(path, { deed: 'log-out' });
    expect(asked.at(-1)).toBe('log out');
    expect([...browser.jar]).toEqual([]);
  });
});

describe('a form', () => {
  test('on another site’s page does nothing', async () => {
    const { browser, logIn, asked } = await open();
    await logIn();
    const before = asked.length;
    const foreign = [{}, { 'sec-fetch-site': 'cross-site' }, { origin: 'https://evil.example' }];
    for (const headers of foreign)
      for (const deed of ['log-in', 'join', 'leave', 'log-out']) {
        const fields = { deed, email: account.email, password: 'right' };
        const page = await browser.submit(path, fields, headers);
        expect(page.status).toBe(403);
      }
    expect(asked.slice(before)).toEqual([]);
  });

  test('with unknown fields does nothing', async () => {
    const { browser, asked } = await open();
    const wrong: Record<string, string>[] = [{}, { deed: 'fly' }, { deed: 'log-in', email: 'a' }];
    for (const fields of wrong) expect((await browser.submit(path, fields)).status).toBe(400);
    expect(asked).toEqual([]);
  });

  test('that is too long is refused before it is read', async () => {
    const { browser, asked } = await open();
    const page = await browser.submit(path, { deed: 'join', email: 'a'.repeat(5000) });
    expect([page.status, asked]).toEqual([413, []]);
  });

  test('with a wrong password keeps the other fields, and the page does not refresh', async () => {
    const { browser } = await open();
    const fields = { deed: 'log-in', email: 'minji@example.com', password: 'wrong' };
    const page = await browser.submit(path, fields);
    expect([page.status, page.refreshS]).toEqual([401, null]);
    expect(page.html).toContain('value="minji@example.com"');
    expect(page.html).not.toContain('wrong"');
    expect((await browser.open(`${path}?log-in`)).refreshS).toBeNull();
    expect([...browser.jar]).toEqual([]);
  });

  test('gives the reason in words when nobody is admitted', async () => {
    const { logIn } = await open({
      room: {
        join: async () => refuse('CHALLENGE_REQUIRED'),
        readPlace: async () => refuse('NO_PLACE'),
      },
    });
    const page = await logIn();
    expect([page.status, page.words.includes('JavaScript가 필요')]).toEqual([403, true]);
  });
});

describe('during an external failure', () => {
  test('the page says so and refreshes; no cookie is lost', async () => {
    let isAway = false;
    const { browser, logIn } = await open({
      room: {
        readPlace: async () => {
          if (isAway) throw new Failure('ROOM_ELSEWHERE', 'elsewhere', { retryable: true });
          return { outcome: 'stands', place };
        },
      },
    });
    await logIn();
    const kept = [...browser.jar];
    isAway = true;
    const page = await browser.open(path);
    expect([page.status, page.refreshS]).toEqual([503, 5]);
    expect(page.words).toContain(pageWords.ko.away[1]);
    expect([...browser.jar]).toEqual(kept);
    isAway = false;
    expect((await browser.open(path)).words).toContain('내 번호 300');
  });

  test('the page shows the same text for a bug, without details', async () => {
    const { logIn } = await open({
      room: {
        join: async () => {
          throw new Error('the secret reason');
        },
      },
    });
    const page = await logIn();
    expect([page.status, page.html.includes('secret reason')]).toEqual([500, false]);
  });

  test('a room that this process does not know yet is requested again', async () => {
    const { browser } = await open({ ready: 'away' });
    const page = await browser.open(path);
    expect([page.status, page.refreshS]).toEqual([503, 5]);
  });

  test('too many requests are refused without asking the room', async () => {
    const { browser, logIn, asked } = await open({ rateLimits: true });
    await logIn();
    const pages = [];
    for (let i = 0; i < 25; i++) pages.push(await browser.open(path));
    const busy = pages.filter(({ status }) => status === 429);
    expect(busy.length).toBeGreaterThan(0);
    expect(asked.filter((what) => what === 'read')).toHaveLength(26 - busy.length);
    expect(busy[0]?.refreshS).toBe(5);
    expect(busy[0]?.words).toContain(pageWords.ko.busy[1]);
  });

  test('a person who guesses passwords must wait', async () => {
    const { logIn } = await open({
      identity: { logIn: async () => ({ outcome: 'too-fast', waitMs: 1000, challenge: null }) },
    });
    expect((await logIn()).status).toBe(429);
  });
});

describe('every page', () => {
  test('runs no script, and cannot be framed, cached or indexed', async () => {
    const { browser, logIn } = await open();
    for (const page of [
      await browser.open(path),
      await logIn(),
      await browser.open('/shows/x/queue'),
    ]) {
      const policy = String(page.headers['content-security-policy']);
      expect(policy).toContain("default-src 'none'");
      expect(policy).not.toMatch(/script-src|unsafe/);
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).toContain("form-action 'self'");
      expect(page.headers['cache-control']).toBe('no-store');
      expect(page.headers['x-robots-tag']).toBe('noindex');
      expect(page.headers['x-content-type-options']).toBe('nosniff');
      // Otherwise browsers would not report that its forms come from here.
      expect(page.headers['referrer-policy']).toBe('same-origin');
    }
  });

  test('exists only for shows', async () => {
    const { browser } = await open();
    for (const id of ['show_00000000000000000000000000', 'x', '%00'])
      expect((await browser.open(`/shows/${id}/queue`)).status).toBe(404);
  });

  test('of a show without a room links to the show, and does not refresh', async () => {
    const { browser } = await open({ ready: null });
    const page = await browser.open(path);
    expect([page.status, page.refreshS]).toEqual([200, null]);
    expect(page.html).toContain(`href="/shows/${showId}"`);
  });

  test('stops refreshing if the reader asks for it', async () => {
    const { browser } = await open();
    expect((await browser.open(path)).refreshS).toBeGreaterThan(0);
    expect((await browser.open(`${path}?still`)).refreshS).toBeNull();
  });
});

test('forms are parsed here and nowhere else', async () => {
  const { app } = await open();
  app.post('/api/v1/anything', async () => 'read');
  const reply = await app.inject({
    method: 'POST',
    url: '/api/v1/anything',
    payload: 'a=b',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  });
  expect(reply.statusCode).toBe(400);
});

describe('a form', () => {
  const submit = async (payload: string) => {
    const { app, asked } = await open();
    const headers = {
      'content-type': 'application/x-www-form-urlencoded',
      origin: 'http://usher.test',
    };
    return { asked, reply: await app.inject({ method: 'POST', url: path, payload, headers }) };
  };

  test('of more than 4 kB is refused unread', async () => {
    const fits = `deed=join&more=${'x'.repeat(4096 - 15)}`;
    expect((await submit(fits)).reply.statusCode).not.toBe(413);
    const { reply, asked } = await submit(`${fits}x`);
    expect(reply.statusCode).toBe(413);
    expect(asked).toEqual([]);
  });

  test('that has a field twice is refused: two parsers could take different values', async () => {
    const { reply, asked } = await submit('deed=log-in&email=a@b.c&email=d@e.f&password=x');
    expect(reply.statusCode).toBe(400);
    expect(asked).toEqual([]);
  });

  test('cannot set inherited properties of objects', async () => {
    const { reply } = await submit('__proto__=x&constructor=y&toString=z');
    expect(reply.statusCode).toBe(400);
  });
});

test.each([
  [undefined, 'ko'],
  ['', 'ko'],
  ['fr-FR,fr;q=0.9', 'ko'],
  ['en', 'en'],
  ['en-US,en;q=0.9,ko;q=0.8', 'en'],
  ['ko-KR,ko;q=0.9,en-US;q=0.8', 'ko'],
  ['de;q=1, en;q=0.5, ko;q=0.7', 'ko'],
  ['KO;q=0.1,EN;q=0.2', 'en'],
  ['en;q=0', 'ko'],
  ['de, *;q=0.5', 'ko'],
  ['ko;q=0, *', 'en'],
  ['en-GB-oxendict', 'en'],
  ['en;q=nonsense, ko;q=0.1', 'ko'],
  [';;,,q=;=', 'ko'],
  [`${'de,'.repeat(20_000)}en`, 'ko'],
])('the language is the one that the reader prefers: %o', (accepted, locale) => {
  expect(chooseLocale(accepted)).toBe(locale);
});

describe('a page refreshes', () => {
  const inside = (more: Partial<Place>) =>
    ({ kind: 'inside', place: { ...place, ...more } }) as const;
  const ms = (room: Partial<RoomNow>, more: Partial<Place> | null, random = 0.5) =>
    refreshMsOf(
      { ...now, ...room },
      more === null ? { kind: 'watching', fault: null } : inside(more),
      random,
    );

  test('by the policy of all clients, but never so often that nobody can read it', () => {
    expect(ms({}, { etaMs: { from: 240_000, to: 300_000 } })).toBe(30_000);
    expect(ms({}, { etaMs: { from: 8_000_000, to: 9_000_000 } })).toBe(60_000);
    expect(ms({}, { etaMs: { from: 1000, to: 2000 } })).toBe(5000);
    expect(ms({}, null)).toBe(60_000);
  });

  test('so that nobody near the front counts as absent, whatever the operator’s multiplier', () => {
    const poll = { ...now.poll, m: 20 };
    const near = { etaMs: { from: 170_000, to: 200_000 }, heartbeatEveryMs: 20_000 };
    expect(ms({ poll }, near)).toBe(20_000);
    expect(ms({ poll }, { ...near, etaMs: null })).toBe(20_000);
    expect(ms({ poll }, { standing: 'LATE', etaMs: null })).toBe(10_000);
    // Far away, but not so late that the turn would be missed.
    expect(ms({ poll }, { etaMs: { from: 600_000, to: 700_000 } })).toBe(300_000);
    expect(ms({ poll }, null)).toBe(1_200_000);
  });

  test('after the event that everybody waits for, and not all at once', () => {
    const soon = { phase: 'lobby' as const, opensAt: now.now + 30_000, waiting: 200_000 };
    const lobby = { standing: 'LOBBY' as const, number: null, ahead: null, etaMs: null };
    expect([ms(soon, lobby, 0), ms(soon, lobby, 0.5)]).toEqual([30_000, 35_000]);
    expect(ms({ ...soon, phase: 'idle', lobbyAt: now.now + 8000 }, null, 0)).toBe(8000);
    // The draw is being made.
    expect(ms({ phase: 'lobby', opensAt: now.now - 1 }, lobby)).toBe(5000);
  });
});
