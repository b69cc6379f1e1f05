import type { Module } from '../../platform/module.ts';
import type { Sql } from '../../platform/postgres/sql.ts';
import { idleWorker } from '../../platform/worker.ts';
import { loadTicketFont } from './render.ts';
import { makeTicketsRoutes } from './routes.ts';
import { makeTickets, type TicketsDoors, type TicketsService } from './service.ts';
import { makeTicketsStore } from './store.ts';

/** `secret` is the installation's: a different one would make every printed ticket invalid. */
export const openTickets = (
  context: { readonly db: Sql; readonly secret: string },
  doors: TicketsDoors,
): Module<TicketsService> => {
  const service = makeTickets({
    store: makeTicketsStore(context.db),
    doors,
    font: loadTicketFont(),
    secret: context.secret,
  });
  return {
    service,
    routes: makeTicketsRoutes(service),
    start: () => idleWorker,
    close: async () => undefined,
  };
};
