import type { RouteParts } from '@usher/contract/client.ts';
import type { RouteSpec } from '@usher/contract/route.ts';
import { takeHold } from '@usher/contract/seats.ts';
import {
  claimPass,
  joinRoom,
  type Lever,
  type Place,
  pullLever,
  putRoom,
  type Room,
  readPlace,
  readRoom,
} from '@usher/contract/waiting-room.ts';
import type { Standing } from '@usher/domain/room/place.ts';
import { makeAccounts, mustAnswer } from '@usher/stampede/accounts.ts';
import { makeCaller, type Session } from '@usher/stampede/caller.ts';
import { makeHttpClient } from '@usher/stampede/http.ts';
import { makeNotes } from '@usher/stampede/notes.ts';
import { inParallel } from '@usher/stampede/parallel.ts';
import { makeShowMaker } from '@usher/stampede/show.ts';
import { expect, test } from 'vitest';
import { makeScratchAccounts } from '../../server/src/commands/scratch-accounts.ts';
import { demoAccounts } from '../../server/src/demo/accounts.ts';
import { systemClock } from '../../server/src/platform/clock.ts';
import { makeIds } from '../../server/src/platform/ids.ts';
import { silentLog } from '../../server/src/platform/log.ts';
import { openDatabase } from '../../server/src/platform/postgres/sql.ts';
import { afterThisFile } from '../support/after-file.ts';
import { until } from '../support/until.ts';
import {
  embeddedUrl,
  type Installation,
  killAll,
  makeInstallation,
  startIn,
} from '../support/usher-process.ts';

const people = 10_000;
/** People who are still joining when the program is killed. */
const newcomers = 300;
const activeMax = 500;
const claiming = 300;
const seats = 600;
const atOnce = 64;
const limitMs = 1_200_000;
const hourMs = 3_600_000;

const clock = systemClock;
const ids = makeIds(clock);
const secret = 'the secret of a program that is killed, and of no other';

type Seen = { standing: Standing; number: number | null; entry: number; key: string };
const seenOf = ({ standing, number, receipt }: Place): Seen => ({ standing, number, ...receipt });

/** Calls the program as good clients do: a call without an answer is retried. */
const openCalls = (installation: Installation) => {
  const http = makeHttpClient(atOnce);
  afterThisFile(http.close);
  const { signal } = new AbortController();
  const notes = makeNotes();
  const caller = makeCaller({
    http,
    clock,
    notes,
    origin: installation.url,
    patienceMs: limitMs,
    makeKey: ids.secret,
  });
  const must = async <S extends RouteSpec>(session: Session, spec: S, parts: RouteParts<S>) => {
    const fromMs = clock.monotonicMs();
    const how = { step: null, session, fromMs, signal };
    const answer = await mustAnswer(caller, spec, parts, how);
    return answer.body;
  };
  return { caller, must, signal, accounts: makeAccounts({ caller, clock, password: '', signal }) };
};
type Calls = ReturnType<typeof openCalls>;

const ofDemo = (wanted: string) => {
  const account = demoAccounts.find(({ role }) => role === wanted);
  if (account === undefined) throw new Error(`the demo has no ${wanted}`);
  return { ...account, address: null };
};

/** A show on sale whose lobby is open, and an operator. */
const openSale = async ({ caller, must, signal, accounts }: Calls) => {
  const organiser = await accounts.logIn(ofDemo('ORGANISER'));
  const operator = await accounts.logIn(ofDemo('OPERATOR'));
  const maker = makeShowMaker({ caller, organiser, clock, signal });
  const sale = await maker.makeSale(await maker.makeVenue(seats));
  const params = { showId: sale.showId };
  const opensAt = new Date(clock.nowMs() + hourMs).toISOString();
  const settings = { ratePerMinute: 600_000, activeMax, opensAt, lobbyMinutes: 120 };
  await must(operator, putRoom, { params, body: { ifRev: null, settings } });
  const room = (): Promise<Room> => must(operator, readRoom, { params });
  const pull = async (action: Lever): Promise<void> => {
    const { rev: ifRev } = await room();
    await must(operator, pullLever, { params, body: { ifRev, action } });
  };
  return { ...sale, params, room, pull };
};

