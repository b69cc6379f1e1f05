import { call, dayTimeAndZone, element, say, sleep, startPage, won } from './shell.js';

const words = {
  PENDING: {
    mark: 'wait',
    state: { ko: '결제 대기', en: 'Waiting for payment' },
    says: {
      ko: '좌석을 잡아 두었습니다. 아래 시각까지 결제되지 않으면 주문이 만료되고 좌석이 다시 판매됩니다.',
      en: 'Your seats are held. If you do not pay by the time below, the order expires and the seats go back on sale.',
    },
  },
  PAYING: {
    mark: 'wait',
    state: { ko: '결제 진행 중', en: 'Being paid' },
    says: {
      ko: '결제가 진행되고 있습니다. 좌석은 고객님의 것입니다.',
      en: 'Your payment is being processed. Your seats are reserved.',
    },
  },
  PAID: {
    mark: 'go',
    state: { ko: '예매 완료', en: 'Paid' },
    says: {
      ko: '결제가 끝났고 입장권이 발급되었습니다. 입장권은 아래에 있고, 메일에도 첨부되어 있습니다.',
      en: 'The order is paid and your tickets are ready. They are below, and attached to your mail.',
    },
  },
  PARTLY_REFUNDED: {
    mark: 'go',
    state: { ko: '일부 환불', en: 'Partly refunded' },
    says: {
      ko: '일부 입장권이 취소되고 환불되었습니다.',
      en: 'Some of the tickets were cancelled and refunded.',
    },
  },
  REFUNDED: {
    mark: '',
    state: { ko: '환불 완료', en: 'Refunded' },
    says: {
      ko: '입장권이 취소되고 환불되었습니다.',
      en: 'The tickets were cancelled and refunded.',
    },
  },
  EXPIRED: {
    mark: 'stop',
    state: { ko: '만료', en: 'Expired' },
    says: {
      ko: '시간 안에 결제되지 않아 좌석이 다시 판매되고 있습니다. 청구된 금액은 없습니다.',
      en: 'The order was not paid in time, and its seats are on sale again. You were not charged.',
    },
  },
  CANCELLED: {
    mark: '',
    state: { ko: '취소', en: 'Cancelled' },
    says: {
      ko: '결제하기 전에 취소되었습니다. 청구된 금액은 없습니다.',
      en: 'The order was cancelled before it was paid. You were not charged.',
    },
  },
  FAILED: {
    mark: 'stop',
    state: { ko: '결제 실패', en: 'Not paid' },
    says: {
      ko: '결제가 이루어지지 않았습니다. 청구된 금액은 없습니다. 좌석을 잡아 둔 시간이 남아 있으면 같은 좌석을 다시 주문할 수 있습니다.',
      en: 'The payment failed and you were not charged. Until your hold expires, you can order the same seats again.',
    },
  },
  UNKNOWN: {
    mark: 'wait',
    state: { ko: '결제 확인 중', en: 'Payment being checked' },
    says: {
      ko: '결제사의 답을 확인하고 있습니다. 좌석은 그대로 고객님의 것이며 하실 일은 없습니다. 다시 결제하지 마십시오.',
      en: 'We are checking the outcome with the payment provider. Your seats stay reserved and there is nothing you need to do. Please do not pay again.',
    },
  },
};
const faults = {
  absent: {
    title: { ko: '이 주소의 예매 내역이 없습니다', en: 'There is no order at this address' },
    says: {
      ko: '주소가 잘렸거나 잘못 옮겨졌을 수 있습니다. 메일의 링크를 통째로 열어 주십시오.',
      en: 'The address may be incomplete. Please open the full link from your mail.',
    },
  },
  busy: {
    title: { ko: '잠시만 기다려 주십시오', en: 'One moment, please' },
    says: {
      ko: '지금 요청이 많습니다. 예매 내역은 그대로이며, 이 페이지가 곧 다시 시도합니다.',
      en: 'There are many requests right now. Your order has not changed; this page will retry automatically.',
    },
  },
  silent: {
    title: { ko: '답이 오지 않습니다', en: 'No response' },
    says: {
      ko: '연결을 확인해 주십시오. 예매 내역은 그대로이며, 이 페이지가 곧 다시 시도합니다.',
      en: 'Please check your connection. Your order has not changed; this page will retry automatically.',
    },
  },
};

const page = document.querySelector('#page');
let order = null;
/** Null until they are read. */
let tickets = null;
let fault = null;

const pairs = (rows) =>
  rows.flatMap(([name, value, mark = '']) => [
    element('dt', { class: mark }, say(name)),
    element('dd', { class: mark }, value),
  ]);

const seatOf = ({ section, row, label }) =>
  say({
    ko: `${section.ko} ${row}열 ${label}번`,
    en: `${section.en}, row ${row}, seat ${label}`,
  });

function facts() {
  const inZone = (instant) => dayTimeAndZone(instant, order.timeZone);
  return element(
    'dl',
    {},
    ...pairs([
      [{ ko: '일시', en: 'When' }, inZone(order.startsAt)],
      [{ ko: '장소', en: 'Where' }, say(order.venueName)],
      ...(order.state === 'PENDING'
        ? [[{ ko: '결제 기한', en: 'Pay by' }, inZone(order.deadline)]]
        : []),
      [{ ko: '주문 번호', en: 'Order' }, element('code', {}, order.id)],
    ]),
  );
}

