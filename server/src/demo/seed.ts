import type { CatalogueService } from '../services/catalogue/index.ts';
import type { IdentityService } from '../services/identity/index.ts';
import type { VenuesService } from '../services/venues/index.ts';
import { demoAccounts } from './accounts.ts';
import { poster } from './posters.ts';
import { demoShows } from './shows.ts';
import { demoVenues } from './venues.ts';

/** Every seat of these performances is bought; seats that are already sold stay so. */
export type SellAll = (
  performances: readonly { showId: string; performanceId: string; seatCount: number }[],
) => Promise<void>;

/** Buyers of this show come through a waiting room, which draws when its sale opens. */
export type GiveRoom = (showId: string, opensAtMs: number) => Promise<void>;

const seedName = 'demo';

/**
 * Fills a ticket office with the demonstration, around `nowMs`, once: one that has it is left
 * unchanged. Every step is idempotent, so one that was interrupted is completed. Sold-out
 * performances are sold last, when everything else exists.
 */
export const seedDemo = async (deps: {
  identity: Pick<IdentityService, 'ensureAccount'>;
  venues: Pick<VenuesService, 'add'>;
  catalogue: Pick<CatalogueService, 'addShow' | 'isSeeded' | 'noteSeeded'>;
  giveRoom: GiveRoom;
  sellAll: SellAll;
  nowMs: number;
}): Promise<'seeded' | 'seeded before'> => {
  const { identity, venues, catalogue, giveRoom, sellAll, nowMs } = deps;
  if (await catalogue.isSeeded(seedName)) return 'seeded before';
  const accountIds = new Map<string, string>();
  for (const account of demoAccounts)
    accountIds.set(account.email, await identity.ensureAccount(account));
  const accountId = accountIds.get('organiser@example.com') ?? '';
  const makerOf = (key: string) => ({ accountId, requestId: 'demo', key: `demo ${key}` });

  const houses = new Map<string, { id: string; seatCount: number; seatingPlanId: string }>();
  for (const { key, ...house } of demoVenues())
    houses.set(key, await venues.add(makerOf(key), house));
  const soldOut: Parameters<SellAll>[0][number][] = [];
  for (const show of demoShows(nowMs)) {
    const { key, venue, grades, isSoldOut, hasRoom, startsAtMs, rules, ...fields } = show;
    const house = houses.get(venue);
    if (house === undefined) throw new Error(`the demo has no venue ${venue}`);
    const { showId, performanceIds } = await catalogue.addShow(
      { ...makerOf(key), isOperator: false },
      {
        ...fields,
        venueId: house.id,
        grades: grades.map(({ code, name, price }) => ({ code, name, priceMinor: price.amount })),
        buyerLimit: 4,
        namesBuyer: false,
        paintings: rules.length === 0 ? [] : [{ seatingPlanId: house.seatingPlanId, rules }],
        posterSvg: poster(show),
        startsAtMs: startsAtMs.filter((atMs) => atMs > nowMs),
      },
    );
    if (hasRoom) await giveRoom(showId, show.saleOpensAtMs);
    if (!isSoldOut) continue;
    const { seatCount } = house;
    soldOut.push(...performanceIds.map((performanceId) => ({ showId, performanceId, seatCount })));
  }
  await sellAll(soldOut);
  await catalogue.noteSeeded(seedName);
  return 'seeded';
};
