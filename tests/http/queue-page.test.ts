import { listLevers, readPlace } from '@usher/contract/waiting-room.ts';
import { beforeAll, describe, expect, test } from 'vitest';
import { pageWords } from '../../server/src/browser/queue-page/texts.ts';
import { makePlainBrowser, type PlainBrowser } from '../support/plain-browser.ts';
import { openProgram, type Program } from '../support/program.ts';
import { hoursFromNow, type Person } from '../support/sale.ts';
import { makeRoomTools, type RoomTools } from '../support/waiting.ts';

let program: Program;
let room: RoomTools;
beforeAll(async () => {
  program = await openProgram();
  room = makeRoomTools(program);
});

const pathOf = (showId: string): string => `/shows/${showId}/queue`;
const browse = (language = 'ko'): PlainBrowser => makePlainBrowser(program.app.http, language);
const logIn = (browser: PlainBrowser, { email, password }: Person, showId: string) =>
  browser.submit(pathOf(showId), { deed: 'log-in', email, password });
const numberIn = (words: string): number =>
  Number(/내 번호 ([\d,]+)/.exec(words)?.[1]?.replaceAll(',', '') ?? Number.NaN);

/** A room in its lobby; nobody is called until the test opens it. */
const lobby = async () => {
  const sale = await program.newSale(program.organiser);
  await room.put(sale.showId, { opensAt: hoursFromNow(0.4) });
  await room.untilRoom(sale.showId, 'the lobby is open', ({ phase }) => phase === 'lobby');
  return sale;
};

