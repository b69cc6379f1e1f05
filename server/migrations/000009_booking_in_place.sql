-- Up Migration
-- Seats, holds, orders and attempts change state a few times within seconds. A change that touches
-- no column of an index, nor of an index's condition, is written next to the old row on its page
-- without updating any index (a HOT update). For that, the conditions use instants that are set
-- once instead of the state, and half of each page is kept free for updates. Compatible with older
-- versions: the indexes serve the same queries; a table grows into its new layout.

ALTER TABLE seats.claims SET (fillfactor = 50);
ALTER TABLE seats.holds SET (fillfactor = 50);
ALTER TABLE orders.orders SET (fillfactor = 50);
ALTER TABLE payments.attempts SET (fillfactor = 50);

-- By the buyer only: with the performance as second column, the planner preferred this index to the
-- primary key for the claims of a hold while there were few, and the cached plan then read all of
-- it.
DROP INDEX seats.claims_buyer;
CREATE INDEX claims_buyer ON seats.claims (buyer_id);

-- Holds that can lapse, and holds being paid for, which cannot: the sweeper skips those.
DROP INDEX seats.holds_due;
CREATE INDEX holds_due ON seats.holds (deadline) WHERE ended_at IS NULL;

-- No query needs the open orders of all shows; an order ends with its hold, found by its id.
DROP INDEX orders.orders_open;

DROP INDEX payments.attempts_open;
CREATE INDEX attempts_open ON payments.attempts (locked_at)
  WHERE locked_at IS NOT NULL AND settled_at IS NULL;
