import { makeRandom, type Random } from '@usher/domain/random.ts';
import type { SeatBits } from '@usher/domain/seat-bits.ts';
import type { Sale } from '@usher/stampede/crowd.ts';
import { latencyOf, makeHistogram } from '@usher/stampede/histogram.ts';
import { countSeats } from '@usher/stampede/seat-choice.ts';
import { type Measured, measure, measureIdle, rounded } from './measure.ts';
import { findSaturation, type OpEnd, runAtRate } from './open-loop.ts';
import type { Person, TestServer } from './test-server.ts';

/** The scenario's sizes; a test makes them small. */
export type S3Size = {
  people: number;
  seats: number;
  /** The time within which the whole crowd arrives. */
  crowdSeconds: number;
  peopleOnOneSeat: number;
  houses: number;
  houseSeats: number;
  fromPerS: number;
  toPerS: number;
  stepSeconds: number;
};
export const s3Size: S3Size = {
  people: 10_000,
  seats: 2000,
  crowdSeconds: 2,
  peopleOnOneSeat: 1000,
  houses: 80,
  houseSeats: 20_000,
  fromPerS: 1000,
  toPerS: 32_000,
  stepSeconds: 4,
};

const retriesMax = 3;
/** After the crowd so many people per second look again, until nothing is free. */
const lookAgainPerS = 500;
const lookAgainMaxS = 30;
const seed = 3;

export type HoldAnswer = { outcome: 'held'; holdId: string } | { outcome: 'refused'; code: string };

let keys = 0;
/** Unique in this run and of the length that the server requires. */
export const nextKey = (): string => `bench-key-${(++keys).toString(36).padStart(10, '0')}`;

export const holdSeats = async (
  target: TestServer,
  person: Person,
  performanceId: string,
  seats: readonly number[],
): Promise<HoldAnswer> => {
  const path = `/api/v1/performances/${performanceId}/holds`;
  const headers = `${person.headers}idempotency-key: ${nextKey()}\r\n`;
  const answer = await target.client.send('POST', path, headers, `{"seats":[${seats.join()}]}`);
  if (answer.status === 201)
    return { outcome: 'held', holdId: answer.body.toString('latin1', 7, 7 + 'hold_'.length + 26) };
  return { outcome: 'refused', code: codeOf(answer.body) };
};

export const codeOf = (body: Buffer): string =>
  /"code":"(\w+)"/.exec(body.toString())?.[1] ?? body.toString().slice(0, 80);

/** Reads the map and holds seats that it shows as free, by Zipf; up to three lost races. */
const makeCrowdOp = (target: TestServer, sale: Sale) => {
  const winners = makeHistogram();
  const losers = makeHistogram();
  /** By somebody with an account, because the limits per address would stop a crowd behind one. */
  const readMap = async (person: Person): Promise<SeatBits> => {
    const path = `/api/v1/performances/${sale.performanceId}/seats`;
    const { status, body } = await target.client.send('GET', path, person.headers, null);
    if (status !== 200) throw new Error(`the seat map is not shown: ${status}`);
    return body;
  };
  let attempts = 0;
  const op = async (nth: number): Promise<OpEnd> => {
    const person = target.people[nth % target.people.length];
    if (person === undefined) throw new Error('nobody is there');
    const random: Random = makeRandom(seed, nth);
    let wanted = 1 + random.below(4);
    for (let tries = 0; tries <= retriesMax; tries++) {
      const bits = await readMap(person);
      const { free } = countSeats(bits, sale.seatCount);
      let seats: number[] | null = null;
      for (; wanted > 0 && seats === null; wanted--)
        seats = sale.choice.choose(bits, wanted, random);
      if (free === 0 || seats === null) return { kind: 'refused', reason: 'saw nothing free' };
      wanted = seats.length;
      const askedMs = performance.now();
      attempts += 1;
      const answer = await holdSeats(target, person, sale.performanceId, seats);
      const tookMs = performance.now() - askedMs;
      if (answer.outcome === 'held') {
        winners.record(tookMs);
        return { kind: 'done' };
      }
      if (answer.code !== 'SEATS_TAKEN') return { kind: 'error', reason: answer.code };
      losers.record(tookMs);
    }
    return { kind: 'refused', reason: 'lost every race' };
  };
  return { op, readMap, winners, losers, attempts: () => attempts };
};

/**
 * 10,000 people on 2,000 seats, who go home after three lost races; then others for what those left
 * free; and whether every seat went to one of them.
 */
const runCrowd = async (target: TestServer, size: S3Size) => {
  const sale = await target.shows.makeSale(await target.shows.makeVenue(size.seats));
  const crowd = makeCrowdOp(target, sale);
  const usher = target.people.at(-1);
  if (usher === undefined) throw new Error('nobody is there');
  await crowd.readMap(usher);
  const early = await target.metric('usher_holds_refused_early_total');
  const startMs = performance.now();
  const { people, crowdSeconds } = size;
  const load = await runAtRate({
    perS: people / crowdSeconds,
    seconds: crowdSeconds,
    op: crowd.op,
  });
  const tookS = (performance.now() - startMs) / 1000;
  const countNow = async () => countSeats(await crowd.readMap(usher), size.seats);
  const { free: leftByCrowd } = await countNow();
  let nth = people;
  for (let s = 0; s < lookAgainMaxS && (await countNow()).free > 0; s++)
    await runAtRate({ perS: lookAgainPerS, seconds: 1, op: () => crowd.op(nth++) });
  const { free, held } = await countNow();
  const [claims] = await target.db.query<{ claims: number; seats: number }>(
    `SELECT count(*) AS claims, count(DISTINCT c.seat_no) AS seats
     FROM seats.claims c JOIN seats.stock s ON s.no = c.stock_no WHERE s.performance_id = $1`,
    [sale.performanceId],
  );
  const lost = crowd.losers.count;
  const refusedEarly = (await target.metric('usher_holds_refused_early_total')) - early;
  return {
    people,
    seats: size.seats,
    leftByCrowd,
    soldOut: free === 0,
    seatsHeld: held,
    doubles: (claims?.claims ?? 0) - (claims?.seats ?? 0) + Math.abs(held - (claims?.seats ?? 0)),
    holders: load.done,
    attempts: crowd.attempts(),
    lostRaces: lost,
    tookS: rounded(tookS, 2),
    lostRacesRefusedFromMemory: refusedEarly,
    winners: latencyOf(crowd.winners),
    losers: latencyOf(crowd.losers),
    refusals: load.refused,
    errors: load.errors,
  };
};

