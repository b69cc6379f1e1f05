import { createHash } from 'node:crypto';
import { type Account, role } from '@usher/contract/identity.ts';
import type { RouteAuth } from '@usher/contract/route.ts';
import { findMailbox } from '@usher/domain/email.ts';
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
import { makeCodes } from './codes.ts';
import { isTooCommon } from './common-passwords.ts';
import type { EndedSessions } from './events.ts';
import { makeKnownBrowsers } from './known-browsers.ts';
import { accessTokensMax } from './limits.ts';
import { type LogInTry, makeLogInGuard } from './log-in-guard.ts';
import type { Passwords } from './passwords.ts';
import { type Administration, makeAdministration } from './service.administration.ts';
import { type Care, makeCare } from './service.care.ts';
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
type AccountFacts = Pick<Account, 'id' | 'email' | 'name' | 'locale'> & {
  /** Whether mails may be sent to the address. */
  mayBeMailed: boolean;
};

export type SignedIn = {
  outcome: 'signed-in';
  account: Account;
  accessToken: string;
  accessTokenEndsAtMs: number;
  refreshToken: string;
  sessionEndsAtMs: number;
};
type Access = Pick<SignedIn, 'account' | 'accessToken' | 'accessTokenEndsAtMs'>;
/** The caller's password was wrong, or may not be tried now. */
type NotOwner = { outcome: 'wrong' } | { outcome: 'too-soon'; waitMs: number };
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
  Omit<Care, 'changeEmail' | 'confirmEmail' | 'leave'> &
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
    /** With a new access token, which says that the address is confirmed. */
    confirmEmail(
      caller: Caller,
      code: string,
      requestId: string,
    ): Promise<
      | (Access & { outcome: 'confirmed' })
      | Exclude<Awaited<ReturnType<Care['confirmEmail']>>, { outcome: 'confirmed' }>
    >;
    changeEmail(
      caller: Caller,
      wanted: { email: string; password: string },
      from: CallSource,
    ): Promise<Awaited<ReturnType<Care['changeEmail']>> | NotOwner>;
    /** Ends all sessions of the account and begins one here. */
    changePassword(
      caller: Caller,
      wanted: { current: string; password: string },
      from: CallSource,
    ): Promise<SignedInHere | NotOwner | { outcome: 'password-too-common' }>;
    leave(
      caller: Caller,
      password: string,
      from: CallSource,
    ): Promise<{ outcome: 'left' } | NotOwner>;
    refresh(refreshToken: string, requestId: string): Promise<SignedIn | { outcome: 'refused' }>;
    /** When it resolves, this process refuses the session's tokens; others do a moment later. */
    logOut(caller: Caller, requestId: string): Promise<void>;
    readAccount(id: string): Promise<Account | null>;
  };

