-- Up Migration
-- Which moves from state to state exist, for every kind of row that has states. `migrate` writes
-- them from the program's own table (domain/src/order-states.ts) and makes the triggers that refuse
-- every other move. An order is never STUCK: nothing sets that state.
-- Breaks nothing: an older program makes no move that is not in the table.

CREATE TABLE platform.moves (
  machine text NOT NULL,
  -- Null: the row begins in to_state.
  from_state text,
  -- Null: the row may be deleted in from_state.
  to_state text,
  UNIQUE NULLS NOT DISTINCT (machine, from_state, to_state),
  CHECK (from_state IS NOT NULL OR to_state IS NOT NULL)
);

-- Called only for a move that does not exist: the condition of the trigger has decided it.
CREATE FUNCTION platform.refuse_move() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  from_row jsonb := to_jsonb(OLD);
  to_row jsonb := to_jsonb(NEW);
BEGIN
  RAISE EXCEPTION '% % may not move from % to %', TG_ARGV[0],
    coalesce(from_row, to_row)->>TG_ARGV[1],
    coalesce(from_row->>'state', 'nothing'), coalesce(to_row->>'state', 'nothing')
    USING ERRCODE = 'check_violation';
END $$;

ALTER TABLE orders.orders
  DROP CONSTRAINT orders_state_check,
  ADD CONSTRAINT orders_state_check CHECK (state IN ('PENDING', 'PAYING', 'PAID',
    'PARTLY_REFUNDED', 'REFUNDED', 'EXPIRED', 'CANCELLED', 'FAILED', 'UNKNOWN'));
