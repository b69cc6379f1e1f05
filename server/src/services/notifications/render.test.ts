import { won } from '@usher/domain/money.ts';
import { describe, expect, test } from 'vitest';
import {
  composeCodeMail,
  composeOrderMail,
  composeSaleOpened,
  escapeHtml,
  type MailedOrder,
  renderOutbox,
  renderOutboxMail,
} from './render.ts';
import type { WrittenMail } from './store.ts';

const seatOf = (label: string) => ({
  seat: {
    section: { ko: '나구역', en: 'Block B' },
    row: '12',
    label,
    mark: null,
    gradeName: { ko: 'VIP석', en: 'VIP' },
  },
  price: won(150_000),
  bookingFee: won(2000),
});
const order: MailedOrder = {
  id: 'ord_01jd8zk3v7q2m4x6t9w1y5b0ce',
  showTitle: { ko: '오페라의 유령', en: 'The Phantom' },
  venueName: { ko: '한강 아레나', en: 'Hangang Arena' },
  startsAt: '2026-12-24T10:30:00.000Z',
  timeZone: 'Asia/Seoul',
  items: [seatOf('34'), seatOf('35')],
  total: won(304_000),
};
const minji = { name: '김민지', locale: 'ko' } as const;
const jane = { name: 'Jane', locale: 'en' } as const;
const url = 'https://tickets.example.com/o/ord_1.mac';
const evil = `<img src=x onerror="a('b')">&\r\nBcc: all@example.com`;

describe('the mail of a paid order', () => {
  test('says in Korean what was bought, for how much, and when it starts at the venue', () => {
    const { subject, text } = composeOrderMail('paid', order, minji, url);
    expect(subject).toBe('[Usher] 예매가 완료되었습니다: 오페라의 유령');
    for (const part of [
      '김민지 님,',
      '일시: 2026년 12월 24일 목요일 오후 7:30',
      '좌석: VIP석 나구역 12열 34번 · 150,000원',
      '좌석: VIP석 나구역 12열 35번 · 150,000원',
      '예매 수수료: 4,000원',
      '합계: 304,000원',
      url,
    ])
      expect(text).toContain(part);
  });

  test('is in English for an account that reads English', () => {
    const { subject, text } = composeOrderMail('paid', order, jane, url);
    expect(subject).toBe('[Usher] Your tickets: The Phantom');
    expect(text).toMatch(/When: Thursday,? 24 December 2026 at 19:30/);
    expect(text).toContain('Seat: VIP Block B row 12, seat 34 · ₩150,000');
    expect(text).toContain('Total: ₩304,000');
    expect(text).not.toMatch(/[가-힣]/);
  });

  test('shows the label and the mark of a seat in both languages', () => {
    const [first] = order.items;
    const seat = { ...seatOf('A12').seat, mark: 'RESTRICTED_VIEW' as const };
    const marked = { ...order, items: [{ ...seatOf('A12'), ...first, seat }] };
    expect(composeOrderMail('paid', marked, minji, url).text).toContain(
      'VIP석 나구역 12열 A12번 (시야제한석)',
    );
    expect(composeOrderMail('paid', marked, jane, url).text).toContain(
      'VIP Block B row 12, seat A12 (Restricted view)',
    );
  });

  test('has the same facts in its text and HTML parts', () => {
    const { html } = composeOrderMail('paid', order, minji, url);
    for (const part of ['김민지 님,', '12열 35번', '304,000원', order.id, `href="${url}"`])
      expect(html).toContain(part);
  });
});

test('the mail of a failed payment says what it means for money and seats', () => {
  expect(composeOrderMail('failed', order, minji, url).text).toContain('청구된 금액은 없습니다');
  expect(composeOrderMail('failed', order, jane, url).text).toContain('You were not charged');
});

test('the mail of an unknown outcome says that seats stay reserved without any action', () => {
  expect(composeOrderMail('unknown', order, minji, url).text).toContain('하실 일은 없습니다');
  const { text } = composeOrderMail('unknown', order, jane, url);
  expect(text).toContain('Your seats stay reserved, and there is nothing you need to do');
});

describe('a mail about a sale that opens', () => {
  const urls = {
    url: 'https://tickets.example.com/shows/s',
    stopUrl: 'https://x.example/stop?a&b',
  };
  const show = { title: order.showTitle, venueName: order.venueName };

  test('has an address that stops such mails, in both parts and both languages', () => {
    const korean = composeSaleOpened(show, minji, urls);
    const english = composeSaleOpened(show, jane, urls);
    expect(korean.text).toContain(`예매 시작 메일 그만 받기: ${urls.stopUrl}`);
    expect(english.text).toContain(`Stop mails about sales that open: ${urls.stopUrl}`);
    for (const { html } of [korean, english])
      expect(html).toContain('href="https://x.example/stop?a&amp;b"');
  });
});

