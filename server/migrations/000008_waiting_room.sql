-- Up Migration
CREATE SCHEMA waiting_room;

-- What must survive the loss of any store: the room's control, the secret of its draw, and the
-- highest numbers seen. Nothing here is written per person.
CREATE TABLE waiting_room.rooms (
  show_id text COLLATE "C" PRIMARY KEY,
  rev bigint NOT NULL,
  -- domain/room/words.ts: RoomControl.
  control jsonb NOT NULL,
  -- contract/src/waiting-room.ts: roomSettings.
  settings jsonb NOT NULL,
  -- Secret until the draw.
  server_seed text NOT NULL,
  commitment text NOT NULL,
  enabled_at timestamptz NOT NULL,
  -- The highest that any process served.
  tail bigint NOT NULL DEFAULT 0,
  front bigint NOT NULL DEFAULT 0,
  changed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- The journal of rooms that a process keeps in memory, in batches, so that a new process can
-- restore them.
CREATE TABLE waiting_room.journal (
  show_id text COLLATE "C" NOT NULL,
  seq bigint NOT NULL,
  records bytea NOT NULL,
  written_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (show_id, seq)
);

-- Who may write the journal: one process.
CREATE TABLE waiting_room.keeper (
  is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
  owner text NOT NULL,
  until timestamptz NOT NULL
);

-- Closed orders of shows with a room, whose pass has not been updated yet.
CREATE TABLE waiting_room.order_ends (
  event_id text COLLATE "C" PRIMARY KEY,
  show_id text COLLATE "C" NOT NULL,
  order_id text COLLATE "C" NOT NULL,
  buyer_id text COLLATE "C" NOT NULL,
  kind text COLLATE "C" NOT NULL CHECK (kind IN ('complete', 'unpin')),
  noted_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE SCHEMA operations;

-- Who pulled which lever, when and why: written before the change, so that there is no change
-- without a row. Never changed.
CREATE TABLE operations.levers (
  -- Also the id of the change: a retry changes nothing twice and completes the same row.
  id text COLLATE "C" PRIMARY KEY,
  seq bigint GENERATED ALWAYS AS IDENTITY,
  show_id text COLLATE "C" NOT NULL,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- null: the program.
  account_id text COLLATE "C",
  -- The lever as sent.
  action jsonb NOT NULL,
  reason text,
  -- Revision that the operator saw; null: no room.
  if_rev bigint,
  request_id text NOT NULL
);
CREATE INDEX levers_show ON operations.levers (show_id, seq DESC);

-- The outcome, written afterwards. A lever without a row here: the program stopped halfway.
CREATE TABLE operations.lever_outcomes (
  lever_id text COLLATE "C" NOT NULL REFERENCES operations.levers (id),
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  outcome text COLLATE "C" NOT NULL CHECK (outcome IN ('done', 'refused')),
  -- Revision of the room afterwards; null: no room.
  rev bigint CHECK (rev IS NOT NULL OR outcome = 'refused'),
  detail text,
  -- A later retry of a refused call may succeed.
  PRIMARY KEY (lever_id, outcome)
);

CREATE FUNCTION operations.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON operations.levers
  FOR EACH STATEMENT EXECUTE FUNCTION operations.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON operations.lever_outcomes
  FOR EACH STATEMENT EXECUTE FUNCTION operations.refuse_change();
