import type { Category } from '@usher/domain/categories.ts';
import type { FeeLadder } from '@usher/domain/fee-ladder.ts';
import type { Money } from '@usher/domain/money.ts';
import type { PaintRule } from '@usher/domain/painting.ts';
import type { LocalText } from '@usher/domain/text.ts';
import type { Run } from './calendar.ts';
import type { DemoVenueKey } from './venues.ts';

export type DemoShow = {
  /** Stable across runs of the seed; also names the poster. */
  key: string;
  venue: DemoVenueKey;
  category: Category;
  title: LocalText;
  synopsis: LocalText;
  runningTimeMinutes: number;
  ageLimit: number;
  ladder: FeeLadder['preset'];
  refusesStranding: boolean;
  /** Every grade of the venue's plan. */
  grades: { code?: string; name: LocalText; price: Money }[];
  /** How they are painted over what the plan suggests. */
  rules: readonly PaintRule[];
  saleOpensAtMs: number;
  saleClosesAtMs: number;
  /** Starts of the performances, ascending. */
  startsAtMs: number[];
  /** All seats of all performances are sold from the beginning. */
  isSoldOut: boolean;
  /** Its buyers come through a waiting room. */
  hasRoom: boolean;
};

/** When a sale opens: in this many minutes, or this many days from today at an hour in Seoul. */
export type SaleOpening = { inMinutes: number } | { days: number; hour: number };

/** A show as it is written down, without dates. */
export type ShowPlan = Pick<
  DemoShow,
  'key' | 'venue' | 'category' | 'title' | 'synopsis' | 'runningTimeMinutes' | 'ageLimit'
> & {
  /** Whole won by grade code. */
  prices: Readonly<Record<string, number>>;
  opens: SaleOpening;
  run: Run;
} & Partial<Pick<DemoShow, 'grades' | 'rules' | 'ladder' | 'refusesStranding' | 'isSoldOut'>>;
