import type { Account } from '@usher/contract/identity.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Caller } from '../../platform/http/route.ts';
import type { Ids } from '../../platform/ids.ts';
import type { Codes } from './codes.ts';
import { isTooCommon } from './common-passwords.ts';
import type { EndedSessions } from './events.ts';
import { codeTtlMs } from './limits.ts';
import type { Passwords } from './passwords.ts';
import type { CodePurpose, IdentityStore, MadeCode, OpenSession } from './store.ts';

/** `code`: the code itself, only where mails are not really sent. */
export type SentCode = {
  outcome: 'sent';
  email: string;
  endsAtMs: number;
  code: string | null;
};
type TooSoon = { outcome: 'too-soon'; waitMs: number };
type Wrong = { outcome: 'wrong' };
type Gone = { outcome: 'gone' };

/** A mailed code as the mail needs it. */
export type MailedCode = {
  email: string;
  code: string;
  purpose: CodePurpose;
  endsAt: string;
};

/** What people do with their own account; `requestId` goes into the audit. */
export type Care = {
  requestEmailCode(
    caller: Caller,
    requestId: string,
  ): Promise<SentCode | TooSoon | Gone | { outcome: 'confirmed-already' }>;
  /** The password was checked before. */
  changeEmail(
    account: Account,
    email: string,
    requestId: string,
  ): Promise<SentCode | TooSoon | { outcome: 'email-taken' }>;
  confirmEmail(
    caller: Caller,
    code: string,
    requestId: string,
  ): Promise<{ outcome: 'confirmed'; account: Account } | Wrong | { outcome: 'email-taken' }>;
  /** The same answer whether or not the e-mail has an account. */
  requestPasswordReset(email: string, requestId: string): Promise<SentCode>;
  /** Ends all sessions of the account. `source`: the IP address, for the line of hashes. */
  resetPassword(
    given: { email: string; code: string; password: string },
    from: { source: string; requestId: string },
  ): Promise<{ outcome: 'reset' } | Wrong | { outcome: 'password-too-common' }>;
  editMe(
    caller: Caller,
    to: { name?: string | undefined; locale?: Account['locale'] | undefined },
    requestId: string,
  ): Promise<Account | null>;
  listSessions(caller: Caller): Promise<OpenSession[]>;
  /** False: it is not one of theirs. */
  endSession(caller: Caller, sessionId: string, requestId: string): Promise<boolean>;
  endOtherSessions(caller: Caller, requestId: string): Promise<void>;
  readHistory(caller: Caller): ReturnType<IdentityStore['readHistory']>;
  /** The password was checked before. */
  leave(caller: Caller, requestId: string): Promise<void>;
  /** null: it was used, has ended or never was. */
  readCode(codeId: string): Promise<MailedCode | null>;
};

