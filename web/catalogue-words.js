/** Names of sale states and show categories, for readers. */
export const states = {
  ON_SALE: { mark: 'go', words: { ko: '예매 중', en: 'On sale' } },
  UPCOMING: { mark: 'wait', words: { ko: '예매 예정', en: 'Opens soon' } },
  SOLD_OUT: { mark: 'stop', words: { ko: '매진', en: 'Sold out' } },
  CLOSED: { mark: '', words: { ko: '예매 종료', en: 'Closed' } },
};

export const categories = {
  MUSICAL: { ko: '뮤지컬', en: 'Musical' },
  CONCERT: { ko: '콘서트', en: 'Concert' },
  PLAY: { ko: '연극', en: 'Play' },
  CLASSIC: { ko: '클래식', en: 'Classical' },
  EXHIBITION: { ko: '전시', en: 'Exhibition' },
};
