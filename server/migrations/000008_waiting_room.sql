-- Up Migration
CREATE SCHEMA waiting_room;

-- What of a room must outlive every store: its control, the secret of its draw, and how far its
-- numbers were seen to go. Nothing here is written for a person.
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

-- What happened in the rooms that a process keeps in its memory, in batches, so that a new process
-- finds them as they were.
CREATE TABLE waiting_room.journal (
  show_id text COLLATE "C" NOT NULL,
  seq bigint NOT NULL,
  records bytea NOT NULL,
  written_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (show_id, seq)
);

-- Who may write the journal: one process.
CREATE TABLE waiting_room.keeper (
  only boolean PRIMARY KEY DEFAULT true CHECK (only),
  owner text NOT NULL,
  until timestamptz NOT NULL
);

CREATE SCHEMA operations;

-- Who pulled which lever, when and why; written with the change it made, never changed.
CREATE TABLE operations.levers (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  show_id text COLLATE "C" NOT NULL,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- Null: the command line.
  account_id text COLLATE "C",
  action jsonb NOT NULL,
  reason text,
  rev bigint NOT NULL,
  request_id text NOT NULL
);
CREATE INDEX levers_show ON operations.levers (show_id, id DESC);
