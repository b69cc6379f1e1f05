import {
  confirmEmail,
  leave,
  readMe,
  requestEmailCode,
  requestPasswordReset,
  resetPassword,
} from '@usher/contract/identity.ts';
import { placeOrder } from '@usher/contract/orders.ts';
import { takeHold } from '@usher/contract/seats.ts';
import { joinRoom } from '@usher/contract/waiting-room.ts';
import { beforeAll, describe, expect, test } from 'vitest';
import { nowhere } from '../support/examples.ts';
import { openProgram, type Program } from '../support/program.ts';
import { until } from '../support/until.ts';

/** The state of the newest mail with a code to this account. */
const readCodeMail = async (program: Program, accountId: string) => {
  const [mail] = await program.app.db.query<{ state: string; about_id: string; text: string }>(
    `SELECT state, about_id, m::text AS text FROM notifications.mails m
     WHERE kind = 'account-code' AND recipient_id = $1 ORDER BY written_at DESC LIMIT 1`,
    [accountId],
  );
  return mail;
};

describe('where mails are really sent', () => {
  let program: Program;
  beforeAll(async () => {
    program = await openProgram({ settings: { CONFIRM_EMAIL: 'true' } });
  });

  test('a newcomer joins, holds and orders only with a confirmed address', async () => {
    const { performanceId, showId } = await program.newSale(program.organiser);
    const { token: as, accountId } = await program.newBuyer();
    const hold = { params: { performanceId }, body: { seats: [0] } };
    for (const [spec, given] of [
      [joinRoom, { params: { showId }, body: {} }],
      [takeHold, hold],
      [placeOrder, { body: { holdId: nowhere.holdId } }],
    ] as const)
      expect((await program.refusal(spec, { as, ...given })).code).toBe('EMAIL_NOT_CONFIRMED');

    expect(await program.must(requestEmailCode, { as })).toMatchObject({ code: null });
    const mail = await until('the code is mailed', async () => {
      const newest = await readCodeMail(program, accountId);
      return newest?.state === 'SENT' ? newest : null;
    });
    const mailed = await program.app.services.identity.readCode(mail.about_id);
    if (mailed === null) throw new Error('the code is still good');
    // What is kept of the mail does not say the code.
    expect(mail.text).not.toContain(mailed.code);
    const { accessToken } = await program.must(confirmEmail, { as, body: { code: mailed.code } });
    expect((await program.ask(takeHold, { as: accessToken, ...hold })).status).toBe(201);
  });
});

describe('in the demo, on its own machine', () => {
  let program: Program;
  beforeAll(async () => {
    program = await openProgram({ publicUrl: 'http://127.0.0.1:3000' });
  });

  test('nothing stands in the way of a newcomer, and codes are in the response', async () => {
    const { performanceId } = await program.newSale(program.organiser);
    const { token: as, email } = await program.newBuyer();
    await program.buy(as, performanceId, [0]);
    const { code } = await program.must(requestEmailCode, { as });
    await program.must(confirmEmail, { as, body: { code } });
    const forgotten = await program.must(requestPasswordReset, { body: { email } });
    const password = 'four other words of a test';
    await program.must(resetPassword, { body: { email, code: forgotten.code, password } });
    expect(await program.enter({ email, password })).toMatch(/^access\./);
  });

  test('who leaves is gone from the mails, and their order stays', async () => {
    const { performanceId } = await program.newSale(program.organiser);
    const { token: as, email, accountId, password } = await program.newBuyer();
    const { order } = await program.buy(as, performanceId, [0]);
    const readMails = () =>
      program.app.db.query<{ state: string; text: string }>(
        `SELECT state, m::text AS text FROM notifications.mails m
         WHERE recipient_id = $1 AND kind = 'order-paid'`,
        [accountId],
      );
    await until('the tickets are mailed', async () => (await readMails())[0]?.state === 'SENT');
    expect((await readMails())[0]?.text).toContain(email);
    await program.must(leave, { as, body: { password } });
    expect((await program.ask(readMe, { as })).status).toBe(401);
    await until('the mail is erased', async () => {
      const mails = await readMails();
      return mails.every(({ text }) => !text.includes(email) && !text.includes('김민지'));
    });
    const orders = await program.app.db.query('SELECT state FROM orders.orders WHERE id = $1', [
      order.id,
    ]);
    expect(orders).toEqual([{ state: 'PAID' }]);
  });
});
