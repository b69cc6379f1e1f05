import { logIn } from '@usher/contract/identity.ts';
import { takeHold } from '@usher/contract/seats.ts';
import { joinRoom } from '@usher/contract/waiting-room.ts';
import { beforeAll, describe, expect, test } from 'vitest';
import { problemOf } from '../support/ask.ts';
import { openProgram, type Program } from '../support/program.ts';
import { solve } from '../support/proof-of-work.ts';
import type { Person } from '../support/sale.ts';
import { makeRoomTools } from '../support/waiting.ts';

const peopleCount = 300;
/** As a browser with many tabs sends them. */
const guessesAtOnce = 20;

let program: Program;
let people: Person[];
beforeAll(async () => {
  // All calls of a test come from one address. These accounts are made where nothing is limited.
  const { databaseUrl, newBuyers } = await openProgram();
  people = await newBuyers(peopleCount);
  program = await openProgram({ databaseUrl, settings: { RATE_LIMITS: 'true' } });
});

const countStatuses = (statuses: readonly number[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const status of statuses) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
};
const enter = ({ email, password }: { email: string; password: string }, solution?: string) =>
  program.ask(logIn, { body: { email, password, solution } });

/** Tries a password with each of many e-mails; how the tries ended. */
const guess = async (): Promise<Record<string, number>> => {
  const statuses: number[] = [];
  for (let at = 0; at < peopleCount; at += guessesAtOnce) {
    const some = people.slice(at, at + guessesAtOnce);
    const replies = await Promise.all(
      some.map(({ email }) => enter({ email, password: 'a password of others' })),
    );
    statuses.push(...replies.map(({ status }) => status));
  }
  return countStatuses(statuses);
};

describe('300 people behind one address', () => {
  test('log in, all of them at once', async () => {
    const replies = await Promise.all(people.map((person) => enter(person)));
    expect(countStatuses(replies.map(({ status }) => status))).toEqual({ 200: peopleCount });
  });

  test('queue and take seats while somebody there guesses passwords and is stopped', async () => {
    const { performanceId } = await program.newSale(program.organiser, {
      // Rows of one seat: no choice leaves another seat stranded.
      rows: peopleCount,
      seatsInRow: 1,
    });
    const queued = await program.newSale(program.organiser);
    await makeRoomTools(program).open(queued.showId);
    const params = { showId: queued.showId };
    const [guesses, joins, holds] = await Promise.all([
      guess(),
      Promise.all(people.map(({ token: as }) => program.ask(joinRoom, { as, params, body: {} }))),
      Promise.all(
        people.map(({ token: as }, seat) =>
          program.ask(takeHold, { as, params: { performanceId }, body: { seats: [seat] } }),
        ),
      ),
    ]);
    expect(countStatuses(joins.map(({ status }) => status))).toEqual({ 201: peopleCount });
    expect(countStatuses(holds.map(({ status }) => status))).toEqual({ 201: peopleCount });
    // Those that were under way when the limit was reached are judged, too.
    expect(guesses[401]).toBeGreaterThanOrEqual(60);
    expect(guesses[401]).toBeLessThan(60 + guessesAtOnce);
    expect((guesses[401] ?? 0) + (guesses[429] ?? 0)).toBe(peopleCount);
  });

  test('log in from a new browser even then, at the cost of a moment’s work', async () => {
    const [person] = people;
    if (person === undefined) throw new Error('there are people');
    const refused = problemOf(await enter(person));
    expect(refused).toMatchObject({ code: 'TOO_MANY_REQUESTS' });
    const solution = await solve(refused['challenge']);
    expect((await enter(person, solution)).status).toBe(200);
  });
});