export const makeCare = (deps: {
  store: IdentityStore;
  passwords: Passwords;
  ended: Pick<EndedSessions, 'add'>;
  codes: Codes;
  clock: Clock;
  ids: Ids;
  /** The mailbox of an address, where it may have one account only; else null. */
  findOwnMailbox: (email: string) => string | null;
  /** Whether codes are in the response, because no mail is sent. */
  showsCodes: boolean;
  /** An event was written. */
  relayWake: () => void;
}): Care => {
  const { store, passwords, ended, codes, clock, ids, findOwnMailbox } = deps;

  const send = async (
    account: Account,
    purpose: CodePurpose,
    email: string,
    requestId: string,
  ): Promise<SentCode | TooSoon> => {
    const madeAtMs = clock.nowMs();
    const code: MadeCode = {
      id: ids.make('code'),
      accountId: account.id,
      purpose,
      email,
      madeAtMs,
      endsAtMs: madeAtMs + codeTtlMs,
    };
    const added = await store.addCode(code, requestId);
    if (added.outcome === 'too-soon') return added;
    deps.relayWake();
    const shown = deps.showsCodes ? codes.write(code.id) : null;
    return { outcome: 'sent', email, endsAtMs: code.endsAtMs, code: shown };
  };
  const findCode = async (
    accountId: string,
    purposes: readonly CodePurpose[],
    given: string,
  ): Promise<MadeCode | null> => {
    const open = await store.listCodes(accountId, purposes, clock.nowMs());
    return open.find((code) => codes.matches(code.id, given)) ?? null;
  };
  const endAll = (sessionIds: readonly string[]): void => {
    for (const id of sessionIds) ended.add(id);
  };

  return {
    requestEmailCode: async (caller, requestId) => {
      const found = await store.findById(caller.accountId);
      if (found === null) return { outcome: 'gone' };
      const { account } = found;
      if (account.emailConfirmed) return { outcome: 'confirmed-already' };
      return send(account, 'confirm', account.email, requestId);
    },
    changeEmail: async (account, email, requestId) => {
      if ((await store.findByEmail(email)) !== null) return { outcome: 'email-taken' };
      return send(account, 'change', email, requestId);
    },
    confirmEmail: async (caller, given, requestId) => {
      const code = await findCode(caller.accountId, ['confirm', 'change'], given);
      if (code === null) return { outcome: 'wrong' };
      const cause = { who: caller.accountId, why: 'by a mailed code', requestId };
      const used = await store.useCode(code.id, findOwnMailbox(code.email), clock.nowMs(), cause);
      switch (used.outcome) {
        case 'done':
          return { outcome: 'confirmed', account: used.account };
        case 'taken':
          return { outcome: 'email-taken' };
        case 'used':
          return { outcome: 'wrong' };
      }
    },
    requestPasswordReset: async (email, requestId) => {
      const found = await store.findByEmail(email);
      const nothing: SentCode = {
        outcome: 'sent',
        email,
        endsAtMs: clock.nowMs() + codeTtlMs,
        code: null,
      };
      if (found === null) return nothing;
      const sent = await send(found.account, 'reset', email, requestId);
      // Who asks too often learns no more than who asks for an unknown e-mail.
      return sent.outcome === 'sent' ? sent : nothing;
    },
    resetPassword: async ({ email, code: given, password }, { source, requestId }) => {
      if (isTooCommon(password, email)) return { outcome: 'password-too-common' };
      const found = await store.findByEmail(email);
      const code = found === null ? null : await findCode(found.account.id, ['reset'], given);
      if (code === null) return { outcome: 'wrong' };
      // Hashed first: who waits too long in line keeps the code.
      const passwordHash = await passwords.hash(password, source);
      const cause = { who: code.accountId, why: 'password reset', requestId };
      const used = await store.useCode(code.id, findOwnMailbox(code.email), clock.nowMs(), cause);
      if (used.outcome !== 'done') return { outcome: 'wrong' };
      const changed = await store.changeAccount(email, { passwordHash }, clock.nowMs(), cause);
      endAll(changed?.endedSessionIds ?? []);
      return { outcome: 'reset' };
    },
    editMe: (caller, { name, locale }, requestId) =>
      store.editAccount(caller.accountId, { name: name?.normalize('NFC'), locale }, clock.nowMs(), {
        who: caller.accountId,
        why: 'edited',
        requestId,
      }),
    listSessions: (caller) => store.listSessions(caller.accountId, clock.nowMs()),
    endSession: async (caller, sessionId, requestId) => {
      const cause = { who: caller.accountId, why: 'ended by the account', requestId };
      const which = { only: sessionId };
      const ids = await store.endSessionsOf(caller.accountId, which, clock.nowMs(), cause);
      endAll(ids);
      return ids.length > 0;
    },
    endOtherSessions: async (caller, requestId) => {
      const cause = { who: caller.accountId, why: 'ended by the account', requestId };
      const which = { except: caller.sessionId };
      endAll(await store.endSessionsOf(caller.accountId, which, clock.nowMs(), cause));
    },
    readHistory: (caller) => store.readHistory(caller.accountId),
    leave: async (caller, requestId) => {
      const cause = { who: caller.accountId, why: 'left for good', requestId };
      endAll(await store.erase(caller.accountId, clock.nowMs(), cause));
      deps.relayWake();
    },
    readCode: async (codeId) => {
      const code = await store.findCode(codeId, clock.nowMs());
      if (code === null) return null;
      const { email, purpose, endsAtMs } = code;
      const endsAt = new Date(endsAtMs).toISOString();
      return { email, purpose, endsAt, code: codes.write(code.id) };
    },
  };
};
