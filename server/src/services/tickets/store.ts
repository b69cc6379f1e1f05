import type { seatView } from '@usher/contract/seats.ts';
import type { TicketState } from '@usher/domain/order-states.ts';
import type { z } from 'zod';
import type { Sql } from '../../platform/postgres/sql.ts';

export type StoredTicket = {
  readonly id: string;
  readonly showId: string;
  readonly orderId: string;
  readonly performanceId: string;
  readonly buyerId: string;
  readonly seatNo: number;
  readonly seat: z.infer<typeof seatView>;
  readonly state: TicketState;
  readonly issuedAt: Date;
};

const columns = `id, show_id AS "showId", order_id AS "orderId",
  performance_id AS "performanceId", buyer_id AS "buyerId", seat_no AS "seatNo", seat, state,
  issued_at AS "issuedAt"`;

export type TicketsStore = ReturnType<typeof makeTicketsStore>;

/** Every lookup for a buyer includes the buyer: another person's ticket is not found. */
export const makeTicketsStore = (db: Sql) => ({
  ofOrder: (orderId: string): Promise<StoredTicket[]> =>
    db.query<StoredTicket>(
      `SELECT ${columns} FROM tickets.tickets WHERE order_id = $1 ORDER BY seat_no`,
      [orderId],
    ),
  ofBuyersOrder: (buyerId: string, orderId: string): Promise<StoredTicket[]> =>
    db.query<StoredTicket>(
      `SELECT ${columns} FROM tickets.tickets
       WHERE order_id = $1 AND buyer_id = $2 ORDER BY seat_no`,
      [orderId, buyerId],
    ),
  ofBuyer: async (buyerId: string, ticketId: string): Promise<StoredTicket | null> => {
    const rows = await db.query<StoredTicket>(
      `SELECT ${columns} FROM tickets.tickets WHERE id = $1 AND buyer_id = $2`,
      [ticketId, buyerId],
    );
    return rows[0] ?? null;
  },
  byId: async (ticketId: string): Promise<StoredTicket | null> => {
    const rows = await db.query<StoredTicket>(
      `SELECT ${columns} FROM tickets.tickets WHERE id = $1`,
      [ticketId],
    );
    return rows[0] ?? null;
  },
});