function money() {
  const fee = order.items.reduce((sum, { bookingFee }) => sum + bookingFee.amount, 0);
  return element(
    'dl',
    {},
    ...order.items.flatMap(({ seat, price }) => [
      element('dt', {}, `${say(seat.gradeName)} · ${seatOf(seat)}`),
      element('dd', {}, won(price)),
    ]),
    ...pairs([
      [{ ko: '예매 수수료', en: 'Booking fee' }, won({ amount: fee })],
      [{ ko: '합계', en: 'Total' }, won(order.total), 'sum'],
    ]),
  );
}

const linkToken = location.pathname.split('/').at(-1) ?? '';
const byLink = `/api/v1/order-links/${linkToken}`;
const hasTickets = () => ['PAID', 'PARTLY_REFUNDED'].includes(order?.state);

const repeats = {
  QUEUED: {
    ko: '입장권을 메일로 다시 보냈습니다.',
    en: 'Your tickets are being mailed again.',
  },
  ON_ITS_WAY: {
    ko: '메일을 보내는 중입니다. 잠시만 기다려 주십시오.',
    en: 'A mail with your tickets is on its way.',
  },
  TOO_SOON: {
    ko: '방금 보냈습니다. 스팸함도 확인해 주십시오.',
    en: 'It was mailed a moment ago. Please look in your spam folder, too.',
  },
  failed: {
    ko: '지금은 보낼 수 없습니다. 잠시 후 다시 눌러 주십시오.',
    en: 'It could not be mailed now. Please try again in a moment.',
  },
};

function ticketCard(ticket) {
  const { id, seat, state, buyerName } = ticket;
  const cancelled = say({ ko: '취소된 입장권입니다.', en: 'This ticket was cancelled.' });
  return element(
    'section',
    { class: 'card ticket' },
    element('h3', {}, `${say(seat.gradeName)} · ${seatOf(seat)}`),
    ...(buyerName === null ? [] : [element('p', {}, buyerName)]),
    state === 'LIVE'
      ? element('img', {
          src: `${byLink}/tickets/${id}/qr.svg`,
          alt: say({ ko: '입장권 QR 코드', en: 'QR code of the ticket' }),
          width: '240',
          height: '240',
        })
      : element('p', { class: 'soft' }, cancelled),
    element('p', { class: 'soft small' }, element('code', {}, id)),
  );
}

async function sendAgain(button, status) {
  button.disabled = true;
  const answer = await call(`${byLink}/mail`, { method: 'POST' });
  status.textContent = say(repeats[answer.kind === 'done' ? answer.body.state : 'failed']);
  button.disabled = false;
}

function drawTickets() {
  if (!hasTickets() || tickets === null) return [];
  const status = element('p', { role: 'status', class: 'soft small' });
  const button = element(
    'button',
    { type: 'button', id: 'send-again' },
    say({ ko: '메일로 다시 받기', en: 'Mail them to me again' }),
  );
  button.addEventListener('click', () => void sendAgain(button, status));
  const isAnyLive = tickets.some(({ state }) => state === 'LIVE');
  const pdf = element(
    'a',
    { href: `${byLink}/tickets.pdf`, target: '_blank', rel: 'noopener' },
    say({ ko: '입장권 PDF 열기', en: 'Open the tickets as a PDF' }),
  );
  return [
    element('h2', {}, say({ ko: '입장권', en: 'Your tickets' })),
    ...tickets.map(ticketCard),
    ...(isAnyLive ? [element('p', {}, pdf), element('p', {}, button), status] : []),
  ];
}

function draw() {
  if (order === null && fault === null) {
    page.replaceChildren(
      element('h1', {}, say({ ko: '예매 내역', en: 'Your order' })),
      element('p', { class: 'soft' }, say({ ko: '읽고 있습니다…', en: 'Reading…' })),
    );
    return;
  }
  if (order === null) {
    const { title, says } = faults[fault];
    page.replaceChildren(element('h1', {}, say(title)), element('p', {}, say(says)));
    return;
  }
  const { mark, state, says } = words[order.state];
  page.replaceChildren(
    element('h1', {}, say(order.showTitle)),
    element('p', { class: `state ${mark}` }, say(state)),
    element('p', {}, say(says)),
    element('section', { class: 'card' }, facts()),
    ...drawTickets(),
    element('h2', {}, say({ ko: '좌석과 금액', en: 'Seats and prices' })),
    element('section', { class: 'card' }, money()),
    element(
      'p',
      { class: 'soft small' },
      say({
        ko: '이 주소를 아는 사람은 누구나 이 내역을 볼 수 있습니다. 다른 사람에게 전달하지 마십시오.',
        en: 'Anyone who has this link can see this order. Please do not share it.',
      }),
    ),
  );
}

const isMoving = () => ['PENDING', 'PAYING', 'UNKNOWN'].includes(order?.state);

async function readTickets() {
  const answer = await call(`${byLink}/tickets`);
  if (answer.kind === 'done') tickets = answer.body.items;
}

/** Polls until nothing that this page shows can change any more. */
async function follow() {
  let lastText = '';
  for (let waitMs = 2000; ; waitMs = Math.min(waitMs * 2, 30_000)) {
    const answer = document.hidden ? null : await call(byLink);
    if (answer?.kind === 'done') [order, fault] = [answer.body, null];
    if (answer?.kind === 'silent') fault = 'silent';
    if (answer?.kind === 'refused') fault = answer.body.retryable ? 'busy' : 'absent';
    if (hasTickets() && tickets === null) await readTickets();
    const text = JSON.stringify([order, fault, tickets]);
    if (text !== lastText) draw();
    lastText = text;
    const isComplete = !isMoving() && (!hasTickets() || tickets !== null);
    if (fault === 'absent' || (fault === null && order !== null && isComplete)) return;
    await sleep(waitMs);
  }
}

startPage({ ko: '예매 내역 · Usher', en: 'Your order · Usher' }, draw);
void follow();
