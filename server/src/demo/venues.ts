import type { LayoutDocument } from '@usher/domain/layout.ts';
import type { LocalText } from '@usher/domain/text.ts';
import { arenaPlan } from './arena.ts';
import { concertHallPlan, mediaHallPlan, studioPlan, theatrePlan } from './houses.ts';

export type DemoVenueKey = 'arena' | 'theatre' | 'concert-hall' | 'studio' | 'media-hall';

export type DemoVenue = {
  key: DemoVenueKey;
  name: LocalText;
  address: LocalText;
  timeZone: string;
  plan: LayoutDocument;
};

type VenueFacts = Pick<DemoVenue, 'name' | 'address'>;

/** Invented houses in an invented district. */
export const venueFacts: Readonly<Record<DemoVenueKey, VenueFacts>> = {
  arena: {
    name: { ko: '물결 아레나', en: 'Mulgyeol Arena' },
    address: { ko: '서울특별시 가온구 물결로 100', en: '100 Mulgyeol-ro, Gaon-gu, Seoul' },
  },
  theatre: {
    name: { ko: '새벽달극장', en: 'Saebyeokdal Theatre' },
    address: { ko: '서울특별시 가온구 새벽길 24', en: '24 Saebyeok-gil, Gaon-gu, Seoul' },
  },
  'concert-hall': {
    name: { ko: '솔바람 콘서트홀', en: 'Solbaram Concert Hall' },
    address: { ko: '서울특별시 가온구 솔바람로 7', en: '7 Solbaram-ro, Gaon-gu, Seoul' },
  },
  studio: {
    name: { ko: '소극장 귤빛', en: 'Studio Gyulbit' },
    address: {
      ko: '서울특별시 가온구 골목길 3-1 지하 1층',
      en: 'B1, 3-1 Golmok-gil, Gaon-gu, Seoul',
    },
  },
  'media-hall': {
    name: { ko: '온빛 미디어홀', en: 'Onbit Media Hall' },
    address: { ko: '서울특별시 가온구 온빛길 51', en: '51 Onbit-gil, Gaon-gu, Seoul' },
  },
};

const plans: Readonly<Record<DemoVenueKey, () => LayoutDocument>> = {
  arena: arenaPlan,
  theatre: theatrePlan,
  'concert-hall': concertHallPlan,
  studio: studioPlan,
  'media-hall': mediaHallPlan,
};

export const demoVenues = (): DemoVenue[] => {
  const keys = Object.keys(venueFacts) as DemoVenueKey[];
  return keys.map((key) => ({
    key,
    ...venueFacts[key],
    timeZone: 'Asia/Seoul',
    plan: plans[key](),
  }));
};
