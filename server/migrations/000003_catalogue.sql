-- Up Migration
CREATE SCHEMA venues;

-- The position of every seat, stored once under the hash of its content; never changed.
CREATE TABLE venues.layouts (
  version text COLLATE "C" PRIMARY KEY,
  -- JSON as sent, gzip: 13 kB for an arena of 20,000 seats.
  document bytea NOT NULL,
  seat_count integer NOT NULL CHECK (seat_count BETWEEN 1 AND 100000),
  -- Grades in the order of the document, and how many seats each has.
  grades text[] NOT NULL,
  grade_seats integer[] NOT NULL,
  CHECK (cardinality(grades) = cardinality(grade_seats) AND cardinality(grades) > 0)
);

-- Texts for people are { ko, en }. A venue is never edited, so who made it, when and by which
-- request is its whole audit trail.
CREATE TABLE venues.venues (
  id text COLLATE "C" PRIMARY KEY,
  name jsonb NOT NULL,
  address jsonb NOT NULL,
  time_zone text NOT NULL,
  owner_id text COLLATE "C" NOT NULL,
  request_id text NOT NULL,
  created_at timestamptz NOT NULL
);
CREATE INDEX venues_newest ON venues.venues (created_at DESC, id DESC);

CREATE TABLE venues.seating_plans (
  id text COLLATE "C" PRIMARY KEY,
  venue_id text COLLATE "C" NOT NULL UNIQUE REFERENCES venues.venues,
  layout_version text COLLATE "C" NOT NULL REFERENCES venues.layouts
);

CREATE SCHEMA catalogue;

CREATE TABLE catalogue.shows (
  id text COLLATE "C" PRIMARY KEY,
  owner_id text COLLATE "C" NOT NULL,
  venue_id text COLLATE "C" NOT NULL,
  title jsonb NOT NULL,
  synopsis jsonb NOT NULL,
  category text NOT NULL
    CHECK (category IN ('MUSICAL', 'CONCERT', 'PLAY', 'CLASSIC', 'EXHIBITION')),
  running_time_minutes integer NOT NULL,
  age_limit integer NOT NULL,
  ladder text NOT NULL CHECK (ladder IN ('operator', 'consumer-standard')),
  sale_opens_at timestamptz NOT NULL,
  sale_closes_at timestamptz NOT NULL CHECK (sale_closes_at > sale_opens_at),
  buyer_limit integer NOT NULL CHECK (buyer_limit BETWEEN 1 AND 20),
  refuses_stranding boolean NOT NULL,
  -- null: drawn from the title.
  poster_svg text,
  poster_version text NOT NULL,
  -- Stored with the show, so that a list reads one row per show.
  lowest_price_minor bigint NOT NULL CHECK (lowest_price_minor >= 0),
  currency text NOT NULL CHECK (currency = 'KRW'),
  -- 'infinity' while there is no performance: such shows come last.
  first_starts_at timestamptz NOT NULL DEFAULT 'infinity',
  last_starts_at timestamptz,
  -- Nothing is sold after the last performance has started (LEAST ignores nulls).
  sale_ends_at timestamptz NOT NULL
    GENERATED ALWAYS AS (LEAST(sale_closes_at, last_starts_at)) STORED,
  -- domain/search-text.ts: made by the program, the same on every database.
  search_text text COLLATE "C" NOT NULL,
  search_grams text[] COLLATE "C" NOT NULL,
  created_at timestamptz NOT NULL
);
CREATE INDEX shows_starting ON catalogue.shows (first_starts_at, id);
CREATE INDEX shows_opening ON catalogue.shows (sale_opens_at, id);
CREATE INDEX shows_newest ON catalogue.shows (created_at DESC, id DESC);
CREATE INDEX shows_search ON catalogue.shows USING gin (search_grams);

CREATE TABLE catalogue.grades (
  show_id text COLLATE "C" NOT NULL REFERENCES catalogue.shows,
  code text COLLATE "C" NOT NULL,
  position integer NOT NULL,
  name jsonb NOT NULL,
  price_minor bigint NOT NULL CHECK (price_minor >= 0),
  currency text NOT NULL CHECK (currency = 'KRW'),
  PRIMARY KEY (show_id, code)
);

-- What changes with every buyer, kept apart from the wide rows of the shows.
CREATE TABLE catalogue.show_counts (
  show_id text COLLATE "C" PRIMARY KEY REFERENCES catalogue.shows,
  likes integer NOT NULL DEFAULT 0 CHECK (likes >= 0),
  -- At the last check no performance on sale had a seat left.
  sold_out boolean NOT NULL DEFAULT false,
  changed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX show_counts_sold_out ON catalogue.show_counts (show_id) WHERE sold_out;
CREATE INDEX show_counts_changed ON catalogue.show_counts (changed_at);

CREATE TABLE catalogue.performances (
  id text COLLATE "C" PRIMARY KEY,
  show_id text COLLATE "C" NOT NULL REFERENCES catalogue.shows,
  starts_at timestamptz NOT NULL,
  -- Counted by start within the day of the venue's clock.
  round integer NOT NULL CHECK (round > 0),
  seating_plan_id text COLLATE "C" NOT NULL,
  layout_version text COLLATE "C" NOT NULL,
  UNIQUE (show_id, starts_at)
);
CREATE INDEX performances_starting ON catalogue.performances (starts_at);

CREATE TABLE catalogue.likes (
  account_id text COLLATE "C" NOT NULL,
  show_id text COLLATE "C" NOT NULL REFERENCES catalogue.shows,
  liked_at timestamptz NOT NULL,
  -- When the buyer was notified that the sale opened; at once if it was already open.
  told_at timestamptz,
  PRIMARY KEY (account_id, show_id)
);
CREATE INDEX likes_newest ON catalogue.likes (account_id, liked_at DESC, show_id DESC);
CREATE INDEX likes_untold ON catalogue.likes (show_id) WHERE told_at IS NULL;

-- Who changed what, when, by which request. Append-only.
CREATE TABLE catalogue.audit (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  account_id text COLLATE "C" NOT NULL,
  action text NOT NULL,
  subject_id text COLLATE "C" NOT NULL,
  request_id text NOT NULL,
  details jsonb NOT NULL
);
CREATE INDEX audit_subject ON catalogue.audit (subject_id, id);

-- Demo data sets that are completely loaded.
CREATE TABLE catalogue.seeds (
  name text PRIMARY KEY,
  done_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
