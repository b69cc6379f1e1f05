import { createHash } from 'node:crypto';
import { type Account, role } from '@usher/contract/identity.ts';
import type { RouteAuth } from '@usher/contract/route.ts';
import type { Role } from '@usher/domain/roles.ts';
import { z } from 'zod';
import type { Clock } from '../../platform/clock.ts';
import { assert } from '../../platform/failure.ts';
import { toSubscriber } from '../../platform/http/rate-limit.ts';
import type { Caller } from '../../platform/http/route.ts';
import type { Ids } from '../../platform/ids.ts';
import type { Log } from '../../platform/log.ts';
import type { Metrics } from '../../platform/metrics.ts';
import type { ProofOfWork } from '../../platform/proof-of-work.ts';
import { makeTokenSigner, rememberVerified } from '../../platform/signed-token.ts';
import { isTooCommon } from './common-passwords.ts';
import type { EndedSessions } from './events.ts';
import { makeKnownBrowsers } from './known-browsers.ts';
import { accessTokensMax } from './limits.ts';
import { makeLogInGuard } from './log-in-guard.ts';
import type { Passwords } from './passwords.ts';
import { type Administration, makeAdministration } from './service.administration.ts';
import { makeSignUpGuard } from './sign-up-guard.ts';
import type { IdentityStore, NewSession } from './store.ts';

/** What other services may ask. */
export type IdentityService = {
  /** The account of a token; null if it is forged or expired, or its session was ended. No I/O. */
  authenticate(accessToken: string): Caller | null;
  mayCall(auth: RouteAuth, caller: Caller): boolean;
  /** The existing accounts among these ids, by id. */
  accounts(ids: readonly string[]): Promise<Map<string, AccountFacts>>;
  /**
   * The id of the account with this e-mail; creates it if needed, and never changes an existing
   * one.
   */
  ensureAccount(wanted: {
    email: string;
    password: string;
    name: string;
    role: Role;
    locale: Account['locale'];
  }): Promise<string>;
};
type AccountFacts = Pick<Account, 'id' | 'email' | 'name' | 'locale'>;

export type SignedIn = {
  outcome: 'signed-in';
  account: Account;
  accessToken: string;
  accessTokenEndsAtMs: number;
  refreshToken: string;
  sessionEndsAtMs: number;
};
/** A sign-in with a password; the browser keeps `browserToken`, so that it is known next time. */
type SignedInHere = SignedIn & { browserToken: string };
/** An ALTCHA challenge. */
type Challenge = Readonly<Record<string, unknown>> | null;

/** Where a call comes from. */
export type CallSource = {
  /** The caller's IP address. */
  address: string;
  /** For the audit. */
  requestId: string;
  /** What `browserToken` of an earlier sign-in was, if the browser kept it. */
  browserToken: string | null;
};

/** What only this service's routes and the pages ask. `requestId` goes into the audit. */
export type Identity = IdentityService &
  Administration & {
    signUp(
      wanted: {
        email: string;
        password: string;
        name: string;
        locale: Account['locale'];
        solution?: string | undefined;
      },
      from: CallSource,
    ): Promise<
      | SignedInHere
      | { outcome: 'email-taken' }
      | { outcome: 'password-too-common' }
      /** Sign up again with a `solution` of the challenge; `hadSolution`: that one was not good. */
      | { outcome: 'work-needed'; challenge: Challenge; hadSolution: boolean }
    >;
    logIn(
      given: { email: string; password: string; solution?: string | undefined },
      from: CallSource,
    ): Promise<
      | SignedInHere
      | { outcome: 'wrong' }
      /** Wait, or log in again with a `solution` of the challenge. */
      | { outcome: 'too-fast'; waitMs: number; challenge: Challenge }
    >;
    refresh(refreshToken: string, requestId: string): Promise<SignedIn | { outcome: 'refused' }>;
    /** When it resolves, this process refuses the session's tokens; others do a moment later. */
    logOut(caller: Caller, requestId: string): Promise<void>;
    readAccount(id: string): Promise<Account | null>;
  };

/** Short names: the tokens travel with every request. */
const accessPayload = z.strictObject({ a: z.string(), r: role, s: z.string(), e: z.number() });
/** Session, generation, and the random part shared by all tokens of the session. */
const refreshPayload = z.strictObject({ s: z.string(), g: z.int().min(1), k: z.string() });
type RefreshPayload = z.infer<typeof refreshPayload>;

