import { beforeEach, expect, test } from 'vitest';
import { type Bed, startSandbox, type Told } from './test-bed.ts';

let bed: Bed;
beforeEach(async () => {
  bed = await startSandbox();
});

const said = ({ status, body }: Told): [number, unknown] => [status, body['code']];
const key = (text: string) => ({ 'idempotency-key': text });
const day = 24 * 3_600_000;

test('the same key returns the same answer and takes the money once', async () => {
  const paymentKey = await bed.authenticate('order-0001');
  const first = await bed.confirm(paymentKey, 'order-0001', 15_000, key('k1'));
  const again = await bed.confirm(paymentKey, 'order-0001', 15_000, key('k1'));
  expect(again).toMatchObject({ status: 200, body: first.body });
  expect(await bed.ledger()).toHaveLength(1);
});

test('a replay is the first answer, even if the payment has changed since', async () => {
  const paymentKey = await bed.authenticate('order-0001');
  const first = await bed.confirm(paymentKey, 'order-0001', 15_000, key('k1'));
  const part = await bed.cancel(paymentKey, { cancelAmount: 1_000 }, key('k1'));
  await bed.cancel(paymentKey, {}, key('k2'));
  expect((await bed.confirm(paymentKey, 'order-0001', 15_000, key('k1'))).body).toEqual(first.body);
  expect((await bed.cancel(paymentKey, {}, key('k1'))).body).toEqual(part.body);
  expect(await bed.ledger()).toHaveLength(3);
});

test('a replay ignores the body', async () => {
  const paymentKey = await bed.authenticate('order-0001');
  const first = await bed.confirm(paymentKey, 'order-0001', 15_000, key('k1'));
  const other = await bed.confirm('sbx_other', 'order-0002', 1, key('k1'));
  expect(other).toMatchObject({ status: 200, body: first.body });
});

test('a refusal is replayed like any other answer', async () => {
  const paymentKey = await bed.authenticate('order-0001');
  await bed.confirm(paymentKey, 'order-0001', 1, key('k1'));
  const right = await bed.confirm(paymentKey, 'order-0001', 15_000, key('k1'));
  expect(said(right)).toEqual([400, 'INVALID_REQUEST']);
  expect(await bed.ledger()).toEqual([]);
});

test('the same key at another address is another request', async () => {
  const first = await bed.paid('order-0001');
  const second = await bed.paid('order-0002');
  await bed.cancel(first, {}, key('k1'));
  expect((await bed.cancel(second, {}, key('k1'))).body).toMatchObject({ paymentKey: second });
});

test('a key expires after fifteen days, not before', async () => {
  const paymentKey = await bed.authenticate('order-0001');
  await bed.confirm(paymentKey, 'order-0001', 15_000, key('k1'));
  bed.advance(15 * day - 1);
  expect((await bed.confirm(paymentKey, 'order-0001', 15_000, key('k1'))).status).toBe(200);
  bed.advance(1);
  const late = await bed.confirm(paymentKey, 'order-0001', 15_000, key('k1'));
  expect(said(late)).toEqual([400, 'ALREADY_PROCESSED_PAYMENT']);
});

test('a key may have 300 characters and no more', async () => {
  const paymentKey = await bed.authenticate('order-0001');
  const tooLong = await bed.confirm(paymentKey, 'order-0001', 15_000, key('k'.repeat(301)));
  expect(said(tooLong)).toEqual([400, 'INVALID_IDEMPOTENCY_KEY']);
  const empty = await bed.confirm(paymentKey, 'order-0001', 15_000, key(''));
  expect(said(empty)).toEqual([400, 'INVALID_IDEMPOTENCY_KEY']);
  const longest = await bed.confirm(paymentKey, 'order-0001', 15_000, key('k'.repeat(300)));
  expect(longest.status).toBe(200);
});

test('a query ignores its key', async () => {
  const paymentKey = await bed.authenticate('order-0001');
  const headers = key('k'.repeat(301));
  await bed.api(`/v1/payments/${paymentKey}`, { headers });
  await bed.confirm(paymentKey, 'order-0001');
  const { body } = await bed.api(`/v1/payments/${paymentKey}`, { headers });
  expect(body).toMatchObject({ status: 'DONE' });
});
