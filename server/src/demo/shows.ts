import { won } from '@usher/domain/money.ts';
import type { LocalText } from '@usher/domain/text.ts';
import { seoulTime, startsOf } from './calendar.ts';
import { showList } from './show-list.ts';
import type { DemoShow } from './show-types.ts';
import type { DemoVenueKey } from './venues.ts';

/** Invented shows around `nowMs`: one opens its sale in five minutes, one is sold out. */
export const demoShows = (nowMs: number): DemoShow[] =>
  showList.map(({ prices, opens, run, grades, ...show }) => {
    const startsAtMs = startsOf(nowMs, run);
    return {
      ladder: 'operator',
      refusesStranding: false,
      isSoldOut: false,
      hasRoom: 'inMinutes' in opens,
      rules: [],
      ...show,
      grades:
        grades ??
        Object.entries(prices).map(([code, price]) => ({
          code,
          name: gradeName(code, show.venue),
          price: won(price),
        })),
      saleOpensAtMs:
        'inMinutes' in opens
          ? nowMs + opens.inMinutes * 60_000
          : seoulTime(nowMs, opens.days, opens.hour),
      saleClosesAtMs: startsAtMs.at(-1) ?? nowMs,
      startsAtMs,
    };
  });

const gradeName = (code: string, venue: DemoVenueKey): LocalText => {
  if (venue === 'media-hall') return { ko: '일반석', en: 'General' };
  return { ko: `${code}석`, en: code };
};
