import { type SeatMark, seatMarks } from '@usher/domain/layout.ts';
import type { Money } from '@usher/domain/money.ts';
import { addMoney, formatMoney } from '@usher/domain/money.ts';
import type { Locale, LocalText } from '@usher/domain/text.ts';
import { formatStart, oneLine } from '../tickets/index.ts';
import type { ListedMail, WrittenMail } from './store.ts';

/** What a mail says about an order: the part of the contract's order that it needs. */
export type MailedOrder = {
  readonly id: string;
  readonly showTitle: LocalText;
  readonly venueName: LocalText;
  readonly startsAt: string;
  readonly timeZone: string;
  readonly items: readonly {
    readonly seat: {
      readonly section: LocalText;
      readonly row: string;
      readonly label: string;
      readonly mark: SeatMark | null;
      readonly gradeName: LocalText;
    };
    readonly price: Money;
    readonly bookingFee: Money;
  }[];
  readonly total: Money;
};
export type Reader = { readonly name: string; readonly locale: Locale };
/** What a mail with a code needs of it. */
export type MailedCode = {
  readonly email: string;
  readonly code: string;
  readonly purpose: 'confirm' | 'change' | 'reset';
  readonly endsAt: string;
};
export type ComposedMail = {
  readonly subject: string;
  readonly text: string;
  readonly html: string;
};

/** A mail before it is rendered as text or HTML. Everything in it is plain text. */
type Content = {
  locale: Locale;
  subject: string;
  greeting: string;
  says: readonly string[];
  facts: readonly (readonly [label: string, value: string])[];
  link: { label: string; url: string };
  note: string;
  /** An address that stops mails of this kind. */
  stop?: { label: string; url: string };
};

const words = {
  ko: {
    greeting: (name: string) => `${name} 님,`,
    show: '공연',
    when: '일시',
    where: '장소',
    seat: '좌석',
    fee: '예매 수수료',
    total: '합계',
    order: '예매 번호',
    seatAt: (row: string, label: string) => `${row}열 ${label}번`,
    openOrder: '예매 내역 보기',
    openShow: '공연 보기',
    secret:
      '이 주소를 아는 사람은 누구나 예매 내역을 볼 수 있습니다. 다른 사람에게 전달하지 마세요.',
    paid: {
      subject: '예매가 완료되었습니다',
      says: [
        '결제가 확인되어 예매가 완료되었습니다.',
        '입장권(PDF)과 일정(ICS)을 첨부했습니다. 입장할 때 입장권의 QR 코드를 보여 주세요.',
      ],
    },
    failed: {
      subject: '결제가 이루어지지 않았습니다',
      says: [
        '결제가 이루어지지 않아 예매가 완료되지 않았습니다. 청구된 금액은 없습니다.',
        '좌석을 잡아 둔 시간이 남아 있으면 다른 결제 수단으로 다시 예매할 수 있습니다. 시간이 지났다면 좌석을 다시 골라 주세요.',
      ],
    },
    unknown: {
      subject: '결제 결과를 확인하고 있습니다',
      says: [
        '결제 결과가 아직 도착하지 않아 확인하고 있습니다.',
        '좌석은 그대로 고객님의 것이며, 하실 일은 없습니다. 다시 결제하지 마세요. 결과가 확인되는 대로 메일로 알려 드립니다.',
      ],
    },
    code: {
      greeting: '안녕하세요,',
      label: '코드',
      open: 'Usher 열기',
      until: '이 코드는 한 시간 동안 한 번만 쓸 수 있습니다.',
      note: '요청하신 적이 없다면 이 메일을 무시하세요. 코드를 다른 사람에게 알려 주지 마세요.',
      confirm: {
        subject: '이메일 주소 확인 코드',
        says: '아래 코드를 입력하면 이 주소가 확인됩니다.',
      },
      change: {
        subject: '새 이메일 주소 확인 코드',
        says: '아래 코드를 입력하면 계정의 이메일 주소가 이 주소로 바뀝니다.',
      },
      reset: {
        subject: '새 비밀번호 설정 코드',
        says: '아래 코드를 입력하면 새 비밀번호를 정할 수 있습니다.',
      },
    },
    opened: {
      subject: '예매가 시작되었습니다',
      says: ['관심 공연의 예매가 시작되었습니다.'],
      note: '관심 공연으로 등록하셔서 보내 드립니다.',
      stop: '예매 시작 메일 그만 받기',
    },
  },
  en: {
    greeting: (name: string) => `Dear ${name},`,
    show: 'Show',
    when: 'When',
    where: 'Where',
    seat: 'Seat',
    fee: 'Booking fee',
    total: 'Total',
    order: 'Order',
    seatAt: (row: string, label: string) => `row ${row}, seat ${label}`,
    openOrder: 'See your order',
    openShow: 'See the show',
    secret: 'Anyone who has this link can see your order. Please do not share it.',
    paid: {
      subject: 'Your tickets',
      says: [
        'Your payment is confirmed and the seats are yours.',
        'Your tickets (PDF) and a calendar entry (ICS) are attached.',
        'Show the QR code on the ticket at the door.',
      ],
    },
    failed: {
      subject: 'Your payment did not go through',
      says: [
        'Your payment was not completed, so your order is not confirmed. You were not charged.',
        'Until your hold on the seats expires, you can order again and pay in another way.',
        'After that, please choose your seats again.',
      ],
    },
    unknown: {
      subject: 'We are checking your payment',
      says: [
        'We have not received the result of your payment yet and are checking it.',
        'Your seats stay reserved, and there is nothing you need to do. Please do not pay again.',
        'We will send you a mail as soon as we know.',
      ],
    },
    code: {
      greeting: 'Hello,',
      label: 'Code',
      open: 'Open Usher',
      until: 'The code can be used once, within an hour.',
      note: 'If you did not ask for this, ignore this mail. Do not give the code to anybody.',
      confirm: {
        subject: 'Code to confirm your e-mail address',
        says: 'Enter this code to confirm this address.',
      },
      change: {
        subject: 'Code to confirm your new e-mail address',
        says: 'Enter this code to make this the address of your account.',
      },
      reset: {
        subject: 'Code to set a new password',
        says: 'Enter this code to set a new password.',
      },
    },
    opened: {
      subject: 'Tickets are on sale',
      says: ['Tickets for a show that you like are on sale now.'],
      note: 'You receive this mail because you like the show.',
      stop: 'Stop mails about sales that open',
    },
  },
} as const;

