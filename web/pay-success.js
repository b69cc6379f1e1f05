import { call, element, say, sleep, startPage, won } from './shell.js';

// The provider's window sends the buyer here with the payment's key. No money has moved yet: that
// takes our server's confirmation, which needs the buyer's access token.
const query = new URLSearchParams(location.search);
const attemptId = query.get('orderId') ?? '';
const paymentKey = query.get('paymentKey') ?? '';
const amount = Number(query.get('amount'));
// At once, so that the key stays in no history; the attempt's id is no secret.
history.replaceState(null, '', `/pay/success?orderId=${encodeURIComponent(attemptId)}`);

const isComplete =
  /^att_[0-9a-z]{26}$/.test(attemptId) && paymentKey !== '' && Number.isSafeInteger(amount);
const token = sessionStorageItem('usher.accessToken');

function sessionStorageItem(name) {
  try {
    return sessionStorage.getItem(name);
  } catch {
    // Forbidden by the browser: nobody is signed in here.
    return null;
  }
}

const lines = {
  unconfirmed: {
    title: { ko: '결제 확정이 남았습니다', en: 'One step is left' },
    mark: 'wait',
    state: { ko: '아직 청구되지 않음', en: 'Not charged yet' },
    says: [
      {
        ko: '결제창에서 승인하셨습니다. 돈은 예매 창구가 확정할 때 움직이는데, 이 브라우저에는 로그인 정보가 없어 이 페이지가 대신 확정할 수 없습니다.',
        en: 'You have approved the payment in its window. Money moves when the ticket office confirms it, and this page cannot ask for that: nobody is signed in in this browser.',
      },
      {
        ko: '좌석은 잡아 둔 시간이 끝날 때까지 고객님의 것입니다. 그때까지 확정하지 않으면 돈은 움직이지 않고 좌석은 다시 판매됩니다.',
        en: 'Your seats stay yours while your hold runs. If it is not confirmed by then, no money moves and the seats are on sale again.',
      },
    ],
  },
  confirming: {
    title: { ko: '결제를 확정하고 있습니다', en: 'Confirming your payment' },
    mark: 'wait',
    state: { ko: '확인 중', en: 'On its way' },
    says: [
      {
        ko: '보통 몇 초가 걸립니다. 이 창을 닫아도 결제는 계속되고 좌석은 그대로입니다.',
        en: 'It usually takes seconds. You may close this window: the payment goes on and your seats stay yours.',
      },
    ],
  },
  unknown: {
    title: { ko: '결제 결과를 기다리고 있습니다', en: 'Waiting for the outcome' },
    mark: 'wait',
    state: { ko: '확인 중', en: 'Being checked' },
    says: [
      {
        ko: '결제사의 답이 아직 오지 않았습니다. 좌석은 그대로 고객님의 것이며 다시 결제하실 필요가 없습니다. 결과는 메일로도 알려 드립니다.',
        en: 'The provider has not answered yet. Your seats stay yours, and there is no need to pay again. We also tell you the outcome by mail.',
      },
    ],
  },
  paid: {
    title: { ko: '예매가 완료되었습니다', en: 'The seats are yours' },
    mark: 'go',
    state: { ko: '결제 완료', en: 'Paid' },
    says: [{ ko: '입장권을 메일로 보내 드립니다.', en: 'Your tickets come by mail.' }],
  },
  declined: {
    title: { ko: '결제가 거절되었습니다', en: 'The payment was declined' },
    mark: 'stop',
    state: { ko: '청구되지 않음', en: 'Not charged' },
    says: [
      {
        ko: '청구된 금액은 없습니다. 좌석을 잡아 둔 시간이 남아 있으면 다시 주문해서 다른 결제 수단으로 결제할 수 있습니다.',
        en: 'You were not charged. While your hold runs you can order the same seats again and pay in another way.',
      },
    ],
  },
  ended: {
    title: { ko: '좌석을 잡아 둔 시간이 끝났습니다', en: 'Your hold has ended' },
    mark: 'stop',
    state: { ko: '청구되지 않음', en: 'Not charged' },
    says: [
      {
        ko: '확정하기 전에 시간이 지나 좌석이 다시 판매되고 있습니다. 청구된 금액은 없습니다. 좌석을 다시 골라 주십시오.',
        en: 'Its time was over before the payment was confirmed, and the seats are on sale again. You were not charged. Please choose seats again.',
      },
    ],
  },
  refused: {
    title: { ko: '이 결제는 확정할 수 없습니다', en: 'This payment cannot be confirmed' },
    mark: 'stop',
    state: { ko: '확정하지 않음', en: 'Not confirmed' },
    says: [
      {
        ko: '주문과 맞지 않는 결제이거나 이미 끝난 주문입니다. 이 페이지에서 청구된 금액은 없습니다. 예매 내역에서 주문의 상태를 확인해 주십시오.',
        en: 'It does not fit the order, or the order has come to its end before. This page has charged nothing. Please look at the order’s state in its mail.',
      },
    ],
  },
  silent: {
    title: { ko: '답이 오지 않습니다', en: 'There is no answer' },
    mark: 'wait',
    state: { ko: '다시 시도하는 중', en: 'Trying again' },
    says: [
      {
        ko: '연결이 끊겼습니다. 같은 요청을 되풀이해도 두 번 청구되지 않습니다.',
        en: 'The connection is broken. Asking again cannot charge you twice.',
      },
    ],
  },
  gone: {
    title: { ko: '여기서 더 할 일이 없습니다', en: 'Nothing to do here' },
    mark: '',
    state: null,
    says: [
      {
        ko: '이 페이지는 결제창에서 돌아올 때 한 번만 쓰이며 결제 정보를 남겨 두지 않습니다. 확정하지 않은 결제는 청구되지 않습니다. 확정한 주문은 메일의 링크에서 볼 수 있습니다.',
        en: 'This page is for the way back from the payment window, and keeps nothing of it. A payment that was not confirmed is not charged; one that was has a mail with a link to your order.',
      },
    ],
  },
};