/** A thousand people on one seat, all at the same moment. */
const runOneSeat = async (target: TestServer, size: S3Size) => {
  const sale = await target.shows.makeSale(await target.shows.makeVenue(1));
  const early = await target.metric('usher_holds_refused_early_total');
  const latency = makeHistogram();
  const startMs = performance.now();
  const people = target.people.slice(0, size.peopleOnOneSeat);
  const answers = await Promise.all(
    people.map(async (person) => {
      const answer = await holdSeats(target, person, sale.performanceId, [0]);
      latency.record(performance.now() - startMs);
      return answer;
    }),
  );
  const winners = answers.filter(({ outcome }) => outcome === 'held').length;
  const refusals: Record<string, number> = {};
  for (const answer of answers)
    if (answer.outcome === 'refused') refusals[answer.code] = (refusals[answer.code] ?? 0) + 1;
  const refusedEarly = (await target.metric('usher_holds_refused_early_total')) - early;
  // Later requests are refused from memory.
  const late = await Promise.all(
    people.map((person) => holdSeats(target, person, sale.performanceId, [0])),
  );
  const refusedLate = late.filter((answer) => answer.outcome === 'refused').length;
  const lateEarly = (await target.metric('usher_holds_refused_early_total')) - early - refusedEarly;
  return {
    people: people.length,
    winners,
    refusals,
    lostRacesRefusedFromMemory: refusedEarly,
    afterwards: { refused: refusedLate, fromMemory: lateEarly },
    latency: latencyOf(latency),
  };
};

/** Durable holds without contention: every arrival takes different seats. */
const makeHoldOp = (target: TestServer, sales: readonly Sale[]) => {
  const random = makeRandom(seed);
  const cursors = sales.map(() => 0);
  let started = 0;
  return async (): Promise<OpEnd> => {
    const nth = started++;
    const person = target.people[nth % target.people.length];
    // Nobody returns to the same performance, where four seats are the limit.
    const at = (nth + Math.floor(nth / target.people.length)) % sales.length;
    const sale = sales[at];
    if (person === undefined || sale === undefined) throw new Error('nobody is there');
    const first = cursors[at] ?? 0;
    const count = 1 + random.below(4);
    if (first + count > sale.seatCount) return { kind: 'error', reason: 'the houses are full' };
    cursors[at] = first + count;
    const seats = Array.from({ length: count }, (_, i) => first + i);
    const answer = await holdSeats(target, person, sale.performanceId, seats);
    return answer.outcome === 'held' ? { kind: 'done' } : { kind: 'error', reason: answer.code };
  };
};

const runHolds = async (target: TestServer, size: S3Size, say: (line: string) => void) => {
  const venue = await target.shows.makeVenue(size.houseSeats);
  const sales: Sale[] = [];
  for (let made = 0; made < size.houses; made++) sales.push(await target.shows.makeSale(venue));
  const op = makeHoldOp(target, sales);
  const idle = await measureIdle(target, 5);
  await runAtRate({ perS: size.fromPerS, seconds: 2, op });
  const tryRate = async (perS: number) => {
    const load = await runAtRate({ perS, seconds: size.stepSeconds, op });
    say(`S3 holds: ${perS}/s offered, ${load.donePerS.toFixed(0)}/s done`);
    return load;
  };
  const { bestPerS, tried } = await findSaturation({
    fromPerS: size.fromPerS,
    toPerS: size.toPerS,
    tryRate,
  });
  const best = Math.max(bestPerS, size.fromPerS / 4);
  const holds: Measured = await measure(target, idle, () =>
    runAtRate({ perS: best, seconds: size.stepSeconds, op }),
  );
  return { holds, tried };
};

export const runS3 = async (target: TestServer, size: S3Size, say: (line: string) => void) => {
  const oneSeat = await runOneSeat(target, size);
  say(`S3 one seat: ${oneSeat.winners} winner of ${oneSeat.people}`);
  const crowd = await runCrowd(target, size);
  say(`S3 crowd: ${crowd.seatsHeld} of ${crowd.seats} seats held in ${crowd.tookS} s`);
  const { holds, tried } = await runHolds(target, size, say);
  return {
    scenario: 'S3',
    store: 'embedded',
    ...holds,
    requestsPerOp: 1,
    crowd,
    oneSeat,
    steps: tried.map(({ offeredPerS, donePerS }) => ({ offeredPerS, donePerS })),
    invariantViolations:
      (await target.violations()) + crowd.doubles + Math.abs(oneSeat.winners - 1),
  };
};
