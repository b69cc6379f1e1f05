import type { Buyer } from './crowd.ts';
import type { RoomSample } from './room-audit.ts';

/** The data of the page with the charts; instants on the run's monotonic clock. */
export type Evening = {
  buyers: readonly Buyer[];
  samples: readonly RoomSample[];
  startMs: number;
  opensAtMs: number;
  endMs: number;
};

/** Seconds from the opening; negative before it. */
export type Timeline = {
  fromS: number;
  toS: number;
  /** Width of a bucket of the counts. */
  bucketS: number;
  /** Per second, bucket by bucket. */
  arrivals: number[];
  admissions: number[];
  samples: (Pick<RoomSample, 'waiting' | 'called' | 'active' | 'late'> & {
    atS: number;
    seatsSold: number;
  })[];
  ratePerS: number;
  activeMax: number;
};

const bucketsMax = 120;
const bucketWidthsS = [0.5, 1, 2, 5, 10, 30, 60, 300];
const samplesMax = 400;

export const timelineOf = (evening: Evening, seats: number): Timeline => {
  const { buyers, samples, startMs, opensAtMs, endMs } = evening;
  const inS = (ms: number): number => (ms - opensAtMs) / 1000;
  const spanS = inS(endMs) - inS(startMs);
  const bucketS = bucketWidthsS.find((width) => spanS / width <= bucketsMax) ?? 600;
  const fromS = Math.floor(inS(startMs) / bucketS) * bucketS;
  const count = Math.floor((inS(endMs) - fromS) / bucketS) + 1;
  const perS = (instantsMs: readonly (number | null)[]): number[] => {
    const counts = new Array<number>(count).fill(0);
    for (const ms of instantsMs) {
      if (ms === null) continue;
      const at = Math.floor((inS(ms) - fromS) / bucketS);
      if (at >= 0 && at < count) counts[at] = (counts[at] ?? 0) + 1 / bucketS;
    }
    return counts;
  };
  const last = samples.at(-1);
  return {
    fromS,
    toS: fromS + count * bucketS,
    bucketS,
    arrivals: perS(buyers.map(({ visit }) => visit.places[0]?.joinAskedMs ?? null)),
    admissions: perS(buyers.map(({ visit }) => visit.passToldMs)),
    samples: thinned(samples).map((sample) => ({
      atS: inS(sample.toldMs),
      waiting: sample.waiting,
      called: sample.called,
      active: sample.active,
      late: sample.late,
      seatsSold: Math.max(0, seats - sample.seatsLeft),
    })),
    ratePerS: (last?.ratePerMinute ?? 0) / 60,
    activeMax: last?.activeMax ?? 0,
  };
};

/** For each interval the sample with most people inside: a peak must not be thinned away. */
const thinned = (samples: readonly RoomSample[]): RoomSample[] => {
  const width = Math.ceil(samples.length / samplesMax);
  if (width <= 1) return [...samples];
  const kept: RoomSample[] = [];
  for (let from = 0; from < samples.length; from += width) {
    const stretch = samples.slice(from, from + width);
    const inside = ({ active, called }: RoomSample): number => active + called;
    kept.push(stretch.reduce((most, each) => (inside(each) > inside(most) ? each : most)));
  }
  return kept;
};

/** How many values are in each of `count` bins from 0 to `max`. */
export const binned = (values: readonly number[], max: number, count: number): number[] => {
  const bins = new Array<number>(count).fill(0);
  for (const value of values) {
    const at = Math.min(count - 1, Math.max(0, Math.floor((value / max) * count)));
    bins[at] = (bins[at] ?? 0) + 1;
  }
  return bins;
};
