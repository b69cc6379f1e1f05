import { createHash } from 'node:crypto';
import { type ErrorCode, errorMessage } from './errors.ts';
import type { Method, Payment, Status } from './payment.ts';
import { amountsAfter, seoulTime } from './payment-json.ts';

export type Language = 'ko' | 'en';

const words = {
  ko: {
    title: '샌드박스 결제',
    banner: '샌드박스 · 실제 돈은 오가지 않습니다',
    bannerMore: '연습용 결제창입니다. 카드 정보를 묻지 않으며 아무것도 청구되지 않습니다.',
    amount: '결제 금액',
    order: '주문번호',
    buyer: '주문자',
    method: '결제 수단',
    outcome: '시험: 승인할 때 카드사의 응답',
    chance: '설정대로',
    approve: '승인',
    decline: '거절',
    timeout: '승인되지만 응답이 오지 않음',
    lost: '요청이 사라지고 응답도 오지 않음',
    pay: (amount: string) => `${amount} 결제하기`,
    reject: '카드사 거절로 끝내기',
    cancel: '취소하고 돌아가기',
    other: 'English',
    receipt: '영수증 (샌드박스)',
    status: '상태',
    left: '남은 금액',
    at: '승인 시각',
    wrong: '결제창을 열 수 없습니다',
    wrongMore: '청구된 것은 없습니다. 상점으로 돌아가 다시 시도해 주세요.',
  },
  en: {
    title: 'Sandbox payment',
    banner: 'Sandbox · no money moves',
    bannerMore: 'This is a test checkout. It asks for no card details and charges nothing.',
    amount: 'Amount',
    order: 'Order number',
    buyer: 'Buyer',
    method: 'Payment method',
    outcome: 'Test: the card company’s response to the confirmation',
    chance: 'As configured',
    approve: 'Approve',
    decline: 'Decline',
    timeout: 'Charge, but never respond',
    lost: 'Lose the request and never respond',
    pay: (amount: string) => `Pay ${amount}`,
    reject: 'Finish as declined by the card company',
    cancel: 'Cancel and go back',
    other: '한국어',
    receipt: 'Receipt (sandbox)',
    status: 'Status',
    left: 'Remaining',
    at: 'Approved at',
    wrong: 'The checkout could not be opened',
    wrongMore: 'Nothing was charged. Go back to the shop and try again.',
  },
} as const;

const methodWords: Record<Method, { ko: string; en: string }> = {
  CARD: { ko: '카드', en: 'Card' },
  EASY_PAY: { ko: '간편결제', en: 'Easy pay' },
  TRANSFER: { ko: '계좌이체', en: 'Transfer' },
  VIRTUAL_ACCOUNT: { ko: '가상계좌', en: 'Virtual account' },
};

const statusWords: Record<Status, { ko: string; en: string }> = {
  READY: { ko: '결제 전', en: 'Not paid yet' },
  IN_PROGRESS: { ko: '승인 대기', en: 'Waiting for confirmation' },
  WAITING_FOR_DEPOSIT: { ko: '입금 대기', en: 'Waiting for the deposit' },
  DONE: { ko: '결제 완료', en: 'Paid' },
  CANCELED: { ko: '취소됨', en: 'Cancelled' },
  PARTIAL_CANCELED: { ko: '부분 취소됨', en: 'Partially cancelled' },
  ABORTED: { ko: '승인 실패', en: 'Declined' },
  EXPIRED: { ko: '시간 초과', en: 'Expired' },
};

const style = `
:root{color-scheme:light dark;--ink:#1b2430;--soft:#5c6876;--line:#dfe4ea;--page:#f3f5f8;
--card:#fff;--go:#1f5eff;--go-ink:#fff;--note:#fff6dc;--note-ink:#5a4300;--note-line:#ecd48a}
@media(prefers-color-scheme:dark){:root{--ink:#e8edf3;--soft:#9aa7b6;--line:#2c3643;--page:#0e1318;
--card:#171e26;--go:#4d82ff;--go-ink:#0b1220;--note:#2c2611;--note-ink:#f1dc9b;--note-line:#54481f}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.5 system-ui,-apple-system,
"Apple SD Gothic Neo","Noto Sans KR","NanumGothic",sans-serif;word-break:keep-all}
main{max-width:440px;margin:0 auto;padding:16px 16px 40px}
@media(min-width:600px){main{padding-top:48px}}
.note{background:var(--note);color:var(--note-ink);border:1px solid var(--note-line);
border-radius:12px;padding:12px 16px;margin:0 0 16px}
.note strong{display:block}
.note span{font-size:14px}
.card{background:var(--card);border:1px solid var(--line);border-radius:16px;padding:20px}
h1{font-size:18px;line-height:1.4;margin:0;overflow-wrap:anywhere}
.amount{font-size:32px;font-weight:700;letter-spacing:-.02em;margin:4px 0 16px;
font-variant-numeric:tabular-nums}
dl{margin:0;display:grid;grid-template-columns:auto 1fr;gap:4px 12px;font-size:13px}
dt{color:var(--soft);white-space:nowrap}
dd{margin:0;text-align:right;overflow-wrap:anywhere}
fieldset{border:0;margin:20px 0 0;padding:0;min-width:0}
legend,summary{padding:0;font-size:14px;color:var(--soft)}
.options{display:grid;gap:8px;margin-top:8px}
.options.row{grid-template-columns:repeat(3,1fr)}
.options label{display:flex;align-items:center;gap:10px;min-height:48px;padding:8px 12px;
border:1px solid var(--line);border-radius:12px;cursor:pointer}
.options.row label{justify-content:center;text-align:center;font-size:15px;padding:8px 4px}
.options.row input{position:absolute;opacity:0;width:1px;height:1px}
.options label:has(input:checked){border-color:var(--go);box-shadow:inset 0 0 0 1px var(--go)}
.options label:has(input:focus-visible),button:focus-visible,a:focus-visible,
summary:focus-visible{outline:3px solid var(--go);outline-offset:2px}
input{accent-color:var(--go);margin:0;flex:none;width:18px;height:18px}
details{margin-top:20px}
summary{cursor:pointer;padding:6px 0;line-height:1.4}
.buttons{display:grid;gap:8px;margin-top:24px}
button{font:inherit;font-weight:600;min-height:52px;border-radius:12px;border:1px solid var(--line);
background:transparent;color:var(--ink);cursor:pointer;padding:8px 16px}
button.go{background:var(--go);border-color:var(--go);color:var(--go-ink);font-size:17px}
button.quiet{border-color:transparent;color:var(--soft);font-weight:400}
footer{margin-top:16px;text-align:center;font-size:14px}
a{color:inherit}
ul{margin:0;padding-left:20px;font-size:14px;color:var(--soft)}
li{overflow-wrap:anywhere}
`;

