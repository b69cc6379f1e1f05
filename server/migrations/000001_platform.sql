-- Up Migration
CREATE SCHEMA IF NOT EXISTS platform;

-- Functions next to their service (services/*/sql); re-created when their text changes.
CREATE TABLE platform.routines (
  name text PRIMARY KEY,
  digest text NOT NULL,
  laid_at timestamptz NOT NULL DEFAULT now()
);

-- Events, written in the transaction of the change that they report. `seq` orders the events of a
-- show: an event that depends on an earlier one is written after that one was committed.
CREATE TABLE platform.outbox (
  seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id text COLLATE "C" NOT NULL UNIQUE,
  show_id text COLLATE "C" NOT NULL,
  type text NOT NULL,
  payload jsonb NOT NULL,
  trace_id text,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  published_at timestamptz
);
CREATE INDEX outbox_waiting ON platform.outbox (seq) WHERE published_at IS NULL;
CREATE INDEX outbox_published ON platform.outbox (published_at) WHERE published_at IS NOT NULL;

-- Events that a consumer has handled; written in the transaction of its effect.
CREATE TABLE platform.inbox (
  consumer text NOT NULL,
  event_id text COLLATE "C" NOT NULL,
  seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (consumer, event_id)
);
CREATE INDEX inbox_seen ON platform.inbox (seen_at);

-- Events that a consumer failed to handle after all retries; the operator lists and replays them.
CREATE TABLE platform.dead_letters (
  consumer text NOT NULL,
  event_id text COLLATE "C" NOT NULL,
  show_id text COLLATE "C" NOT NULL,
  type text NOT NULL,
  payload jsonb NOT NULL,
  tries integer NOT NULL,
  error text NOT NULL,
  died_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  replayed_at timestamptz,
  PRIMARY KEY (consumer, event_id)
);

-- The first response to each request with an Idempotency-Key; kept 24 hours.
CREATE TABLE platform.answers (
  scope text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  fingerprint text COLLATE "C" NOT NULL,
  status integer NOT NULL,
  content_type text NOT NULL,
  body text NOT NULL,
  answered_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (scope, key)
);
CREATE INDEX answers_answered ON platform.answers (answered_at);

-- Work that one process at a time does for all: the one that holds the name, until `until`.
CREATE TABLE platform.leases (
  name text PRIMARY KEY,
  owner text NOT NULL,
  until timestamptz NOT NULL
);
