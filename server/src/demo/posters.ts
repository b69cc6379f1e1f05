import { posterDate } from './calendar.ts';
import {
  aTenderNoise,
  coordinatesOfTheNight,
  fourWindows,
  midnightMapOfJazz,
  northSea,
  slowFireworks,
} from './poster-music.ts';
import type { PosterArt } from './poster-parts.ts';
import {
  detective,
  lastPostOffice,
  lettersInLight,
  refrigerator,
  seaRemembers,
} from './poster-rooms.ts';
import { clockTower, redLighthouse, whale } from './poster-stage.ts';
import type { DemoShow } from './show-types.ts';
import { venueFacts } from './venues.ts';

const arts: Readonly<Record<string, PosterArt>> = {
  'coordinates-of-the-night': coordinatesOfTheNight,
  'red-lighthouse': redLighthouse,
  'last-post-office': lastPostOffice,
  'midnight-map-of-jazz': midnightMapOfJazz,
  'how-to-become-a-whale': whale,
  'north-sea-symphony': northSea,
  'letters-written-in-light': lettersInLight,
  'summer-in-the-refrigerator': refrigerator,
  'four-windows': fourWindows,
  'a-tender-noise': aTenderNoise,
  'children-of-the-clock-tower': clockTower,
  'slow-fireworks': slowFireworks,
  'what-the-sea-remembers': seaRemembers,
  'four-oclock-detective': detective,
};

/** An SVG of 600 × 800 with the Korean title, the dates and the venue; at most 6 kB. */
export const poster = (show: DemoShow): string => {
  const art = arts[show.key];
  if (!art) throw new Error(`the show ${show.key} has no poster`);
  const [, kind = '', name = show.title.ko] = /^(.*) 〈(.*)〉$/.exec(show.title.ko) ?? [];
  return art({
    kind,
    words: name.split(' '),
    english: show.title.en,
    dates: datesOf(show.startsAtMs),
    venue: venueFacts[show.venue].name.ko,
  });
};

const datesOf = (startsAtMs: readonly number[]): string => {
  const first = posterDate(startsAtMs[0] ?? 0);
  const last = posterDate(startsAtMs.at(-1) ?? 0);
  if (first === last) return first;
  const isSameYear = first.slice(0, 4) === last.slice(0, 4);
  return `${first} – ${isSameYear ? last.slice(5) : last}`;
};
