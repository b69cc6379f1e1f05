-- Up Migration
CREATE SCHEMA IF NOT EXISTS platform;

-- Functions that stand beside their service (services/*/sql); laid anew when their text changes.
CREATE TABLE platform.routines (
  name text PRIMARY KEY,
  digest text NOT NULL,
  laid_at timestamptz NOT NULL DEFAULT now()
);

-- What happened, written in the transaction of what it happened to. `seq` orders the events of a
-- show: whatever depends on an earlier event was written after it was committed.
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

-- What a consumer has seen; written in the transaction of its effect.
CREATE TABLE platform.inbox (
  consumer text NOT NULL,
  event_id text COLLATE "C" NOT NULL,
  seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (consumer, event_id)
);
CREATE INDEX inbox_seen ON platform.inbox (seen_at);

-- An event that a consumer could not take after all tries: listed and replayed by the operator.
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

-- The first answer to every call that carried an Idempotency-Key; kept 24 hours.
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

-- Work that one process at a time does for all: whoever holds the name until `until`.
CREATE TABLE platform.leases (
  name text PRIMARY KEY,
  owner text NOT NULL,
  until timestamptz NOT NULL
);
