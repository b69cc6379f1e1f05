import { createContext, runInContext } from 'node:vm';
import { beforeEach, describe, expect, test } from 'vitest';
import { type Bed, clientKey, startSandbox } from './test-bed.ts';

const successUrl = 'http://127.0.0.1:3000/pay/done?show=1';
const failUrl = 'http://127.0.0.1:3000/pay/failed?show=1';
const asked = {
  clientKey,
  orderId: 'order-0001',
  orderName: '별이 내리는 밤 R석 2매',
  amount: '15000',
  currency: 'KRW',
  successUrl,
  failUrl,
};

let bed: Bed;
beforeEach(async () => {
  bed = await startSandbox();
});

const visit = (path: string, init: RequestInit = {}): Promise<Response> =>
  fetch(`${bed.base}${path}`, { redirect: 'manual', ...init });
const open = (more: Record<string, string> = {}, init: RequestInit = {}): Promise<Response> =>
  visit(`/checkout?${new URLSearchParams({ ...asked, ...more })}`, init);
const formOf = (page: string): string => /action="([^"]+)"/.exec(page)![1]!;

/** Opens the window and presses a button; returns the address that the browser is sent to. */
const press = async (action: string, more: Record<string, string> = {}): Promise<URL> => {
  const form = formOf(await (await open()).text());
  return pressAgain(form, action, more);
};
const pressAgain = async (form: string, action: string, more: Record<string, string> = {}) => {
  const body = new URLSearchParams({ action, ...more });
  const answer = await visit(form, { method: 'POST', body });
  expect(answer.status).toBe(303);
  return new URL(answer.headers.get('location')!);
};

describe('pressing', () => {
  test('pay leads to successUrl with an authenticated payment and exact parameters', async () => {
    const url = await press('pay');
    const paymentKey = url.searchParams.get('paymentKey')!;
    expect(`${url.origin}${url.pathname}`).toBe('http://127.0.0.1:3000/pay/done');
    expect([...url.searchParams]).toEqual([
      ['show', '1'],
      ['paymentType', 'NORMAL'],
      ['orderId', 'order-0001'],
      ['paymentKey', paymentKey],
      ['amount', '15000'],
    ]);
    expect((await bed.api(`/v1/payments/${paymentKey}`)).body).toMatchObject({
      status: 'IN_PROGRESS',
      orderName: asked.orderName,
    });
    expect((await bed.confirm(paymentKey, 'order-0001')).status).toBe(200);
  });

  test('cancel leads to failUrl without the order, and the order can be tried again', async () => {
    const url = await press('cancel');
    expect(`${url.origin}${url.pathname}`).toBe('http://127.0.0.1:3000/pay/failed');
    expect([...url.searchParams].map(([name]) => name)).toEqual(['show', 'code', 'message']);
    expect(url.searchParams.get('code')).toBe('PAY_PROCESS_CANCELED');
    expect((await press('pay')).pathname).toBe('/pay/done');
  });

  test('reject leads to failUrl with the order, whose payment has failed for good', async () => {
    const url = await press('reject');
    expect([...url.searchParams]).toEqual([
      ['show', '1'],
      ['code', 'REJECT_CARD_COMPANY'],
      ['message', '카드사에서 결제 승인을 거절했습니다.'],
      ['orderId', 'order-0001'],
    ]);
    expect((await bed.api('/v1/payments/orders/order-0001')).body).toMatchObject({
      status: 'ABORTED',
    });
    const again = await open();
    const location = new URL(again.headers.get('location')!);
    expect(location.searchParams.get('code')).toBe('DUPLICATED_ORDER_ID');
    expect(location.searchParams.get('orderId')).toBe('order-0001');
  });

  test('pay after thirty minutes leads to failUrl', async () => {
    const form = formOf(await (await open()).text());
    bed.advance(30 * 60_000);
    const url = await pressAgain(form, 'pay');
    expect(url.searchParams.get('code')).toBe('PAY_PROCESS_ABORTED');
    expect(url.searchParams.get('orderId')).toBe('order-0001');
  });

  test('pay twice authenticates the payment once', async () => {
    const form = formOf(await (await open()).text());
    await pressAgain(form, 'pay');
    const answer = await visit(form, {
      method: 'POST',
      body: new URLSearchParams({ action: 'pay' }),
    });
    expect(answer.status).toBe(404);
  });

  test('pay with a chosen method and outcome gives confirm that method and outcome', async () => {
    const url = await press('pay', { method: 'TRANSFER', outcome: 'decline' });
    const paymentKey = url.searchParams.get('paymentKey')!;
    expect((await bed.api(`/v1/payments/${paymentKey}`)).body['method']).toBe('계좌이체');
    expect((await bed.confirm(paymentKey, 'order-0001')).body['code']).toBe('REJECT_CARD_COMPANY');
  });

  test('pay with no chosen outcome follows the settings', async () => {
    await bed.control('settings', { declinePercent: 100 }, 'PATCH');
    const paymentKey = (await press('pay')).searchParams.get('paymentKey')!;
    expect((await bed.confirm(paymentKey, 'order-0001')).status).toBe(403);
  });

  test('an unknown button does nothing', async () => {
    const form = formOf(await (await open()).text());
    const body = new URLSearchParams({ action: 'steal' });
    expect((await visit(form, { method: 'POST', body })).status).toBe(404);
    expect((await pressAgain(form, 'pay')).pathname).toBe('/pay/done');
  });
});