const hashSecret = (secret: string): Buffer => createHash('sha256').update(secret).digest();

/** What each role may call; see RouteAuth. */
const callable: Record<RouteAuth, readonly string[]> = {
  public: ['BUYER', 'ORGANISER', 'OPERATOR'],
  account: ['BUYER', 'ORGANISER', 'OPERATOR'],
  organiser: ['ORGANISER', 'OPERATOR'],
  operator: ['OPERATOR'],
};

export const makeIdentity = (deps: {
  store: IdentityStore;
  passwords: Passwords;
  ended: EndedSessions;
  clock: Clock;
  ids: Ids;
  log: Log;
  /** What happened to sessions, by `what`. */
  happened: ReturnType<Metrics['counter']>;
  secret: string;
  accessTokenTtlMs: number;
  refreshTokenTtlMs: number;
  rateLimits: boolean;
  proofOfWork: ProofOfWork;
  /** Hashes that every sign-up costs; 0: none, until there are many. */
  signUpWork: number;
}): Identity => {
  const { store, passwords, ended, clock, ids, log, happened, secret, proofOfWork } = deps;
  const logInGuard = makeLogInGuard(clock, deps.rateLimits);
  const signUpGuard = makeSignUpGuard({
    clock,
    rateLimits: deps.rateLimits,
    workMin: deps.signUpWork,
  });
  const knownBrowsers = makeKnownBrowsers(secret, ids);
  const accessTokens = makeTokenSigner({ secret, kind: 'access', schema: accessPayload });
  const verifyAccess = rememberVerified(accessTokens.verify, accessTokensMax);
  const refreshTokens = makeTokenSigner({ secret, kind: 'refresh', schema: refreshPayload });

  const newSession = (): { session: NewSession; token: RefreshPayload } => {
    const token = { s: ids.make('session'), g: 1, k: ids.secret() };
    const startedAtMs = clock.nowMs();
    const endsAtMs = startedAtMs + deps.refreshTokenTtlMs;
    return {
      session: { id: token.s, secretHash: hashSecret(token.k), startedAtMs, endsAtMs },
      token,
    };
  };
  const newAccount = (wanted: Omit<Account, 'id' | 'createdAt'>): Account => ({
    id: ids.make('account'),
    email: wanted.email.toLowerCase(),
    name: wanted.name.normalize('NFC'),
    role: wanted.role,
    locale: wanted.locale,
    createdAt: new Date(clock.nowMs()).toISOString(),
  });
  const signedIn = (account: Account, token: RefreshPayload, sessionEndsAtMs: number): SignedIn => {
    const endsAtMs = Math.min(clock.nowMs() + deps.accessTokenTtlMs, sessionEndsAtMs);
    const payload = { a: account.id, r: account.role, s: token.s, e: endsAtMs };
    return {
      outcome: 'signed-in',
      account,
      accessToken: accessTokens.sign(payload),
      accessTokenEndsAtMs: endsAtMs,
      refreshToken: refreshTokens.sign(token),
      sessionEndsAtMs,
    };
  };

  const isSolved = async (solution: string | undefined, boundTo: string): Promise<boolean> =>
    solution !== undefined && (await proofOfWork.verify(solution, boundTo)) === 'ok';

  return {
    ...makeAdministration({ store, passwords, ended, clock, newAccount }),
    authenticate: (accessToken) => {
      const payload = verifyAccess(accessToken);
      if (payload === null || payload.e <= clock.nowMs() || ended.has(payload.s)) return null;
      return { accountId: payload.a, role: payload.r, sessionId: payload.s };
    },
    mayCall: (auth, caller) => callable[auth].includes(caller.role),
    accounts: async (wanted) =>
      new Map(
        (await store.accounts(wanted)).map(({ id, email, name, locale }) => [
          id,
          { id, email, name, locale },
        ]),
      ),
    readAccount: async (id) => (await store.accounts([id]))[0] ?? null,
    ensureAccount: async (wanted) => {
      const email = wanted.email.toLowerCase();
      const found = await store.findByEmail(email);
      if (found !== null) return found.account.id;
      const account = newAccount(wanted);
      const passwordHash = await passwords.hash(wanted.password, 'system');
      const cause = { who: 'system', why: 'made by the program', requestId: null };
      if (await store.addAccount({ account, passwordHash, session: null, cause }))
        return account.id;
      const other = await store.findByEmail(email);
      assert(other !== null, 'an e-mail that is taken has its account');
      return other.account.id;
    },
    signUp: async (wanted, { address, requestId }) => {
      if (isTooCommon(wanted.password, wanted.email)) return { outcome: 'password-too-common' };
      const subscriber = toSubscriber(address);
      const boundTo = `sign-up ${wanted.email}`;
      const work = signUpGuard.chooseWork(subscriber);
      if (work > 0 && !(await isSolved(wanted.solution, boundTo))) {
        const challenge = await proofOfWork.challenge(work, boundTo);
        return { outcome: 'work-needed', challenge, hadSolution: wanted.solution !== undefined };
      }
      signUpGuard.begin(subscriber);
      const account = newAccount({ ...wanted, role: 'BUYER' });
      const passwordHash = await passwords.hash(wanted.password, subscriber);
      const { session, token } = newSession();
      const cause = { who: account.id, why: 'sign-up', requestId };
      const isNew = await store.addAccount({ account, passwordHash, session, cause });
      if (!isNew) return { outcome: 'email-taken' };
      happened.inc({ what: 'started' });
      const browserToken = knownBrowsers.remember(account.email);
      return { ...signedIn(account, token, session.endsAtMs), browserToken };
    },
    logIn: async ({ email, password, solution }, { address, requestId, browserToken }) => {
      const subscriber = toSubscriber(address);
      const browser = knownBrowsers.recognise(browserToken, email);
      const tried = { email, address: subscriber, browser };
      const waitMs = logInGuard.waitMs(tried);
      const boundTo = `log-in ${email}`;
      if (waitMs > 0 && !(await isSolved(solution, boundTo))) {
        const challenge = await proofOfWork.challenge(logInGuard.chooseWork(tried), boundTo);
        return { outcome: 'too-fast', waitMs, challenge };
      }
      logInGuard.begin(tried);
      let found: Awaited<ReturnType<IdentityStore['findByEmail']>>;
      let isRight: boolean;
      try {
        found = await store.findByEmail(email);
        isRight = await passwords.matches(password, found?.passwordHash ?? null, subscriber);
      } catch (error) {
        logInGuard.wasNotTried(tried);
        throw error;
      }
      if (found === null || !isRight) {
        logInGuard.wasWrong(tried);
        happened.inc({ what: 'log-in refused' });
        log.info({ accountId: found?.account.id ?? null, traceId: requestId }, 'log-in refused');
        return { outcome: 'wrong' };
      }
      logInGuard.wasRight(tried);
      const { account } = found;
      const { session, token } = newSession();
      await store.startSession(account.id, session, { who: account.id, why: 'log-in', requestId });
      happened.inc({ what: 'started' });
      const here = browser === null ? knownBrowsers.remember(email) : browserToken;
      assert(here !== null, 'a browser that is recognised sent its token');
      return { ...signedIn(account, token, session.endsAtMs), browserToken: here };
    },
    refresh: async (refreshToken, requestId) => {
      const token = refreshTokens.verify(refreshToken);
      if (token === null) return { outcome: 'refused' };
      const { s: sessionId, g: generation } = token;
      const secretHash = hashSecret(token.k);
      const rotation = await store.rotate({ sessionId, secretHash, generation, requestId });
      happened.inc({ what: `refresh ${rotation.verdict}` });
      if (rotation.verdict === 'current' || rotation.verdict === 'repeated') {
        const successor = { ...token, g: rotation.generation };
        return signedIn(rotation.account, successor, rotation.endsAtMs);
      }
      if (rotation.verdict === 'reused') {
        ended.add(sessionId);
        log.warn(
          { sessionId, traceId: requestId },
          'refresh token reuse detected; session revoked',
        );
      }
      return { outcome: 'refused' };
    },
    logOut: async (caller, requestId) => {
      const cause = { who: caller.accountId, why: 'log-out', requestId };
      await store.endSession(caller.sessionId, clock.nowMs(), cause);
      ended.add(caller.sessionId);
      happened.inc({ what: 'logged out' });
    },
  };
};
