import type { Ids } from '../../platform/ids.ts';
import type { Module } from '../../platform/module.ts';
import type { Database } from '../../platform/postgres/sql.ts';
import { leverRoutes } from './routes.ts';
import { type Levers, makeLevers, type Rooms } from './service.ts';
import { makeLeverAudit } from './store.ts';

/** The levers on the waiting rooms. Nothing of it runs by itself. */
export const openLevers = (
  { db, ids }: { db: Database; ids: Ids },
  { rooms }: { rooms: Rooms },
): Module<Levers> => {
  const levers = makeLevers({ audit: makeLeverAudit(db), rooms, ids });
  return { service: levers, routes: leverRoutes(levers), close: async () => undefined };
};