describe('the waiting room in a browser without JavaScript', () => {
  test('leads from the lobby through the draw to a pass that buys seats', async () => {
    const { showId, performanceId } = await lobby();
    await room.pull(showId, { lever: 'pause' });
    const minji = await program.newBuyer();
    const browser = browse();
    const inside = await logIn(browser, minji, showId);
    expect(inside.words).toContain(pageWords.ko.inLobby('')[0]);
    await room.join(await program.newBuyer(), showId);

    await room.pull(showId, { lever: 'open' });
    await room.untilRoom(showId, 'the draw was made', ({ phase }) => phase === 'open');
    const drawn = await browser.open(pathOf(showId));
    const { number } = await room.me(minji, showId);
    expect(numberIn(drawn.words)).toBe(number);
    expect(drawn.words).toContain(pageWords.ko.paused);
    // Soon enough that they still count as present.
    expect(drawn.refreshS).toBeLessThanOrEqual(20);

    await room.pull(showId, { lever: 'resume' });
    await room.untilRoom(showId, 'they are called', ({ front }) => front >= (number ?? Infinity));
    const called = await browser.open(pathOf(showId));
    expect(called.words).toContain(pageWords.ko.active[0]);
    const pass = /<pre>([^<]+)<\/pre>/.exec(called.html)?.[1] ?? '';
    const held = await room.hold(minji, pass, performanceId, [0]);
    expect(held.seats).toHaveLength(1);
  });

  test('gives everybody the place of their account, whatever cookies they send', async () => {
    const { showId } = await program.newSale(program.organiser);
    await room.open(showId, { activeMax: 1 });
    await room.enter(await program.newBuyer(), showId);
    const minji = await program.newBuyer();
    const { number } = await room.join(minji, showId);
    const [first, second] = [browse(), browse()];
    expect(numberIn((await logIn(first, minji, showId)).words)).toBe(number);
    expect(numberIn((await logIn(second, minji, showId)).words)).toBe(number);
    // Without cookies the browser is signed out, but the place is still there.
    first.jar.clear();
    expect((await first.open(pathOf(showId))).words).not.toContain('내 번호');
    expect(numberIn((await logIn(first, minji, showId)).words)).toBe(number);
    // Somebody else at the same browser gets a different place.
    const jiho = await program.newBuyer();
    expect(numberIn((await logIn(first, jiho, showId)).words)).toBe((number ?? 0) + 1);
  });

  test('asks to sign in after a logout elsewhere, and keeps the place', async () => {
    const { showId } = await lobby();
    const minji = await program.newBuyer();
    const browser = browse();
    await logIn(browser, minji, showId);
    const [access = ''] = (browser.jar.get('usher_queue') ?? '').split('~');
    const { identity } = program.app.services;
    const caller = identity.authenticate(access);
    if (caller === null) throw new Error('not logged in');
    await identity.logOut(caller, 'test');
    const over = await browser.open(pathOf(showId));
    expect(over.words).toContain('다시 로그인하시면');
    expect(await room.me(minji, showId)).toMatchObject({ standing: 'LOBBY' });
    const again = await logIn(browser, minji, showId);
    expect(again.words).toContain(pageWords.ko.inLobby('')[0]);
  });

  test('gives up a place only if its owner submits our own form', async () => {
    const { showId } = await lobby();
    const minji = await program.newBuyer();
    const browser = browse();
    await logIn(browser, minji, showId);
    const foreign = { origin: 'https://evil.example', referer: 'https://evil.example/' };
    const refused = await browser.submit(pathOf(showId), { deed: 'leave' }, foreign);
    expect(refused.status).toBe(403);
    expect(await room.me(minji, showId)).toMatchObject({ standing: 'LOBBY' });
    await browser.submit(pathOf(showId), { deed: 'leave' }, { origin: 'http://usher.test' });
    const params = { showId };
    const gone = await program.refusal(readPlace, { as: minji.token, params });
    expect(gone.code).toBe('NO_PLACE');
  });

  test('shows the room’s state and the operator’s message in the reader’s language', async () => {
    const { showId } = await lobby();
    const message = { ko: '문은 19시에 <b>엽니다</b>', en: 'Doors at 7 <b>pm</b>' };
    await room.pull(showId, { lever: 'message', message });
    await room.untilRoom(showId, 'the message is there', (now) => now.message !== undefined);
    const korean = await browse('ko-KR').open(pathOf(showId));
    expect(korean.words).toContain(message.ko);
    expect(korean.words).toContain('R 20석');
    const english = await browse('en-GB,en;q=0.9').open(pathOf(showId));
    expect(english.html).toContain('<html lang="en">');
    expect(english.words).toContain(message.en);
    expect(english.html).not.toContain('<b>');
    await room.pull(showId, { lever: 'bypass', minutes: 5 });
    const bypass = await browse().open(pathOf(showId));
    expect(bypass.words).toContain(pageWords.ko.bypass[0]);
  });

  test('lets nobody bypass a proof-of-work challenge', async () => {
    const { showId } = await program.newSale(program.organiser);
    await room.open(showId, { challengeCost: 1000 });
    const minji = await program.newBuyer();
    const page = await logIn(browse(), minji, showId);
    expect([page.status, page.words.includes('JavaScript가 필요')]).toEqual([403, true]);
    const params = { showId };
    const nowhere = await program.refusal(readPlace, { as: minji.token, params });
    expect(nowhere.code).toBe('NO_PLACE');
    const { items } = await program.must(listLevers, { as: program.operator, params });
    expect(items[0]?.action).toMatchObject({ settings: { challengeCost: 1000 } });
  });

  test('limits password guessing, and the API still takes only JSON', async () => {
    const { showId } = await lobby();
    const minji = await program.newBuyer();
    const browser = browse();
    const tries: number[] = [];
    // Each wrong password doubles the wait before the next; a slow machine needs more tries.
    while (!tries.includes(429) && tries.length < 12)
      tries.push((await logIn(browser, { ...minji, password: 'wrong' }, showId)).status);
    expect([tries.slice(0, 3), tries.at(-1)]).toEqual([[401, 401, 401], 429]);
    const api = await program.app.http.inject({
      method: 'POST',
      url: '/api/v1/auth/login',
      payload: 'email=a%40b.c&password=x',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
    expect([api.statusCode, api.json()]).toMatchObject([400, { code: 'MALFORMED_REQUEST' }]);
  });
});