describe('the page', () => {
  test('says in both languages that no money moves, with the amount and the order', async () => {
    const korean = await (await open()).text();
    expect(korean).toContain('실제 돈은 오가지 않습니다');
    expect(korean).toContain('₩15,000 결제하기');
    expect(korean).toContain('<html lang="ko">');
    expect(korean).toContain('order-0001');
    const english = await open({}, { headers: { 'accept-language': 'en-GB,en' } });
    expect(await english.text()).toContain('no money moves');
    expect(await (await open({ lang: 'en' })).text()).toContain('Pay ₩15,000');
  });

  test('is the same window if it is reloaded in the other language', async () => {
    const page = await (await open()).text();
    const other = /<a href="([^"]+)"/.exec(page)![1]!.replaceAll('&amp;', '&');
    const english = await (await visit(other)).text();
    expect(english).toContain('<html lang="en">');
    expect(formOf(english).split('?')[0]).toBe(formOf(page).split('?')[0]);
  });

  test('is a new window if the amount differs', async () => {
    const first = formOf(await (await open()).text());
    expect(formOf(await (await open({ amount: '16000' })).text())).not.toBe(first);
  });

  test('escapes text from the merchant', async () => {
    const orderName = `<script>alert("1")</script>'&`;
    const page = await (await open({ orderName, customerName: '<b>Kim</b>' })).text();
    expect(page).not.toContain('<script');
    expect(page).not.toContain('<b>');
    expect(page).toContain('&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&#39;&amp;');
  });

  test('runs no script, and lets a popup talk to the shop that opened it', async () => {
    const { headers } = await open();
    expect(headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(headers.get('cross-origin-opener-policy')).toBe('same-origin-allow-popups');
    expect(headers.get('cache-control')).toBe('no-store');
  });

  test.each([
    ['another client key', { clientKey: 'sandbox_ck_other' }, 401],
    ['a short order id', { orderId: 'short' }, 400],
    ['no order name', { orderName: '' }, 400],
    ['an amount of 0', { amount: '0' }, 400],
    ['an amount with a fraction', { amount: '1.5' }, 400],
    ['another currency', { currency: 'USD' }, 400],
    ['a relative successUrl', { successUrl: '/pay/done' }, 400],
    ['a script as failUrl', { failUrl: 'javascript:alert(1)' }, 400],
  ])('with %s says that nothing was charged', async (_name, more, status) => {
    const answer = await open(more);
    expect(answer.status).toBe(status);
    expect(await answer.text()).toContain('청구된 것은 없습니다');
  });

  test('is available at the payment’s own checkout address until it is answered', async () => {
    await open();
    const { body } = await bed.api('/v1/payments/orders/order-0001');
    const { url } = body['checkout'] as { url: string };
    expect(formOf(await (await fetch(url)).text())).toContain(body['paymentKey']);
  });
});

test('shows on a receipt what was paid and what is left', async () => {
  const paymentKey = await bed.paid('order-0001');
  await bed.cancel(paymentKey, { cancelAmount: 5_000 });
  const { receipt } = (await bed.api(`/v1/payments/${paymentKey}`)).body as {
    receipt: { url: string };
  };
  const page = await (await fetch(receipt.url)).text();
  for (const text of ['₩15,000', '₩10,000', '부분 취소됨', 'order-0001']) {
    expect(page).toContain(text);
  }
});