/** Creates an account with a session for everybody. */
const gather = async (
  installation: Installation,
  accounts: Calls['accounts'],
): Promise<Session[]> => {
  const log = silentLog;
  const db = openDatabase({ url: await embeddedUrl(installation), name: 'test', log, poolMax: 1 });
  const make = makeScratchAccounts({ db, secret, clock, ids });
  const tokens = await make(people + newcomers).finally(db.close);
  return tokens.map((token) => accounts.withToken(token(), null));
};

/** How many people have which standing. */
const standings = (seen: readonly Seen[]): Partial<Record<Standing, number>> => {
  const counts: Partial<Record<Standing, number>> = {};
  for (const { standing } of seen) counts[standing] = (counts[standing] ?? 0) + 1;
  return counts;
};

test(
  'a room killed with 10,000 people in it keeps every person’s place and pass',
  async () => {
    const installation = await makeInstallation({
      USHER_SECRET: secret,
      // Reading 10,000 places takes a while, in which nobody asks a second time.
      ROOM_CLAIM_WINDOW_MS: '600000',
      ROOM_PRESENCE_MS: '600000',
    });
    const first = await startIn(installation);
    const calls = openCalls(installation);
    const { must } = calls;
    const sale = await openSale(calls);
    const { params } = sale;
    const crowd = await gather(installation, calls.accounts);
    const join = (session: Session): Promise<Place> =>
      must(session, joinRoom, { params, body: {} });
    const me = (session: Session): Promise<Place> => must(session, readPlace, { params });

    const waiting = crowd.slice(0, people);
    const joined = await inParallel(waiting, atOnce, join);
    await sale.pull({ lever: 'open' });
    await until('it is drawn', async () => (await sale.room()).draw !== null, limitMs);
    const drawn = await inParallel(waiting, atOnce, me);
    await until('the room is full', async () => (await sale.room()).called === activeMax, limitMs);
    const byNumber = waiting
      .map((session, at) => ({ session, number: drawn[at]?.number ?? 0 }))
      .sort((a, b) => a.number - b.number);
    const shoppers = byNumber.slice(0, claiming).map(({ session }) => session);
    const claimed = await inParallel(shoppers, atOnce, async (session) => {
      const place = await must(session, claimPass, { params, body: {} });
      session.pass = place.pass?.token ?? null;
      return place;
    });
    const before = await inParallel(waiting, atOnce, me);
    const roomBefore = await sale.room();

    // People join during the kill; responses after it come from the next program.
    const late = crowd.slice(people);
    const comingIn = inParallel(late, atOnce, join);
    await killAll(installation, first);
    await startIn(installation);
    const came = await comingIn;
    const after = await inParallel(waiting, atOnce, me);
    const newcomersAfter = await inParallel(late, atOnce, me);
    const roomAfter = await sale.room();

    expect(standings(before.map(seenOf))).toEqual({
      ACTIVE: claiming,
      CALLED: activeMax - claiming,
      WAITING: people - activeMax,
    });
    expect(after.map(seenOf)).toEqual(before.map(seenOf));
    expect(before.map(({ receipt }) => receipt)).toEqual(joined.map(({ receipt }) => receipt));
    expect(newcomersAfter.map(seenOf)).toEqual(came.map(seenOf));
    const numbers = [...after, ...newcomersAfter].map(({ number }) => number);
    expect(new Set(numbers).size).toBe(people + newcomers);
    // The ends of passes and calls have not changed either.
    const ends = (places: readonly Place[]) =>
      places.map(({ pass, claimBy }) => [pass?.endsBy ?? null, claimBy]);
    expect(ends(after)).toEqual(ends(before));
    expect(roomAfter).toMatchObject({
      active: claiming,
      called: activeMax - claiming,
      front: roomBefore.front,
      admitted: claiming,
      epoch: roomBefore.epoch,
    });

    // Each pass is still valid for its owner.
    const { performanceId } = sale;
    const held = await inParallel(shoppers.slice(0, 50), atOnce, (session, at) =>
      must(session, takeHold, { params: { performanceId }, body: { seats: [at] } }),
    );
    expect(held).toHaveLength(50);
    expect(claimed.every(({ pass }) => pass !== null)).toBe(true);
  },
  limitMs,
);
