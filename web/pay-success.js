import { call, element, say, sleep, startPage, won } from './shell.js';

// The provider's window sends the buyer here with the payment key. No money has moved yet: our
// server has to confirm the payment, and that needs the buyer's access token.
const query = new URLSearchParams(location.search);
const attemptId = query.get('orderId') ?? '';
const paymentKey = query.get('paymentKey') ?? '';
const amount = Number(query.get('amount'));
// At once, so that the key is not kept in the history; the attempt's id is no secret.
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
        en: 'You have approved the payment. You are charged only when the ticket office confirms it, and this page cannot do that: nobody is signed in on this browser.',
      },
      {
        ko: '좌석은 잡아 둔 시간이 끝날 때까지 고객님의 것입니다. 그때까지 확정하지 않으면 돈은 움직이지 않고 좌석은 다시 판매됩니다.',
        en: 'Your seats stay reserved until your hold expires. If the payment is not confirmed by then, you are not charged and the seats go back on sale.',
      },
    ],
  },
  confirming: {
    title: { ko: '결제를 확정하고 있습니다', en: 'Confirming your payment' },
    mark: 'wait',
    state: { ko: '확인 중', en: 'In progress' },
    says: [
      {
        ko: '보통 몇 초가 걸립니다. 이 창을 닫아도 결제는 계속되고 좌석은 그대로입니다.',
        en: 'This usually takes seconds. You may close this window: the payment continues and your seats stay reserved.',
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
        en: 'The provider has not responded yet. Your seats stay reserved, and you do not need to pay again. We will also send you the outcome by mail.',
      },
    ],
  },
  paid: {
    title: { ko: '예매가 완료되었습니다', en: 'The seats are yours' },
    mark: 'go',
    state: { ko: '결제 완료', en: 'Paid' },
    says: [{ ko: '입장권을 메일로 보내 드립니다.', en: 'We will send your tickets by mail.' }],
  },
  declined: {
    title: { ko: '결제가 거절되었습니다', en: 'The payment was declined' },
    mark: 'stop',
    state: { ko: '청구되지 않음', en: 'Not charged' },
    says: [
      {
        ko: '청구된 금액은 없습니다. 좌석을 잡아 둔 시간이 남아 있으면 다시 주문해서 다른 결제 수단으로 결제할 수 있습니다.',
        en: 'You were not charged. Until your hold expires, you can order the same seats again and pay another way.',
      },
    ],
  },
  ended: {
    title: { ko: '좌석을 잡아 둔 시간이 끝났습니다', en: 'Your hold has expired' },
    mark: 'stop',
    state: { ko: '청구되지 않음', en: 'Not charged' },
    says: [
      {
        ko: '확정하기 전에 시간이 지나 좌석이 다시 판매되고 있습니다. 청구된 금액은 없습니다. 좌석을 다시 골라 주십시오.',
        en: 'It expired before the payment was confirmed, and the seats are on sale again. You were not charged. Please choose seats again.',
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
        en: 'The payment does not match this order, or the order is already closed. This page has not charged you. Please check the state of the order with the link in your mail.',
      },
    ],
  },
  silent: {
    title: { ko: '답이 오지 않습니다', en: 'No response' },
    mark: 'wait',
    state: { ko: '다시 시도하는 중', en: 'Trying again' },
    says: [
      {
        ko: '연결이 끊겼습니다. 같은 요청을 되풀이해도 두 번 청구되지 않습니다.',
        en: 'The connection was lost. Trying again cannot charge you twice.',
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
        en: 'This page only handles the return from the payment window and stores nothing. If the payment was not confirmed, you were not charged; if it was, you have a mail with a link to your order.',
      },
    ],
  },
};

let now = 'gone';
let orderLink = null;

/** Paste this after the blocks of docs/first-purchase.md, which set `auth` and `key`. */
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
        en: 'Until there are screens for buying, this request confirms it. Its variables: ',
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

/** Polls until the outcome is known, at growing intervals, as nobody can hurry the provider. */
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
        // The same for every attempt of this payment, so that no attempt can charge a second time.
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

/** After a reload the key is lost, but the attempt can still be queried. */
async function look() {
  const answer = await call(`/api/v1/payments/${attemptId}`, { headers: bearer() });
  if (answer.kind !== 'done') return;
  const { state, outcome, orderId } = answer.body;
  // Never used, or replaced by a later one: there is nothing to wait for.
  if (state !== 'OPEN' && outcome !== 'SUPERSEDED') await follow(orderId);
}

startPage({ ko: '결제 · Usher', en: 'Payment · Usher' }, draw);
if (isComplete && token !== null) void confirm();
else if (isComplete) show('unconfirmed');
else if (token !== null && attemptId !== '') void look();