const styleHash = createHash('sha256').update(style).digest('base64');

const nothingElse = "default-src 'none'; img-src data:; base-uri 'none'";

export const pageHeaders = {
  'Content-Type': 'text/html; charset=utf-8',
  'Content-Security-Policy': `${nothingElse}; style-src 'sha256-${styleHash}'`,
  'Cross-Origin-Opener-Policy': 'same-origin-allow-popups',
  'Cache-Control': 'no-store',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
};

const escapes: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
const html = (text: string): string => text.replace(/[&<>"']/g, (letter) => escapes[letter]!);

const won = (amount: number): string => `₩${amount.toLocaleString('en-US')}`;

const page = (language: Language, title: string, content: string): string => {
  const say = words[language];
  return `<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${html(title)}</title>
<link rel="icon" href="data:,">
<style>${style}</style>
</head>
<body>
<main>
<p class="note"><strong>${say.banner}</strong><span>${say.bannerMore}</span></p>
${content}
</main>
</body>
</html>
`;
};

const row = (name: string, value: string): string =>
  `<dt>${html(name)}</dt><dd>${html(value)}</dd>`;

const radios = (name: string, options: [value: string, text: string][], checked: string): string =>
  options
    .map(
      ([value, text]) =>
        `<label><input type="radio" name="${name}" value="${value}"` +
        `${value === checked ? ' checked' : ''}><span>${html(text)}</span></label>`,
    )
    .join('');

export const checkoutPage = (payment: Payment, language: Language, otherUrl: string): string => {
  const say = words[language];
  const shown: Method[] =
    payment.method === 'VIRTUAL_ACCOUNT' ? ['VIRTUAL_ACCOUNT'] : ['CARD', 'EASY_PAY', 'TRANSFER'];
  const methodOptions = shown.map((method): [string, string] => [
    method,
    methodWords[method][language],
  ]);
  const outcomes = (['chance', 'approve', 'decline', 'timeout', 'lost'] as const).map(
    (outcome): [string, string] => [outcome, say[outcome]],
  );
  const amount = won(payment.totalAmount);
  return page(
    language,
    `${say.title} · ${payment.orderName}`,
    `<form class="card" method="post" action="/checkout/${payment.paymentKey}?lang=${language}">
<h1>${html(payment.orderName)}</h1>
<p class="amount" aria-label="${say.amount}">${amount}</p>
<dl>${row(say.order, payment.orderId)}${
      payment.customerName === null ? '' : row(say.buyer, payment.customerName)
    }</dl>
<fieldset><legend>${say.method}</legend>
<div class="options row">${radios('method', methodOptions, payment.method)}</div></fieldset>
<details><summary>${say.outcome}</summary>
<div class="options">${radios('outcome', outcomes, 'chance')}</div></details>
<div class="buttons">
<button class="go" name="action" value="pay">${say.pay(amount)}</button>
<button name="action" value="reject">${say.reject}</button>
<button class="quiet" name="action" value="cancel">${say.cancel}</button>
</div>
</form>
<footer><a href="${html(otherUrl)}">${say.other}</a></footer>`,
  );
};

export const receiptPage = (payment: Payment, language: Language): string => {
  const say = words[language];
  const { balance } = amountsAfter(payment, payment.cancels.length);
  const rows = [
    row(say.status, statusWords[payment.status][language]),
    row(say.method, methodWords[payment.method][language]),
    row(say.order, payment.orderId),
    ...(payment.approvedAtMs === null ? [] : [row(say.at, seoulTime(payment.approvedAtMs))]),
    ...(payment.cancels.length === 0 ? [] : [row(say.left, won(balance))]),
  ];
  return page(
    language,
    `${say.receipt} · ${payment.orderName}`,
    `<section class="card"><h1>${html(payment.orderName)}</h1>
<p class="amount">${won(payment.totalAmount)}</p><dl>${rows.join('')}</dl></section>`,
  );
};

/** Why no checkout is shown: the code's message, and the faults that a developer can fix. */
export const noticePage = (language: Language, code: ErrorCode, faults: string[]): string => {
  const say = words[language];
  const list = faults.map((fault) => `<li>${html(fault)}</li>`).join('');
  return page(
    language,
    say.wrong,
    `<section class="card"><h1>${say.wrong}</h1><p>${say.wrongMore}</p>
<p>${html(errorMessage(code, language === 'en'))} (${code})</p>${
      list === '' ? '' : `<ul>${list}</ul>`
    }</section>`,
  );
};
