import type { Module } from '../../platform/module.ts';
import type { Sql } from '../../platform/postgres/sql.ts';
import type { SideThread } from '../../platform/side-thread.ts';
import { idleWorker } from '../../platform/worker.ts';
import { makeTicketsRoutes } from './routes.ts';
import { makeTickets, type TicketsDoors, type TicketsService } from './service.ts';
import { makeTicketsStore } from './store.ts';

/** `secret` is the installation's: a different one would make every printed ticket invalid. */
export const openTickets = (
  context: { readonly db: Sql; readonly secret: string; readonly sideThread: SideThread },
  doors: TicketsDoors,
): Module<TicketsService> => {
  const service = makeTickets({
    store: makeTicketsStore(context.db),
    doors,
    sideThread: context.sideThread,
    secret: context.secret,
  });
  return {
    service,
    routes: makeTicketsRoutes(service),
    start: () => idleWorker,
    close: async () => undefined,
  };
};
