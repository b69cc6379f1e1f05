import { makeBatcher } from '../../platform/batcher.ts';
import type { Clock } from '../../platform/clock.ts';
import { assert, Failure } from '../../platform/failure.ts';
import type { Load } from '../../platform/load.ts';
import type { Log } from '../../platform/log.ts';
import type { SideThread } from '../../platform/side-thread.ts';
import { busyRestMs, busyShare, smtpConnections, triesMax } from './limits.ts';
import type { OutgoingMail, Sender } from './provider.ts';
import { type Composed, makeComposer, type NotificationsDoors } from './service.composing.ts';
import type { Stops } from './service.stopping.ts';
import type { NotificationsStore, TriedMail, WaitingMail } from './store.ts';

/** Delivers mails. Throws if it cannot now; `refused`: this address never accepts mail. */
export type Postman = {
  send(mail: OutgoingMail): Promise<{ outcome: 'sent' } | { outcome: 'refused'; reason: string }>;
  close(): void;
};

export const makeNotifications = (deps: {
  store: NotificationsStore;
  doors: NotificationsDoors;
  postman: Postman;
  clock: Clock;
  log: Log;
  stops: Pick<Stops, 'isStopped' | 'makeToken'>;
  sideThread: SideThread;
  sender: Sender;
  /** Counts tries by how they ended. */
  tried: (outcome: string) => void;
  watchLoad: () => Load;
}) => {
  const { store, postman, clock, log } = deps;
  const compose = makeComposer(deps);
  /** Composing happens in the side thread, but reading and sending take time of this one. */
  const rest = async (work: () => Promise<Composed>): Promise<Composed> => {
    const load = deps.watchLoad();
    const composed = await work();
    if (load.share() > busyShare) await clock.sleep(busyRestMs);
    return composed;
  };

  // One after another: the side thread draws one at a time, too.
  const composer = makeBatcher<WaitingMail, Composed>({
    name: 'compose-mails',
    sizeMax: 1,
    inFlightMax: 1,
    run: async ([waiting]) => {
      assert(waiting !== undefined, 'a batch holds a mail');
      return [await rest(() => compose(waiting))];
    },
  });
  const ender = makeBatcher<TriedMail, void>({
    name: 'end-mail-tries',
    run: async (tried) => {
      await store.endTries(tried);
      return tried.map(() => undefined);
    },
  });

  const end = async (
    waiting: WaitingMail,
    state: TriedMail['state'],
    reason: string | null,
    mail: OutgoingMail | null,
  ): Promise<void> => {
    // A code is for its reader only, not for those who read the list of mails.
    const kept = waiting.kind === 'account-code' ? null : mail;
    await ender.add({
      id: waiting.id,
      state,
      reason: reason?.slice(0, 1000) ?? null,
      to: mail?.message.to ?? null,
      subject: kept?.subject ?? null,
      text: kept?.text ?? null,
      html: kept?.html ?? null,
    });
    deps.tried(state.toLowerCase());
    const facts = { mailId: waiting.id, kind: waiting.kind, tries: waiting.tries, reason };
    if (state === 'GIVEN_UP') log.error(facts, 'mail given up');
    else if (state === 'WAITING') log.warn(facts, 'sending a mail failed; retrying');
  };
  /** Ends a failed attempt: after the last attempt the mail is given up. */
  const fail = (waiting: WaitingMail, error: unknown, mail: OutgoingMail | null): Promise<void> =>
    end(waiting, waiting.tries >= triesMax ? 'GIVEN_UP' : 'WAITING', String(error), mail);

  const attempt = async (waiting: WaitingMail): Promise<'over' | 'not-composed' | 'not-sent'> => {
    let composed: Composed;
    try {
      composed = await composer.add(waiting);
    } catch (error) {
      await fail(waiting, error, null);
      return 'not-composed';
    }
    if (composed.outcome === 'over') {
      await end(waiting, 'DROPPED', composed.reason, null);
      return 'over';
    }
    const { mail } = composed;
    let sent: Awaited<ReturnType<Postman['send']>>;
    try {
      sent = await postman.send(mail);
    } catch (error) {
      await fail(waiting, error, mail);
      return 'not-sent';
    }
    if (sent.outcome === 'sent') await end(waiting, 'SENT', null, mail);
    else await end(waiting, 'GIVEN_UP', sent.reason, mail);
    return 'over';
  };

  return {
    /**
     * Sends those of the mails that are still waiting. Throws if any of them could not be sent, so
     * that the job is retried; mails that were given up or dropped need no retry.
     */
    sendMails: async (mailIds: readonly string[]): Promise<void> => {
      const waiting = await store.beginTry(mailIds);
      let failed = 0;
      for (let at = 0; at < waiting.length; at += smtpConnections) {
        const group = waiting.slice(at, at + smtpConnections);
        const outcomes = await Promise.all(group.map(attempt));
        failed += outcomes.filter((outcome) => outcome !== 'over').length;
        // The server accepts no mails now: do not try the others.
        if (outcomes.every((outcome) => outcome === 'not-sent')) {
          failed += waiting.length - at - group.length;
          break;
        }
      }
      if (failed > 0)
        throw new Failure(
          'MAILS_NOT_SENT',
          `${failed} of ${waiting.length} mails are still waiting`,
          {
            retryable: true,
          },
        );
    },

    close: async (): Promise<void> => {
      await composer.close();
      await ender.close();
    },
  };
};
