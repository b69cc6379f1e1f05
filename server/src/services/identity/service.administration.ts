import type { Account } from '@usher/contract/identity.ts';
import type { Role } from '@usher/domain/roles.ts';
import type { Clock } from '../../platform/clock.ts';
import { isTooCommon } from './common-passwords.ts';
import type { EndedSessions } from './events.ts';
import type { Passwords } from './passwords.ts';
import type { IdentityStore } from './store.ts';

type Changed =
  | { outcome: 'changed'; accountId: string; endedSessions: number }
  | { outcome: 'not-found' };

/** What only the machine's operator may do, on the console; `why` goes into the audit. */
export type Administration = {
  /** Never changes an existing account. */
  makeAccount(wanted: {
    email: string;
    password: string;
    name: string;
    role: Role;
    locale: Account['locale'];
  }): Promise<
    | { outcome: 'made'; accountId: string }
    | { outcome: 'email-taken' }
    | { outcome: 'password-too-common' }
  >;
  /** Ends the account's sessions: the role is part of every access token. */
  setRole(email: string, role: Role, why: string): Promise<Changed>;
  /** Ends the account's sessions: they may be those of somebody who knew the old password. */
  setPassword(email: string, password: string, why: string): Promise<Changed>;
  /** Whether the account exists and has this password. No limit: not for requests. */
  hasPassword(email: string, password: string): Promise<boolean>;
  /** Of one account, or of all with null. Resolves with the number of sessions that were ended. */
  endSessions(email: string | null, why: string): Promise<number>;
};

export const makeAdministration = (deps: {
  store: IdentityStore;
  passwords: Passwords;
  ended: Pick<EndedSessions, 'add'>;
  clock: Clock;
  newAccount: (wanted: Omit<Account, 'id' | 'createdAt'>) => Account;
}): Administration => {
  const { store, passwords, ended, clock, newAccount } = deps;
  const causedBy = (why: string) => ({ who: 'system', why, requestId: null });

  const change = async (
    email: string,
    to: { role: Role } | { passwordHash: string },
    why: string,
  ): Promise<Changed> => {
    const changed = await store.changeAccount(
      email.toLowerCase(),
      to,
      clock.nowMs(),
      causedBy(why),
    );
    if (changed === null) return { outcome: 'not-found' };
    for (const id of changed.endedSessionIds) ended.add(id);
    const endedSessions = changed.endedSessionIds.length;
    return { outcome: 'changed', accountId: changed.accountId, endedSessions };
  };

  return {
    makeAccount: async (wanted) => {
      const email = wanted.email.toLowerCase();
      if (isTooCommon(wanted.password, email)) return { outcome: 'password-too-common' };
      const account = newAccount({ ...wanted, emailConfirmed: true });
      const passwordHash = await passwords.hash(wanted.password, 'system');
      const cause = causedBy('made on the console');
      const isNew = await store.addAccount({
        account,
        passwordHash,
        mailbox: null,
        session: null,
        cause,
      });
      return isNew ? { outcome: 'made', accountId: account.id } : { outcome: 'email-taken' };
    },
    setRole: (email, role, why) => change(email, { role }, why),
    setPassword: async (email, password, why) =>
      change(email, { passwordHash: await passwords.hash(password, 'system') }, why),
    hasPassword: async (email, password) => {
      const found = await store.findByEmail(email.toLowerCase());
      return found !== null && passwords.matches(password, found.passwordHash, 'system');
    },
    endSessions: async (email, why) => {
      const ids = await store.endSessions(
        email?.toLowerCase() ?? null,
        clock.nowMs(),
        causedBy(why),
      );
      for (const id of ids) ended.add(id);
      return ids.length;
    },
  };
};
