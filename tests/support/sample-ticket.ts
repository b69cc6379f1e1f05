import type { PrintedTicket } from '../../server/src/services/tickets/render.ts';

/** A ticket as it is printed, with Korean and English names; for tests. */
export const sampleTicket: PrintedTicket = {
  id: 'tkt_01jd8zk3v7q2m4x6t9w1y5b0ce',
  orderId: 'ord_01jd8zk3v7q2m4x6t9w1y5b0ce',
  performanceId: 'perf_01jd8zk3v7q2m4x6t9w1y5b0ce',
  state: 'LIVE',
  code: 'U1.01JD8ZK3V7Q2M4X6T9W1Y5B0CE0123456789ABCDEFGHIJKLMNOP',
  category: 'MUSICAL',
  showTitle: { ko: '오페라의 유령', en: 'The Phantom' },
  venueName: { ko: '한강 아레나', en: 'Hangang Arena, Seoul' },
  venueAddress: { ko: '서울 용산구 강변로 1', en: '1 Riverside Road, Seoul' },
  buyerName: null,
  startsAt: '2026-12-24T10:30:00.000Z',
  timeZone: 'Asia/Seoul',
  round: 3,
  seat: {
    seatNo: 7,
    section: { ko: '나구역', en: 'Block B' },
    row: '12',
    label: '34',
    mark: null,
    grade: 'VIP',
    gradeName: { ko: 'VIP석', en: 'VIP' },
  },
  price: { amount: 150_000, currency: 'KRW' },
  issuedAt: '2026-11-01T00:00:00.000Z',
};