let now = 'gone';
let orderLink = null;

/** To paste after the blocks of docs/first-purchase.md, which set `auth` and `key`. */
const command = () =>
  [
    `curl -sS -H "$auth" -H 'Content-Type: application/json' -H "Idempotency-Key: $(key)" \\`,
    `  '${location.origin}/api/v1/payments/${attemptId}/confirm' \\`,
    `  -d '${JSON.stringify({ paymentKey, amount }).replaceAll("'", '\\u0027')}'`,
  ].join('\n');

function howToConfirm() {
  return [
    element('h2', {}, say({ ko: '확정하는 방법', en: 'How to confirm' })),
    element(
      'p',
      {},
      say({
        ko: '구매 화면이 생길 때까지는 이 명령으로 확정합니다. 변수의 뜻: ',
        en: 'Until there are screens to buy in, this call confirms it. What its variables hold: ',
      }),
      element('a', { href: '/docs/first-purchase' }, '/docs/first-purchase'),
    ),
    element('pre', { tabindex: '0', 'aria-label': 'curl' }, command()),
  ];
}

function draw() {
  const { title, mark, state, says } = lines[now];
  const facts = isComplete
    ? [
        element(
          'dl',
          {},
          element('dt', {}, say({ ko: '금액', en: 'Amount' })),
          element('dd', {}, won({ amount })),
        ),
      ]
    : [];
  document
    .querySelector('#page')
    .replaceChildren(
      element('h1', {}, say(title)),
      ...(state === null ? [] : [element('p', { class: `state ${mark}` }, say(state))]),
      ...says.map((text) => element('p', {}, say(text))),
      ...(facts.length === 0 ? [] : [element('section', { class: 'card' }, ...facts)]),
      ...(orderLink === null
        ? []
        : [
            element(
              'p',
              {},
              element(
                'a',
                { href: orderLink },
                say({ ko: '예매 내역 보기', en: 'See your order' }),
              ),
            ),
          ]),
      ...(now === 'unconfirmed' ? howToConfirm() : []),
    );
}

function show(what) {
  now = what;
  draw();
}

const bearer = () => ({ authorization: `Bearer ${token}` });

async function showOrder(orderId) {
  const answer = await call(`/api/v1/orders/${orderId}`, { headers: bearer() });
  if (answer.kind !== 'done') return null;
  if (answer.body.linkToken !== null) orderLink = `/o/${answer.body.linkToken}`;
  return answer.body.state;
}

const endOfOrder = {
  PAID: 'paid',
  PARTLY_REFUNDED: 'paid',
  REFUNDED: 'gone',
  FAILED: 'declined',
  EXPIRED: 'ended',
  CANCELLED: 'gone',
};

/** Asks until the outcome is known; slower and slower, as nobody can hurry the provider. */
async function follow(orderId) {
  for (let waitMs = 1000; ; waitMs = Math.min(waitMs * 2, 30_000)) {
    const state = await showOrder(orderId);
    show(endOfOrder[state] ?? 'unknown');
    if (state in endOfOrder) return;
    await sleep(waitMs);
  }
}

const endOf = {
  PAYMENT_DECLINED: 'declined',
  PAYMENT_PROVIDER_REFUSED: 'declined',
  PROVIDER_UNAVAILABLE: 'declined',
  HOLD_ENDED: 'ended',
  UNAUTHENTICATED: 'unconfirmed',
};

async function confirm() {
  show('confirming');
  for (let waitMs = 1000; ; waitMs = Math.min(waitMs * 2, 10_000)) {
    const answer = await call(`/api/v1/payments/${attemptId}/confirm`, {
      method: 'POST',
      headers: {
        ...bearer(),
        'content-type': 'application/json',
        // The same for every try of this payment, so that no try can charge a second time.
        'idempotency-key': `confirm-${attemptId}`,
      },
      body: JSON.stringify({ paymentKey, amount }),
    });
    if (answer.kind === 'done') {
      if (answer.body.orderState !== 'PAID') return follow(answer.body.orderId);
      await showOrder(answer.body.orderId);
      return show('paid');
    }
    if (answer.kind === 'refused' && !answer.body.retryable)
      return show(endOf[answer.body.code] ?? 'refused');
    if (answer.kind === 'silent') show('silent');
    await sleep(Math.max(waitMs, answer.body?.retryAfterMs ?? 0));
  }
}

/** After a reload the key is gone, but the attempt can still be asked about. */
async function look() {
  const answer = await call(`/api/v1/payments/${attemptId}`, { headers: bearer() });
  if (answer.kind !== 'done') return;
  const { state, outcome, orderId } = answer.body;
  // Never used, or given up for a later one: there is nothing to wait for.
  if (state !== 'CREATED' && outcome !== 'SUPERSEDED') await follow(orderId);
}

startPage({ ko: '결제 · Usher', en: 'Payment · Usher' }, draw);
if (isComplete && token !== null) void confirm();
else if (isComplete) show('unconfirmed');
else if (token !== null && attemptId !== '') void look();
