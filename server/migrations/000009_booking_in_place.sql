-- Up Migration
-- Seats, holds, orders and attempts change state a few times within seconds. A change that touches
-- no column of an index, nor of an index's condition, is written beside the old row on its page and
-- no index hears of it (a HOT update). For that the conditions name instants that are set once
-- instead of the state, and half of each page is kept free for the changes to come.
-- Breaks nothing: the indexes answer what they answered; a table grows into its new layout.

ALTER TABLE seats.claims SET (fillfactor = 50);
ALTER TABLE seats.holds SET (fillfactor = 50);
ALTER TABLE orders.orders SET (fillfactor = 50);
ALTER TABLE payments.attempts SET (fillfactor = 50);

-- By the buyer alone: with the performance behind it the index looked as good as the primary key
-- for finding the claims of a hold while there were few, and the kept plan then read it whole.
DROP INDEX seats.claims_buyer;
CREATE INDEX claims_buyer ON seats.claims (buyer_id);

-- Holds that can lapse, and those being paid for, which cannot: the sweeper passes these over.
DROP INDEX seats.holds_due;
CREATE INDEX holds_due ON seats.holds (deadline) WHERE ended_at IS NULL;

-- Nobody asked for the open orders of all shows; an order ends with its hold, found by its id.
DROP INDEX orders.orders_open;

DROP INDEX payments.attempts_open;
CREATE INDEX attempts_open ON payments.attempts (locked_at)
  WHERE locked_at IS NOT NULL AND settled_at IS NULL;
