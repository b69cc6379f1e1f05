-- Up Migration
CREATE SCHEMA tickets;

-- One seat of a performance for one person; written in the transaction that makes the order PAID.
-- show_id comes first in the key: shows can be spread over databases.
CREATE TABLE tickets.tickets (
  show_id text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL,
  order_id text COLLATE "C" NOT NULL,
  performance_id text COLLATE "C" NOT NULL,
  buyer_id text COLLATE "C" NOT NULL,
  seat_no integer NOT NULL CHECK (seat_no >= 0),
  grade text COLLATE "C" NOT NULL,
  -- The seat as the seating plan named it at purchase: {seatNo, section, row, number, grade}.
  seat jsonb NOT NULL,
  state text NOT NULL DEFAULT 'LIVE' CHECK (state IN ('LIVE', 'CANCELLED')),
  issued_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (show_id, id)
);
-- Invariant I1: at most one live ticket for each seat of a performance.
CREATE UNIQUE INDEX tickets_live_seat ON tickets.tickets (show_id, performance_id, seat_no)
  WHERE state = 'LIVE';
CREATE INDEX tickets_id ON tickets.tickets (id);
CREATE INDEX tickets_order ON tickets.tickets (order_id);