describe('a name that people chose', () => {
  const named: MailedOrder = {
    ...order,
    showTitle: { ko: evil, en: evil },
    venueName: { ko: evil, en: evil },
    items: [{ ...seatOf('A1'), seat: { ...seatOf('A1').seat, section: { ko: evil, en: evil } } }],
  };
  const mails = [
    composeOrderMail('paid', named, { name: evil, locale: 'ko' }, url),
    composeOrderMail('unknown', named, { name: evil, locale: 'en' }, url),
    composeSaleOpened(
      { title: named.showTitle, venueName: named.venueName },
      { name: evil, locale: 'en' },
      { url: `${url}"><script>`, stopUrl: `${url}"><script>` },
    ),
  ];

  test('is text in the HTML part, never markup', () => {
    for (const { html } of mails) {
      expect(html).toContain('&lt;img src=x onerror=&quot;a(&#39;b&#39;)&quot;&gt;&amp;');
      expect(html).not.toMatch(/<(?:img|script)/);
      expect(html).not.toMatch(/href="[^"]*"[^ >]/);
    }
  });

  test('never starts a new line, in either part or in the subject', () => {
    for (const { subject, text } of mails) {
      expect(subject).not.toMatch(/[\r\n]/);
      expect(text).not.toMatch(/^Bcc:/m);
    }
  });
});

describe('the outbox pages', () => {
  const mail: WrittenMail = {
    id: 'mail_01jd8zk3v7q2m4x6t9w1y5b0ce',
    kind: 'order-paid',
    aboutId: order.id,
    recipientId: 'acc_01jd8zk3v7q2m4x6t9w1y5b0ce',
    tries: 1,
    state: 'SENT',
    to: '"><script>@example.com',
    subject: `"><script>alert(1)</script>`,
    text: '</pre><script>alert(2)</script>',
    html: '<p>"Hello" & <a href="https://example.com">welcome</a></p>',
    reason: '<script>',
    writtenAt: new Date('2026-11-01T00:00:00.000Z'),
    sentAt: null,
    givenUpAt: null,
  };

  test('show a mail’s parts as text and in a frame that runs no scripts', () => {
    for (const page of [renderOutbox([mail], '/data/<script>'), renderOutboxMail(mail, '/data')])
      expect(page).not.toMatch(/<script/);
    const frame = /<iframe sandbox="([^"]*)"[^>]*srcdoc="([^"]*)"/.exec(
      renderOutboxMail(mail, '/d'),
    );
    expect(frame?.[1]).toBe('allow-popups allow-popups-to-escape-sandbox');
    expect(frame?.[2]).toBe(escapeHtml(mail.html));
  });

  test('show a mail that could not be composed, without a page for it', () => {
    const broken = { ...mail, to: null, subject: null, text: null, html: null };
    const page = renderOutbox([{ ...broken, state: 'WAITING', reason: 'no font' }], '/data');
    expect(page).toContain('order-paid (not composed)');
    expect(page).toContain('waiting: no font');
    expect(page).not.toContain(`/outbox/${mail.id}`);
  });

  test('say so if there is no mail', () => {
    expect(renderOutbox([], '/data')).toContain('No mail has been written yet');
  });
});

describe('the mail of a code', () => {
  const code = {
    email: 'minji@example.com',
    code: '7kq2m-9txvd',
    purpose: 'reset',
    endsAt: '2026-12-24T10:30:00.000Z',
  } as const;

  test.each([minji, jane])('shows the code in the language of $locale, and no name', (reader) => {
    const { subject, text, html } = composeCodeMail(code, reader, 'https://tickets.example.com');
    for (const part of [subject, text, html]) {
      expect(part).toContain('7kq2m-9txvd');
      expect(part).not.toContain(reader.name);
    }
    expect(/[가-힣]/.test(text)).toBe(reader.locale === 'ko');
  });

  test('says what the code does', () => {
    const says = (purpose: 'confirm' | 'change' | 'reset') =>
      composeCodeMail({ ...code, purpose }, jane, 'https://tickets.example.com').text;
    expect(says('confirm')).toContain('confirm this address');
    expect(says('change')).toContain('make this the address of your account');
    expect(says('reset')).toContain('set a new password');
  });
});