test('shows nothing at any other address', async () => {
  for (const path of ['/', '/checkout/sbx_invented', '/receipt/sbx_invented']) {
    const answer = await visit(path);
    expect(answer.status).toBe(404);
    await answer.text();
  }
  expect((await visit('/elsewhere', { method: 'DELETE' })).status).toBe(404);
});

describe('the browser script', () => {
  type Payment = { requestPayment(request: object): Promise<never> };
  type Widgets = Payment & {
    setAmount(amount: object): Promise<void>;
    renderPaymentMethods(options: object): Promise<unknown>;
    renderAgreement(options: object): Promise<unknown>;
  };
  type TossPayments = {
    (
      clientKey: string,
    ): {
      widgets(options: object): Widgets;
      payment(options: object): Payment;
    };
    ANONYMOUS: string;
  };

  /** Runs the script as a page would and returns where it sends the browser. */
  const load = async (): Promise<{ TossPayments: TossPayments; went: string[] }> => {
    const answer = await visit('/v2/standard');
    expect(answer.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
    const went: string[] = [];
    const window: { TossPayments?: TossPayments } = {};
    const page = createContext({
      window,
      URL,
      document: {
        currentScript: { src: `${bed.base}/v2/standard` },
        querySelector: () => null,
      },
      location: { assign: (url: string) => went.push(url) },
    });
    runInContext(await answer.text(), page);
    return { TossPayments: window.TossPayments!, went };
  };
  const request = { orderId: 'order-0001', orderName: 'two seats', successUrl, failUrl };
  const amount = { currency: 'KRW', value: 15_000 };

  test('sends widgets and payment windows to the checkout page', async () => {
    const { TossPayments, went } = await load();
    const widgets = TossPayments(clientKey).widgets({ customerKey: TossPayments.ANONYMOUS });
    await widgets.setAmount(amount);
    void widgets.requestPayment({ ...request, customerName: '김하늘' });
    const payment = TossPayments(clientKey).payment({ customerKey: 'buyer-1' });
    void payment.requestPayment({ ...request, amount, method: 'TRANSFER', orderId: 'order-0002' });
    expect(went).toHaveLength(2);
    for (const url of went) {
      const page = await fetch(url);
      expect(page.status).toBe(200);
      expect(await page.text()).toContain('₩15,000');
    }
    const { body } = await bed.api('/v1/payments/orders/order-0002');
    expect(body['status']).toBe('READY');
  });

  test('refuses what the page would refuse, with a code', async () => {
    const { TossPayments, went } = await load();
    const { requestPayment } = TossPayments(clientKey).payment({ customerKey: 'buyer-1' });
    const refused = (more: object) => requestPayment({ ...request, amount, ...more });
    await expect(refused({ orderId: 'short' })).rejects.toMatchObject({ code: 'INVALID_ORDER_ID' });
    await expect(refused({ amount: null })).rejects.toMatchObject({ code: 'INVALID_AMOUNT' });
    await expect(refused({ orderName: '' })).rejects.toMatchObject({ code: 'INVALID_ORDER_NAME' });
    await expect(refused({ successUrl: '/done' })).rejects.toMatchObject({
      code: 'INCORRECT_SUCCESS_URL_FORMAT',
    });
    await expect(refused({ failUrl: 'javascript:1' })).rejects.toMatchObject({
      code: 'INCORRECT_FAIL_URL_FORMAT',
    });
    await expect(refused({ amount: { currency: 'USD', value: 1 } })).rejects.toMatchObject({
      code: 'NOT_SUPPORTED_CURRENCY',
    });
    expect(went).toEqual([]);
    expect(() => TossPayments('')).toThrow('client key');
  });

  test('requires the amount before anything is rendered', async () => {
    const { TossPayments } = await load();
    const widgets = TossPayments(clientKey).widgets({ customerKey: 'buyer-1' });
    const early = { code: 'INVALID_AMOUNT' };
    await expect(widgets.renderPaymentMethods({ selector: '#a' })).rejects.toMatchObject(early);
    await expect(widgets.renderAgreement({ selector: '#a' })).rejects.toMatchObject(early);
    await widgets.setAmount(amount);
    await expect(widgets.renderPaymentMethods({ selector: '#a' })).rejects.toMatchObject({
      code: 'INVALID_SELECTOR',
    });
  });
});
