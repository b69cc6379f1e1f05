import { element, say, startPage } from './shell.js';

// Only the provider's code selects our text. Its `message` is not shown: anyone could put any text
// on our page with a crafted link.
const endings = {
  PAY_PROCESS_CANCELED: {
    title: { ko: '결제를 취소하셨습니다', en: 'You cancelled the payment' },
    why: {
      ko: '결제창을 닫거나 취소를 누르셨습니다.',
      en: 'You closed the payment window or pressed cancel in it.',
    },
  },
  PAY_PROCESS_ABORTED: {
    title: { ko: '결제가 중단되었습니다', en: 'The payment was stopped' },
    why: {
      ko: '결제창이 끝나기 전에 중단되었습니다. 창을 두 번 여셨거나 시간이 지났을 수 있습니다.',
      en: 'The payment was not completed: perhaps the window was open twice, or it timed out.',
    },
  },
  REJECT_CARD_COMPANY: {
    title: { ko: '카드사가 결제를 거절했습니다', en: 'Your card was declined' },
    why: {
      ko: '카드사가 승인하지 않았습니다. 한도나 카드 정보를 확인하시거나 다른 결제 수단을 이용해 주십시오.',
      en: 'The card company declined the payment. Check the card and its limit, or pay another way.',
    },
  },
};
const other = {
  title: { ko: '결제하지 못했습니다', en: 'The payment failed' },
  why: {
    ko: '결제창이 결제를 마치지 못하고 끝났습니다.',
    en: 'The payment window closed without a payment.',
  },
};

const code = new URLSearchParams(location.search).get('code') ?? '';
const ending = Object.hasOwn(endings, code) ? endings[code] : other;

function draw() {
  const paragraph = (ko, en) => element('p', {}, say({ ko, en }));
  const isCode = /^[A-Z][A-Z0-9_]{2,63}$/.test(code);
  document
    .querySelector('#page')
    .replaceChildren(
      element('h1', {}, say(ending.title)),
      element('p', {}, say(ending.why)),
      element(
        'section',
        { class: 'card' },
        paragraph(
          '청구된 금액은 없습니다. 승인은 결제 확정 때에만 이루어지며, 확정은 요청되지 않았습니다.',
          'You were not charged: only a confirmed payment is charged, and this one was not confirmed.',
        ),
        paragraph(
          '좌석은 잡아 둔 시간이 끝날 때까지 고객님의 것입니다. 그 뒤에는 주문이 만료되고 좌석이 다시 판매됩니다.',
          'Your seats stay reserved until your hold expires. Then the order expires too, and the seats go back on sale.',
        ),
      ),
      element('h2', {}, say({ ko: '다음에 할 일', en: 'What to do next' })),
      paragraph(
        '같은 주문으로 새 결제를 열 수 있습니다. 결제 화면이 생길 때까지는 이 명령이 새 결제창의 주소를 알려 줍니다.',
        'You can pay the same order with a new payment. Until there is a screen for it, this request returns the address of a new payment window.',
      ),
      element(
        'pre',
        { tabindex: '0', 'aria-label': 'curl' },
        [
          'curl -sS -X POST -H "$auth" -H "Idempotency-Key: $(key)" \\',
          `  "${location.origin}/api/v1/orders/$order/payments"`,
        ].join('\n'),
      ),
      element(
        'p',
        { class: 'soft small' },
        say({ ko: '변수의 뜻: ', en: 'The variables: ' }),
        element('a', { href: '/docs/first-purchase' }, '/docs/first-purchase'),
        ...(isCode
          ? [
              say({ ko: '. 결제사의 코드: ', en: '. The provider’s code: ' }),
              element('code', {}, code),
            ]
          : []),
      ),
    );
}

startPage({ ko: '결제 · Usher', en: 'Payment · Usher' }, draw);
