import { silentLog } from '@usher/tests/support/log.ts';
import { until } from '@usher/tests/support/until.ts';
import { afterEach, expect, test } from 'vitest';
import { manualClock } from '../../platform/clock.ts';
import type { SideThread } from '../../platform/side-thread.ts';
import { busyRestMs } from './limits.ts';
import type { NotificationsDoors } from './service.composing.ts';
import { makeNotifications } from './service.ts';
import type { NotificationsStore } from './store.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

const never = async (): Promise<never> => {
  throw new Error('not used by this test');
};
const title = { ko: '오페라의 밤', en: 'Night at the Opera' };

/** Tasks of the side thread, run at once in this one. */
const inThisThread: SideThread = {
  run: async (task, input) => (await import(task.module))[task.name](input),
  close: async () => undefined,
};

/** Twenty mails of one job, on a thread that is as busy with buyers as the test says. */
const openOffice = () => {
  const clock = manualClock(0);
  const load = { share: 0 };
  let composed = 0;
  const doors: NotificationsDoors = {
    orders: { read: never, makeLinkToken: String, findByLink: String },
    tickets: { documentsForMail: never },
    identity: {
      accounts: async ([id = '']) =>
        new Map([
          [
            id,
            { email: `${id}@example.com`, name: '지민', locale: 'ko' as const, mayBeMailed: true },
          ],
        ]),
      readCode: async () => null,
    },
    catalogue: {
      show: async () => {
        composed += 1;
        return { title, venueName: title };
      },
    },
  };
  const waiting = Array.from({ length: 20 }, (_, i) => ({
    id: `mail_${i}`,
    kind: 'sale-opened' as const,
    aboutId: 'show_1',
    recipientId: `acc_${i}`,
    tries: 1,
    repeats: 0,
    writtenAt: new Date(0),
  }));
  const store: Partial<NotificationsStore> = {
    beginTry: async () => waiting,
    endTries: async () => undefined,
  };
  const notifications = makeNotifications({
    store: store as NotificationsStore,
    doors,
    clock,
    log: silentLog,
    postman: { send: async () => ({ outcome: 'sent' }), close: () => undefined },
    stops: { isStopped: async () => false, makeToken: String },
    sideThread: inThisThread,
    sender: { from: 'Usher <tickets@usher.example>', publicUrl: 'http://127.0.0.1' },
    tried: () => undefined,
    watchLoad: () => ({ share: () => load.share }),
  });
  const sending = notifications.sendMails([]);
  /** Advances the clock by 10 ms at each check, until `count` mails are composed. */
  const passUntil = (count: number): Promise<boolean> =>
    until(`${count} mails are composed`, async () => {
      await clock.advance(10);
      return composed >= count;
    });
  closers.push(async () => {
    load.share = 0;
    await passUntil(20);
    let isSent = false;
    const sent = sending.finally(() => {
      isSent = true;
    });
    await until('all are sent', async () => {
      await clock.advance(100);
      return isSent;
    });
    await sent;
    await notifications.close();
  });
  return { clock, load, passUntil, composed: () => composed };
};

test('in a rush at most ten mails a second are composed', async () => {
  const { clock, load, passUntil } = openOffice();
  load.share = 0.9;
  await passUntil(5);
  expect(clock.monotonicMs()).toBeGreaterThanOrEqual(4 * busyRestMs);
});

test('a rush of any length does not stop the mails', async () => {
  const { load, passUntil } = openOffice();
  load.share = 1;
  await passUntil(20);
});

test('without a rush mails are composed without pauses', async () => {
  const { clock, load, composed } = openOffice();
  load.share = 0.1;
  await until('all are composed', () => composed() === 20);
  expect(clock.monotonicMs()).toBe(0);
});