/** Short names: the tokens travel with every request. */
const accessPayload = z.strictObject({
  a: z.string(),
  r: role,
  s: z.string(),
  e: z.number(),
  /** The account's address must be confirmed first. */
  u: z.literal(true).optional(),
});
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
  /** Whether an account must confirm its address before it joins, holds or gets mails. */
  mustConfirm: boolean;
  oneAccountPerMailbox: boolean;
  showsCodes: boolean;
  relayWake: () => void;
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
    emailConfirmed: wanted.emailConfirmed,
    createdAt: new Date(clock.nowMs()).toISOString(),
  });
  const makeAccess = (account: Account, sessionId: string, sessionEndsAtMs: number) => {
    const endsAtMs = Math.min(clock.nowMs() + deps.accessTokenTtlMs, sessionEndsAtMs);
    const payload = { a: account.id, r: account.role, s: sessionId, e: endsAtMs };
    const mustConfirm = deps.mustConfirm && !account.emailConfirmed;
    return {
      account,
      accessToken: accessTokens.sign(mustConfirm ? { ...payload, u: true } : payload),
      accessTokenEndsAtMs: endsAtMs,
    };
  };
  const signedIn = (
    account: Account,
    token: RefreshPayload,
    sessionEndsAtMs: number,
  ): SignedIn => ({
    outcome: 'signed-in',
    ...makeAccess(account, token.s, sessionEndsAtMs),
    refreshToken: refreshTokens.sign(token),
    sessionEndsAtMs,
  });
  /** Begins a session in a browser that `kept` such a token, or none; it stays known if it was. */
  const startSession = async (
    account: Account,
    why: string,
    requestId: string,
    kept: string | null,
  ): Promise<SignedInHere> => {
    const { session, token } = newSession();
    await store.startSession(account.id, session, { who: account.id, why, requestId });
    happened.inc({ what: 'started' });
    const isKnown = knownBrowsers.recognise(kept, account.email) !== null;
    const browserToken = isKnown && kept !== null ? kept : knownBrowsers.remember(account.email);
    return { ...signedIn(account, token, session.endsAtMs), browserToken };
  };
  /** The account, if it exists and this is its password; the try is counted. Throws OVERLOADED. */
  const tryPassword = async (
    tried: LogInTry,
    password: string,
    requestId: string,
    find: () => ReturnType<IdentityStore['findById']>,
  ): Promise<Account | null> => {
    logInGuard.begin(tried);
    let found: Awaited<ReturnType<typeof find>>;
    let isRight: boolean;
    try {
      found = await find();
      isRight = await passwords.matches(password, found?.passwordHash ?? null, tried.address);
    } catch (error) {
      logInGuard.wasNotTried(tried);
      throw error;
    }
    if (found !== null && isRight) {
      logInGuard.wasRight(tried);
      return found.account;
    }
    logInGuard.wasWrong(tried);
    happened.inc({ what: 'log-in refused' });
    log.info({ accountId: found?.account.id ?? null, traceId: requestId }, 'log-in refused');
    return null;
  };
  /** The caller's account, if this is its password. */
  const checkOwner = async (
    caller: Caller,
    password: string,
    { address, requestId }: CallSource,
  ): Promise<{ outcome: 'owner'; account: Account } | NotOwner> => {
    // The session is the browser: somebody with a stolen token guesses on that count.
    const { accountId, sessionId } = caller;
    const tried = { email: accountId, address: toSubscriber(address), browser: sessionId };
    const waitMs = logInGuard.waitMs(tried);
    if (waitMs > 0) return { outcome: 'too-soon', waitMs };
    const account = await tryPassword(tried, password, requestId, () => store.findById(accountId));
    return account === null ? { outcome: 'wrong' } : { outcome: 'owner', account };
  };
  const findOwnMailbox = (email: string): string | null =>
    deps.oneAccountPerMailbox ? findMailbox(email) : null;
  const care = makeCare({
    store,
    passwords,
    ended,
    codes: makeCodes(secret),
    clock,
    ids,
    findOwnMailbox,
    showsCodes: deps.showsCodes,
    relayWake: deps.relayWake,
  });
  const isSolved = async (solution: string | undefined, boundTo: string): Promise<boolean> =>
    solution !== undefined && (await proofOfWork.verify(solution, boundTo)) === 'ok';

  return {
    ...makeAdministration({ store, passwords, ended, clock, newAccount }),
    ...care,
    authenticate: (accessToken) => {
      const payload = verifyAccess(accessToken);
      if (payload === null || payload.e <= clock.nowMs() || ended.has(payload.s)) return null;
      const caller = { accountId: payload.a, role: payload.r, sessionId: payload.s };
      return payload.u === true ? { ...caller, mustConfirm: true } : caller;
    },
    mayCall: (auth, caller) => callable[auth].includes(caller.role),
    accounts: async (wanted) =>
      new Map(
        (await store.accounts(wanted)).map(({ id, email, name, locale, emailConfirmed }) => [
          id,
          { id, email, name, locale, mayBeMailed: emailConfirmed || !deps.mustConfirm },
        ]),
      ),
    readAccount: async (id) => (await store.accounts([id]))[0] ?? null,
    ensureAccount: async (wanted) => {
      const email = wanted.email.toLowerCase();
      const found = await store.findByEmail(email);
      if (found !== null) return found.account.id;
      const account = newAccount({ ...wanted, emailConfirmed: true });
      const passwordHash = await passwords.hash(wanted.password, 'system');
      const cause = { who: 'system', why: 'made by the program', requestId: null };
      const entry = { account, passwordHash, mailbox: null, session: null, cause };
      if (await store.addAccount(entry)) return account.id;
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
      const account = newAccount({ ...wanted, role: 'BUYER', emailConfirmed: false });
      const passwordHash = await passwords.hash(wanted.password, subscriber);
      const { session, token } = newSession();
      const cause = { who: account.id, why: 'sign-up', requestId };
      const mailbox = findOwnMailbox(account.email);
      const isNew = await store.addAccount({ account, passwordHash, mailbox, session, cause });
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
      const account = await tryPassword(tried, password, requestId, () => store.findByEmail(email));
      if (account === null) return { outcome: 'wrong' };
      return startSession(account, 'log-in', requestId, browserToken);
    },
    confirmEmail: async (caller, code, requestId) => {
      const confirmed = await care.confirmEmail(caller, code, requestId);
      if (confirmed.outcome !== 'confirmed') return confirmed;
      const { account } = confirmed;
      const sessions = await store.listSessions(account.id, clock.nowMs());
      const session = sessions.find(({ id }) => id === caller.sessionId);
      // It ended at this very moment: the next refresh says so.
      const endsAtMs = session?.endsAtMs ?? clock.nowMs();
      return { ...confirmed, ...makeAccess(account, caller.sessionId, endsAtMs) };
    },
    changeEmail: async (caller, { email, password }, from) => {
      const checked = await checkOwner(caller, password, from);
      if (checked.outcome !== 'owner') return checked;
      return care.changeEmail(checked.account, email, from.requestId);
    },
    changePassword: async (caller, { current, password }, from) => {
      const checked = await checkOwner(caller, current, from);
      if (checked.outcome !== 'owner') return checked;
      const { email } = checked.account;
      if (isTooCommon(password, email)) return { outcome: 'password-too-common' };
      const passwordHash = await passwords.hash(password, toSubscriber(from.address));
      const { requestId } = from;
      const cause = { who: caller.accountId, why: 'changed by the account', requestId };
      const changed = await store.changeAccount(email, { passwordHash }, clock.nowMs(), cause);
      for (const id of changed?.endedSessionIds ?? []) ended.add(id);
      return startSession(checked.account, 'password change', requestId, from.browserToken);
    },
    leave: async (caller, password, from) => {
      const checked = await checkOwner(caller, password, from);
      if (checked.outcome !== 'owner') return checked;
      await care.leave(caller, from.requestId);
      return { outcome: 'left' };
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
