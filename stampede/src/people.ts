import { makeRandom } from '@usher/domain/random.ts';
import type { Accounts } from './accounts.ts';
import { drawArrivalMs } from './arrivals.ts';
import type { Session } from './caller.ts';
import type { Clock } from './clock.ts';
import type { Buyer } from './crowd.ts';
import type { Notes } from './notes.ts';
import { inParallel } from './parallel.ts';
import type { Progress } from './progress.ts';
import { drawRoomTemper, drawTemper } from './temper.ts';
import { makeVisit } from './visit.ts';

/**
 * Creates accounts without sign-up, for a server that this run has started: an access token for
 * each, and another one on each refresh.
 */
export type MakeAccounts = (count: number) => Promise<(() => string)[]>;

/** A password hash takes 20 ms of a core; more at once only wait in the server. */
const signUpsAtOnce = 32;
/** 10,000 hashes are 200 s of CPU that say nothing about the sale: the rest skip sign-up. */
const signUpsMax = 200;

/** Everybody's account, signed up over the API, or created directly if possible. */
export const gatherPeople = async (deps: {
  people: { count: number; seed: number; pace: number };
  accounts: Accounts;
  password: string;
  /** null: everybody signs up. */
  makeAccounts: MakeAccounts | null;
  /** The server trusts X-Forwarded-For: everybody calls from a separate address. */
  isTrusting: boolean;
  /** Identifies this run, for the e-mail addresses. */
  name: string;
  notes: Notes;
  progress: Progress;
  clock: Clock;
}): Promise<Buyer[]> => {
  const { people, accounts, password, makeAccounts, isTrusting, progress, clock, notes } = deps;
  const { count } = people;
  const signUps = makeAccounts === null ? count : Math.min(count, signUpsMax);
  const startMs = clock.monotonicMs();
  let done = 0;
  const bar = progress.begin(() => {
    const perS = (1000 * done) / Math.max(1, clock.monotonicMs() - startMs);
    const isSlowed = notes.retries['TOO_MANY_REQUESTS'] !== undefined;
    const made = signUps === count ? '' : `, ${count - signUps} more were made`;
    const note = `${perS.toFixed(0)}/s${isSlowed ? ', as fast as the server lets us' : ''}${made}`;
    return [{ label: 'sign-up', done, total: signUps, note }];
  });
  try {
    const signedUp = await inParallel(
      Array.from({ length: signUps }, (_, index) => index),
      signUpsAtOnce,
      async (index) => {
        const email = `buyer-${index}@${deps.name}.invalid`;
        const address = isTrusting ? addressOf(index, 10) : null;
        const session = await accounts.signUp({ email, name: `관객 ${index + 1}`, address });
        done += 1;
        const away = isTrusting ? addressOf(index, 11) : null;
        const elsewhere = () => accounts.logIn({ email, password, address: away });
        return makeBuyer(people, index, session, elsewhere);
      },
    );
    const tokens = (await makeAccounts?.(count - signUps)) ?? [];
    const made = tokens.map((token, at) => {
      const index = signUps + at;
      const session = accounts.withToken(token(), addressOf(index, 10));
      const elsewhere = async () => accounts.withToken(token(), addressOf(index, 11));
      return makeBuyer(people, index, session, elsewhere);
    });
    return [...signedUp, ...made];
  } finally {
    await bar.end();
  }
};

const makeBuyer = (
  people: { seed: number; pace: number },
  index: number,
  session: Session,
  elsewhere: () => Promise<Session>,
): Buyer => {
  const random = makeRandom(people.seed, index);
  return {
    index,
    session,
    elsewhere,
    random,
    temper: drawTemper(random),
    roomTemper: drawRoomTemper(random),
    comesMs: drawArrivalMs(random, people.pace),
    visit: makeVisit(),
    doing: 'coming',
    end: null,
    orders: [],
    leftHeldUntilMs: null,
  };
};

/** A network for each kind of device, an address for each person. */
const addressOf = (index: number, network: number): string =>
  `${network}.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}`;