/** What a mail is about; `url` is a link to our site. */
export type Letter = {
  readonly reader: Reader;
  readonly url: string;
} & (
  | {
      readonly about: 'order';
      readonly kind: 'paid' | 'failed' | 'unknown';
      readonly order: MailedOrder;
    }
  | { readonly about: 'show'; readonly show: OpenedShow; readonly stopUrl: string }
  | { readonly about: 'code'; readonly code: MailedCode }
);
type OpenedShow = { readonly title: LocalText; readonly venueName: LocalText };

export const composeLetter = (letter: Letter): ComposedMail => {
  const { reader, url } = letter;
  switch (letter.about) {
    case 'order':
      return composeOrderMail(letter.kind, letter.order, reader, url);
    case 'show':
      return composeSaleOpened(letter.show, reader, { url, stopUrl: letter.stopUrl });
    case 'code':
      return composeCodeMail(letter.code, reader, url);
  }
};

/** A link to our site, in both parts; `escapeHtml` makes it safe in the HTML part. */
export const composeOrderMail = (
  kind: 'paid' | 'failed' | 'unknown',
  order: MailedOrder,
  reader: Reader,
  url: string,
): ComposedMail => {
  const { locale, name } = reader;
  const say = words[locale];
  const title = order.showTitle[locale];
  const seats = order.items.map(({ seat, price }) => {
    const at = say.seatAt(seat.row, seat.label);
    const place = `${seat.gradeName[locale]} ${seat.section[locale]} ${at}`;
    const mark = seat.mark === null ? '' : ` (${seatMarks[seat.mark][locale]})`;
    return [say.seat, `${place}${mark} · ${formatMoney(price, locale)}`] as const;
  });
  const fee = addMoney(...order.items.map(({ bookingFee }) => bookingFee));
  return compose({
    locale,
    subject: `${say[kind].subject}: ${title}`,
    greeting: say.greeting(name),
    says: say[kind].says,
    facts: [
      [say.show, title],
      [say.when, formatStart(order.startsAt, order.timeZone, locale)],
      [say.where, order.venueName[locale]],
      ...seats,
      [say.fee, formatMoney(fee, locale)],
      [say.total, formatMoney(order.total, locale)],
      [say.order, order.id],
    ],
    link: { label: say.openOrder, url },
    note: say.secret,
  });
};

export const composeSaleOpened = (
  show: OpenedShow,
  reader: Reader,
  urls: { readonly url: string; readonly stopUrl: string },
): ComposedMail => {
  const { locale, name } = reader;
  const say = words[locale];
  return compose({
    locale,
    subject: `${say.opened.subject}: ${show.title[locale]}`,
    greeting: say.greeting(name),
    says: say.opened.says,
    facts: [
      [say.show, show.title[locale]],
      [say.where, show.venueName[locale]],
    ],
    link: { label: say.openShow, url: urls.url },
    note: say.opened.note,
    stop: { label: say.opened.stop, url: urls.stopUrl },
  });
};

/** Without the reader's name: the person who signed up chose it, and may not be the reader. */
export const composeCodeMail = (code: MailedCode, reader: Reader, url: string): ComposedMail => {
  const { locale } = reader;
  const say = words[locale];
  const what = say.code[code.purpose];
  return compose({
    locale,
    subject: `${what.subject}: ${code.code}`,
    greeting: say.code.greeting,
    says: [what.says, say.code.until],
    facts: [[say.code.label, code.code]],
    link: { label: say.code.open, url },
    note: say.code.note,
  });
};

const compose = (content: Content): ComposedMail => {
  const facts = content.facts.map(([label, value]) => [label, oneLine(value)] as const);
  const clean = { ...content, greeting: oneLine(content.greeting), facts };
  return {
    subject: `[Usher] ${oneLine(content.subject)}`,
    text: textOf(clean),
    html: htmlOf(clean),
  };
};

const textOf = ({ greeting, says, facts, link, note, stop }: Content): string =>
  [
    greeting,
    ...says,
    facts.map(([label, value]) => `${label}: ${value}`).join('\n'),
    `${link.label}: ${link.url}`,
    note,
    ...(stop === undefined ? [] : [`${stop.label}: ${stop.url}`]),
    'Usher',
  ].join('\n\n');

const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
export const escapeHtml = (text: string): string =>
  text.replace(/[&<>"']/g, (sign) => escapes[sign] ?? '');

const htmlOf = (content: Content): string => {
  const { locale, subject, greeting, says, facts, link, note, stop } = content;
  const rows = facts.map(
    ([label, value]) =>
      '<tr><td style="padding:6px 16px 6px 0;color:#6b6f7a;white-space:nowrap" valign="top">' +
      `${escapeHtml(label)}</td><td style="padding:6px 0">${escapeHtml(value)}</td></tr>`,
  );
  const paragraphs = [greeting, ...says].map(
    (text) => `<p style="margin:0 0 12px">${escapeHtml(text)}</p>`,
  );
  const stopLink =
    stop === undefined
      ? ''
      : `<br><a href="${escapeHtml(stop.url)}" style="color:#6b6f7a" target="_blank" \
rel="noopener">${escapeHtml(stop.label)}</a>`;
  return `<!doctype html>
<html lang="${locale}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escapeHtml(oneLine(subject))}</title></head>
<body style="margin:0;background:#f5f6f8;color:#17181c;font:15px/1.6 Pretendard,-apple-system,\
'Apple SD Gothic Neo','Noto Sans KR','Malgun Gothic',sans-serif">
<div style="max-width:560px;margin:0 auto;padding:24px 16px">
<div style="background:#fff;border-radius:8px;padding:28px 24px">
<p style="margin:0 0 20px;font-size:18px;font-weight:700">Usher</p>
${paragraphs.join('\n')}
<table role="presentation" style="border-collapse:collapse;margin:8px 0 20px;width:100%">
${rows.join('\n')}
</table>
<p style="margin:0 0 20px"><a href="${escapeHtml(link.url)}" target="_blank" rel="noopener" \
style="display:inline-block;background:#17181c;color:#fff;text-decoration:none;border-radius:6px;\
padding:10px 18px">${escapeHtml(link.label)}</a></p>
<p style="margin:0;color:#6b6f7a;font-size:13px">${escapeHtml(note)}${stopLink}</p>
</div></div></body></html>
`;
};

const pageOf = (title: string, body: string): string => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escapeHtml(title)}</title><style>
body{margin:0 auto;max-width:960px;padding:24px 16px;font:15px/1.5 system-ui,sans-serif;\
color:#17181c;background:#f5f6f8}
a{color:#1f4471}h1{font-size:20px}table{border-collapse:collapse;width:100%;background:#fff}
th,td{text-align:left;padding:8px 12px;border-bottom:1px solid #d9dbe1;vertical-align:top}
iframe{width:100%;height:640px;border:1px solid #d9dbe1;background:#fff}
pre{white-space:pre-wrap;overflow-wrap:anywhere;background:#fff;padding:16px}
</style></head><body><h1>${escapeHtml(title)}</h1>
${body}
</body></html>
`;

const statusOf = ({ sentAt, givenUpAt, reason, state }: ListedMail): string => {
  if (sentAt !== null) return `written to the folder ${sentAt.toISOString()}`;
  if (givenUpAt !== null) return `given up ${givenUpAt.toISOString()}: ${reason}`;
  return reason === null ? state.toLowerCase() : `${state.toLowerCase()}: ${reason}`;
};

/** A mail that could not be composed has no page. */
const linkMail = ({ id, kind, subject }: ListedMail): string =>
  subject === null
    ? `${kind} (not composed)`
    : `<a href="/outbox/${id}">${escapeHtml(subject)}</a>`;

/** The mails that would have been sent, for people who try the program out. */
export const renderOutbox = (mails: readonly ListedMail[], folder: string): string => {
  const rows = mails.map(
    (mail) =>
      `<tr><td>${mail.writtenAt.toISOString()}</td><td>${escapeHtml(mail.to ?? '')}</td>` +
      `<td>${linkMail(mail)}</td>` +
      `<td>${escapeHtml(statusOf(mail))}</td></tr>`,
  );
  const table = `<table><tr><th>Written</th><th>To</th><th>Subject</th><th>State</th></tr>
${rows.join('\n')}</table>`;
  const about = `<p>No SMTP server is set (SMTP_URL): mails are kept in ${escapeHtml(folder)}.</p>`;
  const none = '<p>No mail has been written yet.</p>';
  return pageOf('Outbox', `${about}\n${mails.length === 0 ? none : table}`);
};

/** The HTML part is in a sandboxed frame without scripts; its links open in a new tab. */
export const renderOutboxMail = (mail: WrittenMail, folder: string): string =>
  pageOf(
    mail.subject,
    `<p><a href="/outbox">Outbox</a></p>
<table><tr><th>To</th><td>${escapeHtml(mail.to)}</td></tr>
<tr><th>Written</th><td>${mail.writtenAt.toISOString()}</td></tr>
<tr><th>State</th><td>${escapeHtml(statusOf(mail))}</td></tr>
<tr><th>File</th><td>${escapeHtml(`${folder}/${mail.id}.eml`)}</td></tr></table>
<h2>HTML part</h2>
<iframe sandbox="allow-popups allow-popups-to-escape-sandbox" title="HTML part" \
srcdoc="${escapeHtml(mail.html)}"></iframe>
<h2>Text part</h2>
<pre>${escapeHtml(mail.text)}</pre>`,
  );

export const renderNoSuchMail = (): string =>
  pageOf('No such mail', '<p><a href="/outbox">Outbox</a></p>');

const openingWords = {
  sent: {
    ko: '관심 공연의 예매가 시작되면 메일로 알려 드리고 있습니다.',
    en: 'You receive a mail when the sale of a show that you like opens.',
    action: 'stop',
    button: '그만 받기 / Stop these mails',
  },
  stopped: {
    ko: '예매 시작 메일을 더 보내지 않습니다. 예매하신 공연의 메일은 그대로 보내 드립니다.',
    en: 'You receive no more mails about sales that open. Mails about your orders are still sent.',
    action: 'start',
    button: '다시 받기 / Receive them again',
  },
} as const;

/** Opening the address changes nothing, because mail programs open addresses to check them. */
export const renderOpeningMails = (state: 'sent' | 'stopped', token: string): string => {
  const { ko, en, action, button } = openingWords[state];
  return pageOf(
    '예매 시작 메일 / Mails about sales',
    `<p lang="ko">${ko}</p><p>${en}</p>
<form method="post" action="/mails/openings/${encodeURIComponent(token)}/${action}">
<button>${button}</button></form>`,
  );
};

export const renderNoSuchAddress = (): string =>
  pageOf(
    '없는 주소 / No such address',
    '<p lang="ko">주소가 잘렸을 수 있습니다. 메일의 링크를 통째로 열어 주세요.</p>' +
      '<p>The address may be incomplete. Please open the full link from your mail.</p>',
  );

export const renderTooMany = (): string =>
  pageOf(
    '잠시 후 다시 / One moment',
    '<p lang="ko">요청이 많습니다. 잠시 후 다시 열어 주세요.</p>' +
      '<p>There are many requests. Please try again in a minute.</p>',
  );
